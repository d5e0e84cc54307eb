import { type Because, eventsOf, type SecurityEvent } from '@holdfast/audit'
import type { PeopleChange, PeopleListing, PeopleRecord, PeopleStore } from '../store.ts'

/** A real store, in memory. */
export class MemoryPeopleStore implements PeopleStore {
  readonly events: SecurityEvent[] = []
  readonly #records = new Map<string, PeopleRecord>()

  async listPeople(): Promise<PeopleListing> {
    return { records: [...this.#records.values()], damaged: [] }
  }

  async changePeople({ put, remove }: PeopleChange, because?: Because): Promise<void> {
    for (const { kind, id } of remove) this.#records.delete(`${kind} ${id}`)
    for (const record of put) this.#records.set(`${record.kind} ${record.id}`, record)
    this.events.push(...eventsOf(because))
  }
}

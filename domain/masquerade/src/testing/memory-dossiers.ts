/** Dossiers in memory, with the promises of their port, for tests. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import { type IdentityKey, identityText } from '@holdfast/identity'
import type { DossierStore, DossierWrite } from '../dossiers.ts'

export class MemoryDossierStore implements DossierStore {
  readonly records = new Map<string, string>()
  /** Whether the disk takes nothing. */
  isFull = false
  reads = 0
  readonly #sink: EventSink

  /** @param sink told what writes bring, where they did what was asked. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  async listDossiers(limit: number): Promise<readonly (IdentityKey & { readonly record: string })[]> {
    return [...this.records].slice(0, limit).map(([text, record]) => {
      const [deviceId = '', moduleId] = text.split('/')
      return moduleId === undefined ? { deviceId, record } : { deviceId, moduleId, record }
    })
  }

  async readDossier(key: IdentityKey): Promise<string | undefined> {
    this.reads += 1
    return this.records.get(identityText(key))
  }

  async writeDossiers(writes: readonly DossierWrite[], because?: Because): Promise<void> {
    if (this.isFull) throw new Error('the disk is full')
    for (const { record, ...key } of writes) {
      if (record === undefined) this.records.delete(identityText(key))
      else this.records.set(identityText(key), record)
    }
    for (const event of eventsOf(because)) this.#sink(event)
  }
}

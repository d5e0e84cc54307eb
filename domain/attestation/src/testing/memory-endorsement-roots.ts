/** A store of roots in memory. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import type { EndorsementRootStore, StoredEndorsementRoot } from '../endorsement-roots.ts'

export class MemoryEndorsementRootStore implements EndorsementRootStore {
  readonly #roots = new Map<string, StoredEndorsementRoot>()

  readonly #sink: EventSink

  /** @param sink told what writes bring, where they did what was asked. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  async listEndorsementRoots(): Promise<readonly StoredEndorsementRoot[]> {
    return [...this.#roots.values()]
  }

  async writeEndorsementRoot(root: StoredEndorsementRoot, because?: Because): Promise<void> {
    this.#roots.set(root.name, root)
    for (const event of eventsOf(because)) this.#sink(event)
  }

  async deleteEndorsementRoot(name: string, because?: Because): Promise<void> {
    if (!this.#roots.delete(name)) return
    for (const event of eventsOf(because)) this.#sink(event)
  }
}

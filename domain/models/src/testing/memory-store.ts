/** Models in memory, with the promises of `store.ts`. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import type { DeviceModel } from '../model.ts'
import type { ModelExpectation, ModelStore } from '../store.ts'

export class MemoryModelStore implements ModelStore {
  readonly #models = new Map<string, DeviceModel>()
  /** Ids of models that something is of. */
  readonly used = new Set<string>()
  readonly #sink: EventSink

  /** @param sink told what writes bring, where they did what was asked. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  async listModels(): Promise<readonly DeviceModel[]> {
    return [...this.#models.values()]
  }

  async writeModel(model: DeviceModel, expected: ModelExpectation, because?: Because): Promise<'written' | 'conflict'> {
    const current = this.#models.get(model.id)
    const isExpected = expected.kind === 'absent' ? current === undefined : current?.etag === expected.etag
    if (!isExpected) return 'conflict'
    this.#models.set(model.id, structuredClone(model))
    for (const event of eventsOf(because)) this.#sink(event)
    return 'written'
  }

  async deleteModel(id: string, etag: string, because?: Because): Promise<'deleted' | 'conflict' | 'in-use'> {
    if (this.#models.get(id)?.etag !== etag) return 'conflict'
    if (this.used.has(id)) return 'in-use'
    this.#models.delete(id)
    for (const event of eventsOf(because)) this.#sink(event)
    return 'deleted'
  }
}

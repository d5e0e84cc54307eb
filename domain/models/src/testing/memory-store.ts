/** Models in memory, with the promises of `store.ts`. */

import type { DeviceModel } from '../model.ts'
import type { ModelExpectation, ModelStore } from '../store.ts'

export class MemoryModelStore implements ModelStore {
  readonly #models = new Map<string, DeviceModel>()
  /** Ids of models that something is of. */
  readonly used = new Set<string>()

  async listModels(): Promise<readonly DeviceModel[]> {
    return [...this.#models.values()]
  }

  async writeModel(model: DeviceModel, expected: ModelExpectation): Promise<'written' | 'conflict'> {
    const current = this.#models.get(model.id)
    const isExpected = expected.kind === 'absent' ? current === undefined : current?.etag === expected.etag
    if (isExpected) this.#models.set(model.id, structuredClone(model))
    return isExpected ? 'written' : 'conflict'
  }

  async deleteModel(id: string, etag: string): Promise<'deleted' | 'conflict' | 'in-use'> {
    if (this.#models.get(id)?.etag !== etag) return 'conflict'
    if (this.used.has(id)) return 'in-use'
    this.#models.delete(id)
    return 'deleted'
  }
}

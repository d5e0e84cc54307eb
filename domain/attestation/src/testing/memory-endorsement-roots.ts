/** A store of roots in memory. */

import type { EndorsementRootStore, StoredEndorsementRoot } from '../endorsement-roots.ts'

export class MemoryEndorsementRootStore implements EndorsementRootStore {
  readonly #roots = new Map<string, StoredEndorsementRoot>()

  async listEndorsementRoots(): Promise<readonly StoredEndorsementRoot[]> {
    return [...this.#roots.values()]
  }

  async writeEndorsementRoot(root: StoredEndorsementRoot): Promise<void> {
    this.#roots.set(root.name, root)
  }

  async deleteEndorsementRoot(name: string): Promise<void> {
    this.#roots.delete(name)
  }
}

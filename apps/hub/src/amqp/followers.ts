/** Who waits for commits in this front. The core tells of them only while there is somebody. */

export class Followers {
  readonly #listeners = new Set<() => void>()
  readonly #changed: (isWanted: boolean) => void

  constructor(changed: (isWanted: boolean) => void) {
    this.#changed = changed
  }

  /** Calls `listener` after each commit, or after several. Returns what ends it. */
  follow(listener: () => void): () => void {
    const own = (): void => listener()
    this.#listeners.add(own)
    if (this.#listeners.size === 1) this.#changed(true)
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#changed(false)
    }
  }

  committed(): void {
    for (const listener of this.#listeners) listener()
  }
}

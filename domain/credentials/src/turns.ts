/** Changes of one device's certificates, one after the other. */

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` when all that was begun for `name` before has ended, however it ended. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve()
    const turn = before.then(work, work)
    this.#last.set(name, turn)
    try {
      return await turn
    } finally {
      // Bounded by the work under way: who is last takes the name away.
      if (this.#last.get(name) === turn) this.#last.delete(name)
    }
  }
}

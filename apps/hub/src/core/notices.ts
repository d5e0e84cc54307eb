/**
 * Standing notices: what the operator should change although the hub does all of its work. They are logged once when they
 * begin, and stand in the status and in `holdfast doctor` until the reason is gone.
 */

export interface Notice {
  readonly code: string
  /** What is so, in one sentence. */
  readonly detail: string
  /** What to do about it. */
  readonly advice: string
}

export class Notices {
  readonly #raised: (notice: Notice) => void
  readonly #standing = new Map<string, Notice>()

  /** @param raised told of each notice that is new or says something else than before. */
  constructor(raised: (notice: Notice) => void) {
    this.#raised = raised
  }

  /** @param notice undefined: the reason is gone. */
  set(code: string, notice: Omit<Notice, 'code'> | undefined): void {
    const before = this.#standing.get(code)
    if (notice === undefined) {
      this.#standing.delete(code)
      return
    }
    const now = { code, ...notice }
    this.#standing.set(code, now)
    if (before?.detail !== now.detail) this.#raised(now)
  }

  list(): readonly Notice[] {
    return [...this.#standing.values()]
  }
}

/**
 * The order in which deliveries are settled. rhea puts neighbours that are settled in one turn into one disposition, and
 * looks at the outcome of the first alone when there are two: a rejection would go out as an acceptance. So different
 * outcomes go in different turns.
 */

interface Settlement {
  readonly isAcceptance: boolean
  readonly settle: () => void
}

export class Settlements {
  #waiting: Settlement[] = []
  /** What this turn's disposition may go on with; undefined: anything. */
  #turn: 'acceptances' | 'full' | undefined

  add(settlement: Settlement): void {
    if (this.#waiting.length > 0 || !this.#fits(settlement)) this.#waiting.push(settlement)
    else this.#settle(settlement)
  }

  #fits({ isAcceptance }: Settlement): boolean {
    return this.#turn === undefined || (this.#turn === 'acceptances' && isAcceptance)
  }

  #settle({ isAcceptance, settle }: Settlement): void {
    const isFirst = this.#turn === undefined
    this.#turn = isAcceptance ? 'acceptances' : 'full'
    settle()
    // rhea has asked for its turn by now, so that it comes before ours.
    if (isFirst) process.nextTick(this.#next)
  }

  readonly #next = (): void => {
    this.#turn = undefined
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined || !this.#fits(first)) return
      this.#waiting.shift()
      this.#settle(first)
    }
  }
}

/** How far something has got, for whoever sits at a terminal; nothing where nobody does. */

import { bytesText, type Output } from '../printer.ts'

const EVERY_MS = 200

export class Progress {
  readonly #output: Output
  readonly #what: string
  readonly #now: () => number
  #told = 0
  #isShown = false

  constructor(output: Output, what: string, now: () => number) {
    this.#output = output
    this.#what = what
    this.#now = now
  }

  at(bytes: number): void {
    const now = this.#now()
    if (this.#output.isTTY !== true || now - this.#told < EVERY_MS) return
    this.#told = now
    this.#isShown = true
    this.#output.write(`\r${this.#what} ${bytesText(bytes)}   `)
  }

  /** Takes it off the line. */
  end(): void {
    if (this.#isShown) this.#output.write('\r\u001b[K')
    this.#isShown = false
  }
}

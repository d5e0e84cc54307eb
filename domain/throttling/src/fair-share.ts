/**
 * A token bucket that many share, none of whom can take it all.
 *
 * What somebody was let do is his debt, until it is worked off. The debts of all are worked off together at the bucket's
 * rate, in equal parts by all who have any (processor sharing, as fair queueing does it), and the bucket is as full as
 * their sum. Somebody is let in while his debt is below a quarter of the room that is left (dynamic thresholds: Choudhury
 * and Hahne, 1998). What follows:
 *
 * - Who is alone gets the whole rate. All together get the rate and the burst, no more.
 * - Of n who ask without end each gets an nth, and room is left: some four fifths of it by the first, four fifths of that
 *   by the second, and so on. It stays left, for their debt is above their threshold as soon as it shrinks.
 * - Who asks less often than an nth of the rate has worked off his debt each time he comes back, so he is let in.
 * - Who has no debt is not remembered. So no window, no sweep and no list of those who are active: the bound on the
 *   debts bounds them.
 */

import type { Instant } from '@holdfast/base'
import { checkRate, type Rate } from './rate.ts'
import { WorkedOff } from './worked-off.ts'

/** The part of the room that is left up to which somebody may be in debt. */
const THRESHOLD = 1 / 4

export class FairShare {
  readonly #perMs: number
  readonly #burst: number
  readonly #principalsMax: number
  readonly #debtors = new WorkedOff()
  /** The sum of all debts. */
  #owed = 0
  #at: Instant

  /** @param principalsMax who is in debt at once, at most: one more is refused until somebody is not any more. */
  constructor(now: Instant, rate: Rate, principalsMax: number) {
    checkRate(rate)
    this.#perMs = rate.perSecond / 1000
    this.#burst = rate.burst
    this.#principalsMax = principalsMax
    this.#at = now
  }

  /** Who is in debt now. */
  get principals(): number {
    return this.#debtors.size
  }

  /**
   * Lets `principal` do what costs `cost`, or not; then nothing is taken.
   * @param cost in uses, at least 1. It is not asked for beforehand: who may do one thing may do a costly one.
   */
  take(principal: string, cost: number, now: Instant): boolean {
    this.#work(now)
    const room = this.#burst - this.#owed
    if (room < 1) return false
    const debt = this.#debtors.debtOf(principal)
    if (debt === 0 ? this.#debtors.size >= this.#principalsMax : debt >= room * THRESHOLD) return false
    this.#debtors.add(principal, cost)
    this.#owed += cost
    return true
  }

  /** In how many milliseconds `principal` has worked off what keeps it out, if nobody else comes. */
  waitMs(principal: string, now: Instant): number {
    this.#work(now)
    const debt = this.#debtors.debtOf(principal)
    const overRoom = Math.max(0, 1 - (this.#burst - this.#owed))
    // Its own part, at the pace of as many as there are, and what others have to leave.
    const over = Math.max(0, debt - (this.#burst - this.#owed) * THRESHOLD) * this.#debtors.size
    return Math.ceil((Math.max(over, overRoom) + 1) / this.#perMs)
  }

  #work(now: Instant): void {
    const done = Math.max(0, now - this.#at) * this.#perMs
    this.#at = now
    if (this.#debtors.size === 0) return
    this.#debtors.work(done)
    this.#owed = this.#debtors.size === 0 ? 0 : Math.max(0, this.#owed - done)
  }
}

import type { Instant } from './instant.ts'

/** Lets `burst` uses through at once and `perSecond` on average; time is handed in. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at: Instant

  constructor(now: Instant, limits: { readonly perSecond: number; readonly burst: number }) {
    this.#perSecond = limits.perSecond
    this.#burst = limits.burst
    this.#tokens = limits.burst
    this.#at = now
  }

  /** Takes one use; false when there is none left, and then nothing is taken. */
  take(now: Instant): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** Uses that are left now, and the seconds until all are back. Takes nothing. */
  left(now: Instant): { readonly uses: number; readonly seconds: number } {
    const tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond)
    return { uses: Math.max(0, Math.floor(tokens)), seconds: Math.ceil((this.#burst - tokens) / this.#perSecond) }
  }

  /** Gives back a use that was taken and shall not count. */
  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1)
  }

  /** True when the bucket has filled up again, so that forgetting it changes nothing. */
  isFull(now: Instant): boolean {
    return this.#tokens + ((now - this.#at) / 1000) * this.#perSecond >= this.#burst
  }
}

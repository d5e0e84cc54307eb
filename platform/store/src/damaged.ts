/** What a store says when it will not, or cannot, go on. Codes are API, messages are not. */

/**
 * A file of the data folder is not what it should be: damaged, foreign, newer than this program, or sealed with a key
 * that is not there. Raised at start-up, before anything is served; nothing was written to the file.
 */
export class StoreDamagedError extends Error {
  override readonly name = 'StoreDamagedError'
  readonly code = 'STORE_DAMAGED'
  /** Path of the file. */
  readonly file: string
  /** What is wrong with it, one sentence without a full stop. */
  readonly what: string
  /** What the operator can do, one sentence without a full stop. */
  readonly remedy: string

  constructor(damage: { readonly file: string; readonly what: string; readonly remedy: string }, cause?: unknown) {
    super(`${damage.file}: ${damage.what}; ${damage.remedy}`, cause === undefined ? undefined : { cause })
    this.file = damage.file
    this.what = damage.what
    this.remedy = damage.remedy
  }
}

/**
 * The disk cannot take a write or give a read just now. The transaction was rolled back: nothing of it was kept, and
 * the same call may be tried again.
 */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
  readonly code = 'STORE_UNAVAILABLE'
  readonly reason: 'disk-full' | 'io-error' | 'busy'

  constructor(reason: 'disk-full' | 'io-error' | 'busy', detail: string, cause?: unknown) {
    super(`the store is unavailable (${reason}): ${detail}`, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}

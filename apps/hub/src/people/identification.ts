/** How people and machines are known by what a request shows. */

import type { PersonCaller, TokenCaller } from './actor.ts'

/** What a request shows, and whence it comes. */
export interface Shown {
  readonly method: string
  /** The secret after `Bearer `; undefined where there may be a cookie instead. */
  readonly bearer: string | undefined
  readonly cookie: string | undefined
  readonly headers: Headers
  readonly address: string
}

/** `code` goes to the log alone. */
export type Identified<C> =
  | { readonly kind: 'caller'; readonly caller: C }
  | { readonly kind: 'denied'; readonly code: string }

/** The ports by which people and machines are known. Where one is absent, nobody comes that way. */
export interface Identification {
  /** Of `Authorization: Bearer hfs_…`, or of the session's cookie. Bounds guesses by itself; MUST NOT throw for what is wrong. */
  readonly identifySession?: (shown: Shown) => Promise<Identified<PersonCaller>>
  /** Of `Authorization: Bearer hft_…`. Bounds guesses by itself; MUST NOT throw for what is wrong. */
  readonly identifyToken?: (shown: Shown) => Promise<Identified<TokenCaller>>
}

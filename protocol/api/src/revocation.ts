/**
 * Revocation lists of customers' authorities.
 *
 *   GET    /api/v1/authorities/{name}/crls               Page<RevocationList>, `next` by issuerKey
 *   POST   /api/v1/authorities/{name}/crls               RevocationListPut -> RevocationListTaken (201)
 *   POST   /api/v1/authorities/{name}/crls/fetch         RevocationListsFetched: asks every URL of the authority now
 *   DELETE /api/v1/authorities/{name}/crls/{issuerKey}   RevocationList, as it was
 */

import Type from 'typebox'

const strict = { additionalProperties: false }

/** At least a list or a URL the first time; what is absent stays as it is. */
export const RevocationListPut = Type.Object(
  {
    /** Base64 of the file, which is DER or PEM. Larger lists than a request may carry (1 MiB) come by `url`. */
    list: Type.Optional(Type.String()),
    /** PEM of the CA below the authority that signs the list; absent: the authority itself signs it. */
    issuer: Type.Optional(Type.String()),
    /** http or https; fetched at once, then every hour. */
    url: Type.Optional(Type.String({ maxLength: 2_048 })),
    /** What a list past its nextUpdate means for the certificates of its issuer; `accept` unless told. */
    whenStale: Type.Optional(Type.Union([Type.Literal('accept'), Type.Literal('refuse')])),
  },
  strict,
)
export type RevocationListPut = Type.Static<typeof RevocationListPut>

export interface RevocationList {
  authority: string
  /** Subject of the CA that signs the list. */
  issuer: string
  /** SHA-256 of its public key, upper-case hex. */
  issuerKey: string
  state: 'fresh' | 'stale' | 'missing'
  whenStale: 'accept' | 'refuse'
  entries?: number
  /** Hex. */
  number?: string
  thisUpdate?: string
  nextUpdate?: string
  takenTime?: string
  url?: string
  /** Why the last fetch failed. */
  fault?: string
}

export interface RevocationListTaken {
  list: RevocationList
  sessionsClosed: number
  milliseconds: number
}

export interface RevocationListsFetched {
  lists: RevocationList[]
  sessionsClosed: number
  milliseconds: number
}

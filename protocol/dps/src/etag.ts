/**
 * ETags of enrolments and registrations (azure-iot.md §7).
 * Within JSON the etag carries its own quotes, for clients put the text into `If-Match` as they found it.
 */

import { DpsError } from './errors.ts'

/** What `If-Match` asks of the stored record. */
export type Match =
  | { readonly kind: 'none' }
  | { readonly kind: 'any' }
  | { readonly kind: 'etag'; readonly etag: string }

/** UTF-16 units of an `If-Match`; ours have 18. */
const IF_MATCH_CHARACTERS_MAX = 256

export function formatEtag(etag: string): string {
  return `"${etag}"`
}

/**
 * Reads `If-Match`: absent, `*` or `"*"` for whatever is there, else one etag with or without its quotes. A weak etag
 * never matches (RFC 9110 §13.1.1).
 * @throws DpsError `bad-request` for a list of etags or no etag at all.
 */
export function parseIfMatch(text: string | undefined): Match {
  if (text === undefined) return { kind: 'none' }
  const trimmed = text.trim()
  const bare = /^"(.*)"$/s.exec(trimmed)?.[1] ?? trimmed
  if (bare === '*') return { kind: 'any' }
  if (bare === '' || bare.includes('"') || text.length > IF_MATCH_CHARACTERS_MAX) {
    // W/"…" has quotes inside, and matches nothing: 412 says so better than 400.
    if (/^W\/"[^"]*"$/.test(trimmed) && text.length <= IF_MATCH_CHARACTERS_MAX) return { kind: 'etag', etag: trimmed }
    throw new DpsError('bad-request', 'If-Match holds one etag, or *.')
  }
  return { kind: 'etag', etag: bare }
}

/**
 * Walks through DER without keeping what it passed: for lists that are too long for `parseDer`. As strict in tags and
 * lengths; what an element holds is checked by who reads it.
 */

import { TAG } from './der.ts'
import { PkiError } from './errors.ts'

/** Where one element lies in its bytes. */
export interface DerPlace {
  readonly tag: number
  readonly start: number
  readonly contentStart: number
  readonly end: number
}

/**
 * The element that begins at `start`; it ends at `limit` at the latest.
 * @throws PkiError `bad-der`.
 */
export function placeAt(bytes: Uint8Array, start: number, limit: number): DerPlace {
  const tag = start < limit ? bytes[start] : undefined
  const first = start + 1 < limit ? bytes[start + 1] : undefined
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw bad()
  let contentStart = start + 2
  let length = first
  if (first >= 0x80) {
    const count = first & 0x7f
    // Indefinite lengths are BER's; four bytes reach past every limit of ours.
    if (count === 0 || count > 4 || contentStart + count > limit) throw bad()
    length = 0
    for (let at = 0; at < count; at += 1) length = length * 256 + (bytes[contentStart + at] ?? 0)
    contentStart += count
    // X.690 §10.1: the shortest form.
    if (length < 0x80 || length < 256 ** (count - 1)) throw bad()
  }
  const end = contentStart + length
  if (end > limit) throw bad()
  return { tag, start, contentStart, end }
}

/** As `placeAt`, of this tag alone. */
export function placeOf(tag: number, bytes: Uint8Array, start: number, limit: number): DerPlace {
  const place = placeAt(bytes, start, limit)
  if (place.tag !== tag) throw bad()
  return place
}

/** An INTEGER in its one encoding (X.690 §8.3.2). */
export function integerAt(bytes: Uint8Array, start: number, limit: number): DerPlace {
  const place = placeOf(TAG.integer, bytes, start, limit)
  const [first = 0, second = 0] = [bytes[place.contentStart], bytes[place.contentStart + 1]]
  const length = place.end - place.contentStart
  if (length === 0 || (length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80))) throw bad()
  return place
}

function bad(): PkiError {
  return new PkiError('bad-der', 'not DER: an element of a long list')
}

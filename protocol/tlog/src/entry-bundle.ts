/** Bundles of log entries: C2SP tlog-tiles, "Log entries". Each entry after its length, two bytes, big-endian. */

import { TlogError } from './errors.ts'
import { ENTRY_BYTES_MAX } from './limits.ts'
import { TILE_WIDTH } from './tile.ts'

/** @throws RangeError on an entry longer than `ENTRY_BYTES_MAX`, or more than 256. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH) throw new RangeError('a bundle has at most 256 entries')
  let length = 0
  for (const entry of entries) {
    if (entry.length > ENTRY_BYTES_MAX) throw new RangeError('an entry is too long for a bundle')
    length += 2 + entry.length
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const entry of entries) {
    bytes[at] = entry.length >> 8
    bytes[at + 1] = entry.length & 0xff
    bytes.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bytes
}

/**
 * Entries as parts of `bytes`; no copies.
 * @throws TlogError `bad-bundle` if there are more than 256, or an entry ends beyond the bundle.
 */
export function decodeEntryBundle(bytes: Uint8Array): readonly Uint8Array[] {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const high = bytes[at]
    const low = bytes[at + 1]
    if (high === undefined || low === undefined) throw new TlogError('bad-bundle', 'a length was cut off')
    const end = at + 2 + high * 256 + low
    if (end > bytes.length) throw new TlogError('bad-bundle', 'an entry was cut off')
    if (entries.length === TILE_WIDTH) throw new TlogError('bad-bundle', 'a bundle has at most 256 entries')
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return entries
}

/**
 * Property bags: `name=value&name=value` at the end of a topic (azure-iot.md §3.2). Names and values are percent-encoded
 * as URI components, so that `+` is a plus. A name without `=` has no value (null). Names that begin with `$.` are the
 * system's.
 */

import { HubFormatError } from './errors.ts'
import { BAG_CHARACTERS_MAX, BAG_PROPERTIES_MAX } from './limits.ts'
import { decodeComponent, encodeComponent } from './parameters.ts'

/** One property as it stands in the bag, decoded. */
export interface BagEntry {
  readonly name: string
  readonly value: string | null
}

/**
 * The entries in their order, twice the same name kept twice. '' has none; `&&` stands for nothing.
 * @throws HubFormatError `bad-bag` on percent signs that encode no UTF-8, on a nameless property, on more than
 * 1 024 properties or 65 535 characters. It takes exactly what `isWellFormedBag` does.
 */
export function parseBag(bag: string): readonly BagEntry[] {
  if (bag.length > BAG_CHARACTERS_MAX) throw new HubFormatError('bad-bag', 'the property bag is too long')
  if (bag === '') return []
  const parts = bag.split('&', BAG_PROPERTIES_MAX + 1)
  if (parts.length > BAG_PROPERTIES_MAX) throw new HubFormatError('bad-bag', 'the property bag has too many properties')
  const entries: BagEntry[] = []
  for (const part of parts) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = decodeComponent(at < 0 ? part : part.slice(0, at))
    const value = at < 0 ? null : decodeComponent(part.slice(at + 1))
    if (name === undefined || value === undefined) {
      throw new HubFormatError('bad-bag', 'the property bag is not percent-encoded text')
    }
    if (name === '') throw new HubFormatError('bad-bag', 'the property bag has a nameless property')
    entries.push({ name, value })
  }
  return entries
}

/** @throws TypeError on a nameless entry or on text without a UTF-8 form: bugs in the caller. */
export function formatBag(entries: Iterable<BagEntry>): string {
  let bag = ''
  for (const { name, value } of entries) {
    if (name === '') throw new TypeError('a property has a name')
    if (bag !== '') bag += '&'
    bag += encodeComponent(name)
    if (value !== null) bag += `=${encodeComponent(value)}`
  }
  return bag
}

const AMPERSAND = 0x26
const EQUALS = 0x3d
const PERCENT = 0x25

/**
 * Whether `parseBag` would take it, found out without allocating: every message of every device passes here.
 * Percent-encoded bytes must be UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF).
 */
export function isWellFormedBag(bag: string): boolean {
  const length = bag.length
  if (length > BAG_CHARACTERS_MAX) return false
  let properties = 1
  let isAtName = true
  let at = 0
  while (at < length) {
    const unit = bag.charCodeAt(at)
    if (unit === PERCENT) {
      const next = afterEncodedCharacter(bag, at)
      if (next < 0) return false
      at = next
      isAtName = false
      continue
    }
    at += 1
    if (unit === AMPERSAND) {
      properties += 1
      if (properties > BAG_PROPERTIES_MAX) return false
      isAtName = true
    } else {
      if (unit === EQUALS && isAtName) return false
      isAtName = false
    }
  }
  return true
}

/** Where the character that begins with the percent sign at `at` ends, or -1 if it is no character. */
function afterEncodedCharacter(text: string, at: number): number {
  const lead = encodedByte(text, at)
  if (lead < 0x80) return lead < 0 ? -1 : at + 3
  let following: number
  let lowest = 0x80
  let highest = 0xbf
  if (lead >= 0xc2 && lead <= 0xdf) {
    following = 1
  } else if (lead >= 0xe0 && lead <= 0xef) {
    following = 2
    if (lead === 0xe0) lowest = 0xa0
    if (lead === 0xed) highest = 0x9f
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    following = 3
    if (lead === 0xf0) lowest = 0x90
    if (lead === 0xf4) highest = 0x8f
  } else {
    return -1
  }
  let next = at + 3
  for (; following > 0; following -= 1) {
    const byte = encodedByte(text, next)
    if (byte < lowest || byte > highest) return -1
    lowest = 0x80
    highest = 0xbf
    next += 3
  }
  return next
}

/** The byte that `%HH` at `at` stands for, or -1. */
function encodedByte(text: string, at: number): number {
  if (text.charCodeAt(at) !== PERCENT) return -1
  const high = hexDigit(text.charCodeAt(at + 1))
  const low = hexDigit(text.charCodeAt(at + 2))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  if (unit >= 0x41 && unit <= 0x46) return unit - 0x37
  if (unit >= 0x61 && unit <= 0x66) return unit - 0x57
  // Also what charCodeAt gives past the end, which is not a number.
  return -1
}

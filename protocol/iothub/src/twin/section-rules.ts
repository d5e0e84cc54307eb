/** What a section of a twin may hold (azure-iot.md §10), and how its size is counted. */

import { HubFormatError } from '../errors.ts'
import {
  TWIN_DEPTH_MAX,
  TWIN_INTEGER_MAX,
  TWIN_INTEGER_MIN,
  TWIN_KEY_BYTES_MAX,
  TWIN_PROPERTIES_MAX,
  TWIN_STRING_BYTES_MAX,
  TWIN_TEXT_FACTOR,
} from '../limits.ts'
import { isTwinObject, putProperty, type TwinDraft, type TwinObject, type TwinValue } from './twin-value.ts'

/** Bytes of a number and of a truth value, as Azure counts them. */
const NUMBER_BYTES = 8
const BOOLEAN_BYTES = 4

/** What a service reads with a section and may send back with it; it is not part of it. */
const READ_ONLY: ReadonlySet<string> = new Set(['$metadata', '$version'])

/**
 * The section that `value` is, without `$metadata` and `$version`, which go out with sections and come back with them.
 * @param name for the message.
 * @throws HubFormatError `bad-twin`.
 */
export function checkSection(value: TwinValue, name: string): TwinObject {
  if (!isTwinObject(value)) throw bad(name, 'has to be an object')
  const section: TwinDraft = {}
  for (const [key, property] of Object.entries(value)) {
    if (READ_ONLY.has(key)) continue
    checkKey(key, name)
    checkValue(property, name, 1)
    putProperty(section, key, property)
  }
  return section
}

/** @param level on which `value` stands, counted in objects as Azure does; arrays are bounded by the parser. */
function checkValue(value: TwinValue, name: string, level: number): void {
  if (typeof value === 'string') {
    if (isLonger(value, TWIN_STRING_BYTES_MAX))
      throw bad(name, `has a text of more than ${TWIN_STRING_BYTES_MAX} bytes`)
    return
  }
  if (typeof value === 'number') {
    if (!isTwinNumber(value))
      throw bad(name, `has an integer that is not within ${TWIN_INTEGER_MIN} and ${TWIN_INTEGER_MAX}`)
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (!isTwinObject(value)) {
    for (const item of value) {
      if (item === null) throw bad(name, 'has an array with a null in it')
      checkValue(item, name, level)
    }
    return
  }
  if (level > TWIN_DEPTH_MAX) throw bad(name, `is nested more than ${TWIN_DEPTH_MAX} levels deep`)
  for (const [key, property] of Object.entries(value)) {
    checkKey(key, name)
    checkValue(property, name, level + 1)
  }
}

/** From here on, numbers are written with an exponent, whole or not, and are no integers in any language. */
const EXPONENT_FROM = 1e21

/** Whole numbers have a range; what is written with an exponent has none. */
function isTwinNumber(value: number): boolean {
  if (!Number.isInteger(value) || Math.abs(value) >= EXPONENT_FROM) return Number.isFinite(value)
  return value >= TWIN_INTEGER_MIN && value <= TWIN_INTEGER_MAX
}

function checkKey(key: string, name: string): void {
  if (key === '') throw bad(name, 'has an empty key')
  if (isLonger(key, TWIN_KEY_BYTES_MAX)) throw bad(name, `has a key of more than ${TWIN_KEY_BYTES_MAX} bytes`)
  for (let at = 0; at < key.length; at += 1) {
    const unit = key.charCodeAt(at)
    if (unit === 0x20 || unit === 0x24 || unit === 0x2e || isControl(unit)) {
      throw bad(name, 'has a key with a dot, a dollar sign, a space or a control character')
    }
  }
}

/** C0, DEL, C1. */
function isControl(unit: number): boolean {
  return unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)
}

function isLonger(text: string, bytesMax: number): boolean {
  // A UTF-16 unit is 1 to 3 bytes of UTF-8.
  return text.length > bytesMax || (text.length * 3 > bytesMax && utf8Bytes(text) > bytesMax)
}

/** @param text without halves of surrogate pairs. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    // Half of a pair counts two: four bytes the pair.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return bytes
}

/** Bytes of a section as Azure counts them: keys and texts in UTF-8 without control characters, numbers 8, truths 4. */
export function sectionBytes(section: TwinObject): number {
  let bytes = 0
  for (const [key, value] of Object.entries(section)) bytes += utf8Bytes(key) + valueBytes(value)
  return bytes
}

function valueBytes(value: TwinValue): number {
  switch (typeof value) {
    case 'string':
      return countedBytes(value)
    case 'number':
      return NUMBER_BYTES
    case 'boolean':
      return BOOLEAN_BYTES
    default: {
      if (value === null) return 0
      if (isTwinObject(value)) return sectionBytes(value)
      let bytes = 0
      for (const item of value) bytes += valueBytes(item)
      return bytes
    }
  }
}

function countedBytes(text: string): number {
  let bytes = utf8Bytes(text)
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (isControl(unit)) bytes -= unit < 0x80 ? 1 : 2
  }
  return bytes
}

/**
 * Whether a section is within `bytesMax` as Azure counts. What Azure counts as nothing (empty objects and texts, control
 * characters) would have no bound by that, so its JSON text has one too, and its properties: no section of ordinary
 * values that Azure takes is refused by them.
 * @param text the section's JSON text.
 */
export function isWithin(section: TwinObject, text: string, bytesMax: number): boolean {
  // Every counted byte but those of numbers and `true` stands in the text; short texts need no counting.
  if (text.length * 4 <= bytesMax) return true
  return (
    !isLonger(text, bytesMax * TWIN_TEXT_FACTOR) &&
    sectionBytes(section) <= bytesMax &&
    propertyCount(section) <= TWIN_PROPERTIES_MAX
  )
}

/** Of the section and the objects in it; those in arrays have no metadata of their own. */
function propertyCount(section: TwinObject): number {
  let count = 0
  for (const value of Object.values(section)) count += isTwinObject(value) ? 1 + propertyCount(value) : 1
  return count
}

function bad(name: string, what: string): HubFormatError {
  return new HubFormatError('bad-twin', `${name} ${what}`)
}

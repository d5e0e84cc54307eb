/**
 * Writes DER (X.690 §10, §11) from parts. For structures that are long (revocation lists) or have no schema at hand
 * (OCSP): each function gives one whole element, its arguments are whole elements.
 */

import type { Timestamp } from '@holdfast/base'
import { TAG } from './der.ts'

export type Der = Uint8Array<ArrayBuffer>

/** One element with this identifier octet and the concatenation of `contents` inside. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Der {
  return elementOf(tag, contents)
}

/** As `element`, for many contents: arguments have a bound, lists none. */
export function elementOf(tag: number, contents: readonly Uint8Array[]): Der {
  const length = contents.reduce((sum, content) => sum + content.length, 0)
  const header = headerOf(tag, length)
  const bytes = new Uint8Array(header.length + length)
  bytes.set(header)
  let at = header.length
  for (const content of contents) {
    bytes.set(content, at)
    at += content.length
  }
  return bytes
}

export function sequence(...contents: readonly Uint8Array[]): Der {
  return elementOf(TAG.sequence, contents)
}

/** `[number] EXPLICIT`. */
export function explicit(number: number, content: Uint8Array): Der {
  return element(0xa0 | number, content)
}

/** A non-negative integer. @throws TypeError for a negative one. */
export function integer(value: number | bigint): Der {
  if (value < 0) throw new TypeError('only non-negative integers are written')
  const hex = BigInt(value).toString(16)
  return unsigned(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
}

/** A non-negative integer from its bytes, highest first; empty is zero. */
export function unsigned(bytes: Uint8Array): Der {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const content = bytes.length === 0 ? Uint8Array.of(0) : bytes.subarray(start)
  // X.690 §8.3: the highest bit is the sign.
  return (content[0] ?? 0) >= 0x80 ? element(TAG.integer, Uint8Array.of(0), content) : element(TAG.integer, content)
}

export function octets(content: Uint8Array): Der {
  return element(TAG.octetString, content)
}

/** A bit string of whole bytes. */
export function bits(content: Uint8Array): Der {
  return element(TAG.bitString, Uint8Array.of(0), content)
}

export function boolean(value: boolean): Der {
  return element(TAG.boolean, Uint8Array.of(value ? 0xff : 0))
}

/** @param value 0 to 127. */
export function enumerated(value: number): Der {
  return element(0x0a, Uint8Array.of(value))
}

/** @throws TypeError on what is no dotted identifier. */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  if (![first, second, ...rest].every(Number.isSafeInteger) || first > 2) throw new TypeError('no object identifier')
  const content: number[] = []
  for (const part of [first * 40 + second, ...rest]) {
    const digits = [part % 128]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80)
    content.push(...digits)
  }
  return element(TAG.objectIdentifier, Uint8Array.from(content))
}

/** `Extension` of RFC 5280 §4.1; `value` is the DER inside the octet string. */
export function extension(oid: string, isCritical: boolean, value: Uint8Array): Der {
  // X.690 §11.5: the default (not critical) is left out.
  return sequence(objectIdentifier(oid), ...(isCritical ? [boolean(true)] : []), octets(value))
}

/** RFC 5280 §4.1.2.5, §5.1.2.4: UTCTime through 2049, GeneralizedTime after. Whole seconds; the rest is cut off. */
export function time(at: Timestamp): Der {
  const text = digitsOf(at)
  return Number(text.slice(0, 4)) < 2050
    ? element(TAG.utcTime, Buffer.from(text.slice(2), 'latin1'))
    : element(TAG.generalizedTime, Buffer.from(text, 'latin1'))
}

/** As OCSP has all its times (RFC 6960 §4.2.2.1). */
export function generalizedTime(at: Timestamp): Der {
  return element(TAG.generalizedTime, Buffer.from(digitsOf(at), 'latin1'))
}

function digitsOf(at: Timestamp): string {
  return `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
}

function headerOf(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length)
  const digits: number[] = []
  for (let left = length; left > 0; left = Math.floor(left / 256)) digits.unshift(left % 256)
  return Uint8Array.of(tag, 0x80 | digits.length, ...digits)
}

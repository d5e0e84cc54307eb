/**
 * Reads DER (X.690 §10, §11) and nothing but DER: every value has one encoding, so that no two readers of a certificate
 * can see two things in it. Bounded in depth and number before anything else looks at the bytes.
 */

import { PkiError } from './errors.ts'
import { DER_DEPTH_MAX, DER_ELEMENTS_MAX } from './limits.ts'

/** Identifier octets. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

const CONSTRUCTED = 0x20

/** One element; its bytes are views of what was parsed. */
export class DerElement {
  /** Identifier octet: class, constructed bit and number in one. */
  readonly tag: number
  /** Of a constructed element, in order; none of a primitive one. */
  readonly children: readonly DerElement[]
  readonly #source: Uint8Array
  readonly #start: number
  readonly #contentStart: number
  readonly #end: number

  constructor(
    source: Uint8Array,
    place: { readonly start: number; readonly contentStart: number; readonly end: number },
    children: readonly DerElement[],
  ) {
    this.tag = source[place.start] ?? 0
    this.children = children
    this.#source = source
    this.#start = place.start
    this.#contentStart = place.contentStart
    this.#end = place.end
  }

  /** Identifier, length and content. */
  get bytes(): Uint8Array {
    return this.#source.subarray(this.#start, this.#end)
  }

  get content(): Uint8Array {
    return this.#source.subarray(this.#contentStart, this.#end)
  }
}

/**
 * Reads exactly one element.
 * @param bytes not changed by the caller afterwards.
 * @throws PkiError `bad-der`, `too-large` (nesting over 16, over 2 048 elements).
 */
export function parseDer(bytes: Uint8Array): DerElement {
  const reader = new DerReader(bytes)
  const element = reader.element(0, bytes.length, 0)
  if (element.bytes.length !== bytes.length) throw bad('bytes behind the end')
  return element
}

class DerReader {
  readonly #bytes: Uint8Array
  #elements = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  element(start: number, limit: number, depth: number): DerElement {
    this.#elements += 1
    if (depth > DER_DEPTH_MAX || this.#elements > DER_ELEMENTS_MAX) {
      throw new PkiError('too-large', 'DER is nested too deep or has too many elements')
    }
    const tag = this.#byte(start, limit)
    if ((tag & 0x1f) === 0x1f) throw bad('a tag of more than one byte')
    const first = this.#byte(start + 1, limit)
    let contentStart = start + 2
    let length = first
    if (first >= 0x80) {
      const count = first & 0x7f
      // 0x80 is BER's indefinite length; over three bytes cannot be within our limits.
      if (count === 0 || count > 3) throw bad('a length in a form that DER does not have')
      length = 0
      for (let at = 0; at < count; at += 1) length = length * 256 + this.#byte(contentStart + at, limit)
      contentStart += count
      // X.690 §10.1: the shortest form.
      if (length < 0x80 || length < 256 ** (count - 1)) throw bad('a length that is not the shortest')
    }
    const end = contentStart + length
    if (end > limit) throw bad('an element that ends past its parent')
    const children = (tag & CONSTRUCTED) === 0 ? NO_CHILDREN : this.#children(contentStart, end, depth + 1)
    if ((tag & 0xc0) === 0) checkUniversal(tag, this.#bytes.subarray(contentStart, end))
    return new DerElement(this.#bytes, { start, contentStart, end }, children)
  }

  #children(start: number, end: number, depth: number): readonly DerElement[] {
    const children: DerElement[] = []
    for (let at = start; at < end; ) {
      const child = this.element(at, end, depth)
      children.push(child)
      at += child.bytes.length
    }
    return children
  }

  #byte(at: number, limit: number): number {
    const byte = at < limit ? this.#bytes[at] : undefined
    if (byte === undefined) throw bad('truncated')
    return byte
  }
}

const NO_CHILDREN: readonly DerElement[] = []

function checkUniversal(tag: number, content: Uint8Array): void {
  const [first = 0, second = 0] = content
  switch (tag) {
    case TAG.boolean:
      // X.690 §11.1: true is all ones.
      if (content.length !== 1 || (first !== 0 && first !== 0xff)) throw bad('a boolean')
      return
    case TAG.integer: {
      // X.690 §8.3.2: the first nine bits are not all alike.
      const isPadded = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
      if (content.length === 0 || isPadded) throw bad('an integer that is not the shortest')
      return
    }
    case TAG.bitString: {
      // X.690 §11.2.1: unused bits are zero.
      const last = content[content.length - 1] ?? 0
      if (content.length === 0 || first > 7 || (content.length === 1 && first !== 0)) throw bad('a bit string')
      if (content.length > 1 && (last & ((1 << first) - 1)) !== 0) throw bad('a bit string with bits behind its end')
      return
    }
    case TAG.null:
      if (content.length !== 0) throw bad('a null with content')
      return
    case TAG.objectIdentifier:
      checkObjectIdentifier(content)
      return
    case TAG.sequence:
    case TAG.set:
      return
    default:
      // X.690 §10.2: strings are primitive. What is left constructed of the universal class has no use here.
      if (tag === 0 || (tag & CONSTRUCTED) !== 0 || tag === (TAG.sequence & 0x1f) || tag === (TAG.set & 0x1f)) {
        throw bad('a universal type in a form that DER does not have')
      }
  }
}

function checkObjectIdentifier(content: Uint8Array): void {
  let isFirst = true
  for (const byte of content) {
    // X.690 §8.19.2: no leading zeros in a subidentifier.
    if (isFirst && byte === 0x80) throw bad('an object identifier')
    isFirst = byte < 0x80
  }
  if (content.length === 0 || !isFirst) throw bad('an object identifier that does not end')
}

/** Dotted text of an object identifier; subidentifiers past 2^53 are refused. */
export function objectIdentifierOf(element: DerElement): string {
  if (element.tag !== TAG.objectIdentifier) throw bad('no object identifier')
  const parts: number[] = []
  let value = 0
  for (const byte of element.content) {
    value = value * 128 + (byte & 0x7f)
    if (!Number.isSafeInteger(value)) throw bad('an object identifier that is too large')
    if (byte < 0x80) {
      if (parts.length === 0) {
        const first = Math.min(Math.floor(value / 40), 2)
        parts.push(first, value - first * 40)
      } else {
        parts.push(value)
      }
      value = 0
    }
  }
  return parts.join('.')
}

/** A small non-negative integer, up to 2^31. */
export function integerOf(element: DerElement): number {
  const { content } = element
  if (element.tag !== TAG.integer || content.length > 4 || (content[0] ?? 0) >= 0x80) throw bad('no small integer')
  return content.reduce((value, byte) => value * 256 + byte, 0)
}

export function booleanOf(element: DerElement): boolean {
  if (element.tag !== TAG.boolean) throw bad('no boolean')
  return element.content[0] === 0xff
}

function bad(what: string): PkiError {
  return new PkiError('bad-der', `not DER: ${what}`)
}

/** Distinguished names (RFC 5280 §4.1.2.4), read from DER. */

import { TAG, objectIdentifierOf, parseDer } from './der.ts'
import type { DerElement } from './der.ts'
import { PkiError } from './errors.ts'

/** One attribute; `value` is undefined where the string type is none that we read. */
interface NameAttribute {
  readonly type: string
  readonly value: string | undefined
  /** Value with its tag. */
  readonly bytes: Uint8Array
}

export const COMMON_NAME = '2.5.4.3'

/** Short names of RFC 4514 §3 and what else is common in device certificates. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [COMMON_NAME, 'CN'],
  ['2.5.4.4', 'SN'],
  ['2.5.4.5', 'SERIALNUMBER'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'S'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.12', 'T'],
  ['2.5.4.42', 'G'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['1.2.840.113549.1.9.1', 'E'],
])

/** Checks the form of a Name and gives its relative names, each with its attributes. */
export function relativeNamesOf(name: DerElement): readonly (readonly NameAttribute[])[] {
  if (name.tag !== TAG.sequence) throw bad()
  return name.children.map((relative) => {
    if (relative.tag !== TAG.set || relative.children.length === 0) throw bad()
    return relative.children.map((attribute) => {
      const [type, value] = attribute.children
      if (attribute.tag !== TAG.sequence || type === undefined || value === undefined) throw bad()
      return { type: objectIdentifierOf(type), value: stringOf(value), bytes: value.bytes }
    })
  })
}

/** The common name, if there is exactly one: with several, two readers could see two devices. Else ''. */
export function commonNameOf(name: DerElement): string {
  const names = relativeNamesOf(name)
    .flat()
    .filter(({ type }) => type === COMMON_NAME)
  return names.length === 1 ? (names[0]?.value ?? '') : ''
}

/** The name as text, most specific part first, for people: `CN=device, O=Example`. RFC 4514 §2.4 escapes. */
export function formatName(name: DerElement): string {
  return relativeNamesOf(name)
    .toReversed()
    .map((relative) =>
      relative.map(({ type, value }) => `${SHORT_NAMES.get(type) ?? type}=${escaped(value)}`).join('+'),
    )
    .join(', ')
}

/**
 * Whether two names are the same (RFC 5280 §7.1): part for part, without case, and whatever the white space and the kind
 * of string. Values of no string type are the same where their bytes are.
 * @param a DER of a Name, as is `b`.
 * @throws PkiError `bad-certificate`, `bad-der`, `too-large`.
 */
export function isSameName(a: Uint8Array, b: Uint8Array): boolean {
  // CAs copy their name bit by bit (§4.1.2.6): nearly always this is all.
  if (a.length === b.length && Buffer.compare(a, b) === 0) return true
  const [left, right] = [canonicalName(a), canonicalName(b)]
  return left.length === right.length && left.every((relative, index) => relative === right[index])
}

/** Values of emailAddress, a way of old to say what an alternative name says now. @param name DER of a Name. */
export function emailAddressesOf(name: Uint8Array): readonly string[] {
  return relativeNamesOf(parseDer(name))
    .flat()
    .filter(({ type }) => type === EMAIL_ADDRESS)
    .map(({ value }) => value ?? '')
}

const EMAIL_ADDRESS = '1.2.840.113549.1.9.1'

/** The relative names in order, each as one text that is the same for the same name. */
export function canonicalName(name: Uint8Array): readonly string[] {
  return relativeNamesOf(parseDer(name)).map((relative) => relative.map(canonicalAttribute).toSorted().join('+'))
}

/** JSON keeps a value with a `+` or `=` in it apart from two values. */
function canonicalAttribute({ type, value, bytes }: NameAttribute): string {
  const text = value === undefined ? `#${Buffer.from(bytes).toString('hex')}` : `=${folded(value)}`
  return JSON.stringify([type, text])
}

/** RFC 4518 in what of it matters here: compatibility forms, case, and white space at the ends and in between. */
function folded(value: string): string {
  return value.normalize('NFKC').toLowerCase().normalize('NFKC').trim().replace(/\s+/gu, ' ')
}

function escaped(value: string | undefined): string {
  return (value ?? '#')
    .replace(/[\\",+<>;=]/g, '\\$&')
    .replace(/^[ #]| $/g, '\\$&')
    .replace(/\p{Cc}/gu, (unit) => `\\${unit.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`)
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function stringOf(element: DerElement): string | undefined {
  const { content } = element
  switch (element.tag) {
    case TAG.utf8String:
      try {
        return UTF8.decode(content)
      } catch {
        throw bad()
      }
    case TAG.printableString:
    case TAG.ia5String:
      if (content.some((byte) => byte >= 0x80)) throw bad()
      return Buffer.from(content).toString('latin1')
    case TAG.teletexString:
      // As every other reader does, T.61 is taken for Latin-1.
      return Buffer.from(content).toString('latin1')
    case TAG.bmpString:
      if (content.length % 2 !== 0) throw bad()
      return Buffer.from(content).swap16().toString('utf16le')
    default:
      return undefined
  }
}

function bad(): PkiError {
  return new PkiError('bad-certificate', 'a distinguished name has no right form')
}

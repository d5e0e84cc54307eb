/**
 * Certificate revocation lists (RFC 5280 §5): complete lists that a CA signs itself. Reading trusts nothing: `faultOf`
 * says whether an issuer stands behind the list, and `freshnessAt` whether it is of today.
 *
 * A list may have a million entries. It stays as the bytes that came; beside them stands the place of each entry, four
 * bytes of it, in the order of the serial numbers, so that nobody can make a lookup slow by choosing serial numbers.
 */

import { createHash } from 'node:crypto'
import type { Timestamp } from '@holdfast/base'
import type { Certificate } from './certificate.ts'
import { CrlEntryReader } from './crl-entry.ts'
import type { CrlEntry } from './crl-entry.ts'
import { parseCrlExtensions } from './crl-extensions.ts'
import type { CrlExtensions, CrlFault } from './crl-extensions.ts'
import { placeAt, placeOf } from './der-scan.ts'
import type { DerPlace } from './der-scan.ts'
import { TAG, integerOf, parseDer } from './der.ts'
import type { DerElement } from './der.ts'
import { formatName, isSameName, relativeNamesOf } from './distinguished-name.ts'
import { PkiError } from './errors.ts'
import { KEY_USAGE } from './extensions.ts'
import { CRL_BYTES_MAX, CRL_ENTRIES_MAX } from './limits.ts'
import { isSignature, signatureSchemeOf } from './signature-algorithm.ts'
import { timeOf } from './time.ts'

interface Parts {
  readonly signed: Uint8Array
  readonly algorithm: DerElement
  readonly signature: Uint8Array
  readonly issuer: DerElement
  readonly thisUpdate: Timestamp
  readonly nextUpdate: Timestamp | undefined
  readonly extensions: CrlExtensions
  readonly unusable: CrlFault | undefined
  /** Places of the entries in `der`, by serial number. */
  readonly entries: Uint32Array
}

/** A list of the right form. Made by `parseRevocationList` alone. */
export class RevocationList {
  /** As handed in; not changed by anybody afterwards. */
  readonly der: Uint8Array
  readonly thisUpdate: Timestamp
  readonly nextUpdate: Timestamp | undefined
  /** Upper-case hex; undefined in lists of version 1. */
  readonly number: string | undefined
  readonly #parts: Parts

  constructor(der: Uint8Array, parts: Parts) {
    this.der = der
    this.thisUpdate = parts.thisUpdate
    this.nextUpdate = parts.nextUpdate
    this.number = parts.extensions.number
    this.#parts = parts
  }

  /** Entries. */
  get size(): number {
    return this.#parts.entries.length
  }

  /** DER of the Name. */
  get issuer(): Uint8Array {
    return this.#parts.issuer.bytes
  }

  /** `CN=Factory, O=Example`. */
  get issuerName(): string {
    return formatName(this.#parts.issuer)
  }

  /** Upper-case hex. */
  get sha256(): string {
    return createHash('sha256').update(this.der).digest('hex').toUpperCase()
  }

  /** Whether names and key identifiers let `issuer` be the issuer; costs no cryptography. */
  isIssuableBy(issuer: Certificate): boolean {
    const wanted = this.#parts.extensions.authorityKeyId
    const offered = issuer.extensions.subjectKeyId
    const isSameKey = wanted === undefined || offered === undefined || wanted === offered
    return isSameKey && isSameName(this.issuer, issuer.subject)
  }

  /** The first reason why this list does not count for certificates of `issuer`; dates are not looked at. */
  faultOf(issuer: Certificate): CrlFault | undefined {
    if (!this.isIssuableBy(issuer)) return 'wrong-issuer'
    const { keyUsage } = issuer.extensions
    if (keyUsage !== undefined && (keyUsage & KEY_USAGE.crlSign) === 0) return 'key-usage'
    const { signed, signature, algorithm, unusable } = this.#parts
    try {
      const key = issuer.publicKey()
      if (!isSignature(signatureSchemeOf(algorithm), { key, signed, signature })) return 'bad-signature'
    } catch (error) {
      if (!(error instanceof PkiError)) throw error
      return error.code === 'weak-key' ? 'weak-key' : 'weak-signature'
    }
    return unusable ?? (this.nextUpdate === undefined ? 'no-next-update' : undefined)
  }

  /** `stale` from the second of nextUpdate on. */
  freshnessAt(now: Timestamp): 'early' | 'fresh' | 'stale' {
    if (now < this.thisUpdate) return 'early'
    return this.nextUpdate !== undefined && now >= this.nextUpdate ? 'stale' : 'fresh'
  }

  /**
   * What the list says of this serial number, or undefined; the issuer is not looked at.
   * @param serial content octets of the INTEGER (`Certificate.serial`).
   */
  entryOf(serial: Uint8Array): CrlEntry | undefined {
    const { entries } = this.#parts
    let [low, high] = [0, entries.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const start = entries[middle] ?? 0
      const order = compareSerials(serialAt(this.der, start), serial)
      if (order === 0) return new CrlEntryReader(this.der).read(start, this.der.length)
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  /** As `entryOf`. @param serialNumber upper-case hex, as `Certificate.serialNumber` has it. */
  find(serialNumber: string): CrlEntry | undefined {
    const bytes = Buffer.from(serialNumber, 'hex')
    const found = this.entryOf(bytes)
    // The text leaves out the zero byte that DER puts before a set highest bit.
    return found ?? ((bytes[0] ?? 0) < 0x80 ? undefined : this.entryOf(Buffer.concat([Uint8Array.of(0), bytes])))
  }
}

/**
 * Reads one list. Takes time and memory in proportion to its bytes.
 * @param der at most 32 MiB and 1,000,000 entries; kept, not copied.
 * @throws PkiError `too-large`, `bad-der`, `bad-crl`.
 */
export function parseRevocationList(der: Uint8Array): RevocationList {
  if (der.length > CRL_BYTES_MAX) throw new PkiError('too-large', 'the revocation list is too long')
  try {
    return readList(der)
  } catch (error) {
    // Names, times and algorithms are those of certificates, and so are their errors.
    if (error instanceof PkiError && error.code === 'bad-certificate') throw bad()
    throw error
  }
}

function readList(der: Uint8Array): RevocationList {
  const whole = placeOf(TAG.sequence, der, 0, der.length)
  const signed = placeOf(TAG.sequence, der, whole.contentStart, whole.end)
  const outer = placeOf(TAG.sequence, der, signed.end, whole.end)
  const signature = elementAt(der, placeOf(TAG.bitString, der, outer.end, whole.end))
  if (whole.end !== der.length || signature.bytes.length !== whole.end - outer.end) throw bad()
  if (signature.content[0] !== 0) throw bad()

  let at = signed.contentStart
  const next = (): DerPlace => {
    const place = placeAt(der, at, signed.end)
    at = place.end
    return place
  }
  const peek = (): number | undefined => (at < signed.end ? der[at] : undefined)
  const isSecondVersion = peek() === TAG.integer
  // §5.1.2.1: version 1 is said by leaving it out.
  if (isSecondVersion && integerOf(elementAt(der, next())) !== 1) throw bad()
  const inner = next()
  // §5.1.1.2: inside and outside are the same, or one could be exchanged.
  const algorithm = elementAt(der, inner)
  if (Buffer.compare(algorithm.bytes, der.subarray(outer.start, outer.end)) !== 0) throw bad()
  const issuer = elementAt(der, next())
  relativeNamesOf(issuer)
  const thisUpdate = timeOf(elementAt(der, next()))
  const hasEnd = peek() === TAG.utcTime || peek() === TAG.generalizedTime
  const nextUpdate = hasEnd ? timeOf(elementAt(der, next())) : undefined
  const list = peek() === TAG.sequence ? next() : undefined
  const field = peek() === 0xa0 ? next() : undefined
  if (at !== signed.end || (field !== undefined && !isSecondVersion)) throw bad()
  const extensions = parseCrlExtensions(field && elementAt(der, field))
  const { places, unusable } = list === undefined ? NO_ENTRIES : placesOf(der, list)
  return new RevocationList(der, {
    signed: der.subarray(signed.start, signed.end),
    algorithm,
    signature: signature.content.subarray(1),
    issuer,
    thisUpdate,
    nextUpdate,
    extensions,
    unusable: extensions.unusable ?? unusable,
    entries: places,
  })
}

interface Entries {
  readonly places: Uint32Array
  readonly unusable: CrlFault | undefined
}

const NO_ENTRIES: Entries = { places: new Uint32Array(0), unusable: undefined }

/** Checks every entry, and orders their places by serial number. */
function placesOf(der: Uint8Array, list: DerPlace): Entries {
  // An entry has a serial number and a time, 18 bytes at least: so this array is never larger than the list.
  const places = new Uint32Array(Math.min(CRL_ENTRIES_MAX, Math.ceil((list.end - list.contentStart) / 18)))
  let count = 0
  let unusable: CrlFault | undefined
  const reader = new CrlEntryReader(der)
  for (let at = list.contentStart; at < list.end; ) {
    if (count === CRL_ENTRIES_MAX) throw new PkiError('too-large', 'the revocation list has too many entries')
    const entry = reader.read(at, list.end)
    unusable ??= entry.unusable
    places[count] = at
    count += 1
    at = entry.end
  }
  // §5.1.2.6: no list of none.
  if (count === 0) throw bad()
  const entries = places.slice(0, count)
  entries.sort((a, b) => comparePlaces(der, a, b))
  return { places: entries, unusable }
}

/** Content of the first element inside the entry at `start`; its form has been checked. */
function serialAt(der: Uint8Array, start: number): Uint8Array {
  const entry = placeAt(der, start, der.length)
  const serial = placeAt(der, entry.contentStart, entry.end)
  return der.subarray(serial.contentStart, serial.end)
}

/** As `compareSerials` of two entries, without making anything: a long list is compared two million times. */
function comparePlaces(der: Uint8Array, a: number, b: number): number {
  const [left, right] = [serialPlace(der, a), serialPlace(der, b)]
  // The length of a serial number has one byte (`CrlEntryReader`).
  const length = der[left] ?? 0
  const order = length - (der[right] ?? 0)
  if (order !== 0) return order
  for (let at = 1; at <= length; at += 1) {
    const difference = (der[left + at] ?? 0) - (der[right + at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Where the length of an entry's serial number stands. */
function serialPlace(der: Uint8Array, entry: number): number {
  const first = der[entry + 1] ?? 0
  return entry + (first < 0x80 ? 2 : 2 + (first & 0x7f)) + 1
}

function compareSerials(a: Uint8Array, b: Uint8Array): number {
  return a.length - b.length || Buffer.compare(a, b)
}

function elementAt(der: Uint8Array, place: DerPlace): DerElement {
  return parseDer(der.subarray(place.start, place.end))
}

function bad(): PkiError {
  return new PkiError('bad-crl', 'not the structure of a revocation list')
}

/** X.509 certificates (RFC 5280 §4), read strictly. Reading trusts nothing: `verifyChain` does. */

import { createHash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Timestamp } from '@holdfast/base'
import { TAG, integerOf, parseDer } from './der.ts'
import type { DerElement } from './der.ts'
import { commonNameOf, formatName, isSameName, relativeNamesOf } from './distinguished-name.ts'
import { PkiError } from './errors.ts'
import { NO_EXTENSIONS, parseExtensions } from './extensions.ts'
import type { CertificateExtensions } from './extensions.ts'
import { readPublicKey } from './key-quality.ts'
import { CERTIFICATE_BYTES_MAX } from './limits.ts'
import { isSignature, signatureSchemeOf } from './signature-algorithm.ts'
import { timeOf } from './time.ts'

interface Parts {
  readonly version: number
  readonly serialNumber: DerElement
  readonly issuer: DerElement
  readonly subject: DerElement
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  readonly publicKey: DerElement
  readonly extensions: CertificateExtensions
  readonly signed: DerElement
  readonly algorithm: DerElement
  readonly signature: DerElement
}

/** A certificate of the right form. Made by `parseCertificate` alone. */
export class Certificate {
  /** As handed in; not changed by anybody afterwards. */
  readonly der: Uint8Array
  /** 1 to 3. */
  readonly version: number
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  readonly extensions: CertificateExtensions
  readonly #parts: Parts
  #publicKey: KeyObject | undefined

  constructor(der: Uint8Array, parts: Parts) {
    this.der = der
    this.version = parts.version
    this.notBefore = parts.notBefore
    this.notAfter = parts.notAfter
    this.extensions = parts.extensions
    this.#parts = parts
  }

  /** DER of the Name. */
  get issuer(): Uint8Array {
    return this.#parts.issuer.bytes
  }

  /** DER of the Name. */
  get subject(): Uint8Array {
    return this.#parts.subject.bytes
  }

  /** `CN=device, O=Example`. */
  get issuerName(): string {
    return formatName(this.#parts.issuer)
  }

  /** `CN=device, O=Example`. */
  get subjectName(): string {
    return formatName(this.#parts.subject)
  }

  /** The subject's common name, '' unless there is exactly one. */
  get commonName(): string {
    return commonNameOf(this.#parts.subject)
  }

  /** Upper-case hex, without the zero byte that DER puts before a set highest bit. */
  get serialNumber(): string {
    const { content } = this.#parts.serialNumber
    const bytes = content[0] === 0 && content.length > 1 ? content.subarray(1) : content
    return Buffer.from(bytes).toString('hex').toUpperCase()
  }

  /** Content octets of the INTEGER: what tells two serial numbers apart. */
  get serial(): Uint8Array {
    return this.#parts.serialNumber.content
  }

  /** DER of SubjectPublicKeyInfo. */
  get spki(): Uint8Array {
    return this.#parts.publicKey.bytes
  }

  /** Upper-case hex of the DER's digest. */
  get sha1Thumbprint(): string {
    return createHash('sha1').update(this.der).digest('hex').toUpperCase()
  }

  /** Upper-case hex of the DER's digest. */
  get sha256Thumbprint(): string {
    return createHash('sha256').update(this.der).digest('hex').toUpperCase()
  }

  /** Whether subject and issuer are the same name (RFC 5280 §6.1: self-issued). Says nothing of the signature. */
  get isSelfIssued(): boolean {
    return isSameName(this.issuer, this.subject)
  }

  /** @throws PkiError `weak-key`. */
  publicKey(): KeyObject {
    this.#publicKey ??= readPublicKey(this.spki)
    return this.#publicKey
  }

  /** Whether names and key identifiers let `issuer` be the issuer; costs no cryptography. */
  isIssuableBy(issuer: Certificate): boolean {
    const wanted = this.extensions.authorityKeyId
    const offered = issuer.extensions.subjectKeyId
    // RFC 5280 §6.1.3(a)(4).
    return (
      (wanted === undefined || offered === undefined || wanted === offered) && isSameName(this.issuer, issuer.subject)
    )
  }

  /**
   * Whether the key of `issuer` signed this certificate.
   * @throws PkiError `weak-key` (of the issuer), `weak-signature`, `bad-certificate`.
   */
  isSignedBy(issuer: Certificate): boolean {
    const { algorithm, signed, signature } = this.#parts
    return isSignature(signatureSchemeOf(algorithm), {
      key: issuer.publicKey(),
      signed: signed.bytes,
      // The first byte counts unused bits, and is 0 in a string of whole bytes.
      signature: signature.content.subarray(1),
    })
  }
}

/**
 * Reads one certificate.
 * @param der at most 16 KiB; kept, not copied.
 * @throws PkiError `too-large`, `bad-der`, `bad-certificate`.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > CERTIFICATE_BYTES_MAX) throw new PkiError('too-large', 'the certificate is too long')
  const certificate = parseDer(der)
  const [signed, algorithm, signature, ...more] = certificate.children
  if (certificate.tag !== TAG.sequence || signed === undefined || algorithm === undefined || more.length > 0)
    throw bad()
  if (signed.tag !== TAG.sequence || signature?.tag !== TAG.bitString || signature.content[0] !== 0) throw bad()
  const fields = signed.children
  let at = 0
  const next = (tag: number): DerElement => {
    const field = fields[at]
    if (field?.tag !== tag) throw bad()
    at += 1
    return field
  }
  const explicit = fields[0]?.tag === 0xa0 ? next(0xa0).children : undefined
  const version = explicit === undefined ? 1 : versionOf(explicit)
  const serialNumber = next(TAG.integer)
  // RFC 5280 §4.1.1.2: inside and outside are the same, or one could be exchanged.
  if (!isSameBytes(next(TAG.sequence).bytes, algorithm.bytes)) throw bad()
  const issuer = next(TAG.sequence)
  const [notBefore, notAfter, ...times] = next(TAG.sequence).children
  const subject = next(TAG.sequence)
  const publicKey = next(TAG.sequence)
  // issuerUniqueID and subjectUniqueID of version 2: RFC 5280 §4.1.2.8 has nobody make them; they decide nothing.
  if (version >= 2 && fields[at]?.tag === 0x81) at += 1
  if (version >= 2 && fields[at]?.tag === 0x82) at += 1
  let extensions = NO_EXTENSIONS
  if (version === 3 && fields[at]?.tag === 0xa3) {
    const [list, ...others] = next(0xa3).children
    if (list === undefined || others.length > 0) throw bad()
    extensions = parseExtensions(list)
  }
  if (notBefore === undefined || notAfter === undefined || times.length > 0 || at !== fields.length) throw bad()
  relativeNamesOf(issuer)
  relativeNamesOf(subject)
  return new Certificate(der, {
    version,
    serialNumber,
    issuer,
    subject,
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
    publicKey,
    extensions,
    signed,
    algorithm,
    signature,
  })
}

function versionOf(explicit: readonly DerElement[]): number {
  const [value, ...more] = explicit
  if (value === undefined || more.length > 0) throw bad()
  const version = integerOf(value) + 1
  if (version > 3) throw bad()
  return version
}

export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

function bad(): PkiError {
  return new PkiError('bad-certificate', 'not the structure of a certificate')
}

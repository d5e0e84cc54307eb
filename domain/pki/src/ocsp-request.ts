/** OCSP requests (RFC 6960 §4.1, RFC 9654), as a responder reads them. */

import { createHash } from 'node:crypto'
import type { Certificate } from './certificate.ts'
import { TAG, integerOf, objectIdentifierOf, parseDer } from './der.ts'
import type { DerElement } from './der.ts'
import { PkiError } from './errors.ts'
import { extensionList } from './extensions.ts'
import { keyBitsOf } from './key-identifier.ts'
import { OCSP_NONCE_BYTES_MAX, OCSP_REQUEST_BYTES_MAX, OCSP_REQUEST_ITEMS_MAX } from './limits.ts'

export const OCSP_NONCE = '1.3.6.1.5.5.7.48.1.2'

/** SHA-1 only names here (§4.3 has every responder take it); it proves nothing. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

/** One certificate that is asked about. */
export interface OcspItem {
  /** DER of the CertID; the answer repeats it. */
  readonly certId: Uint8Array
  /** Undefined for an algorithm that we do not know: it names no issuer of ours. */
  readonly hash: string | undefined
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  /** Upper-case hex, as `Certificate.serialNumber` has it. */
  readonly serialNumber: string
}

export interface OcspRequest {
  /** 1 to 16. */
  readonly items: readonly OcspItem[]
  /** DER of the nonce extension's value; the answer repeats it. */
  readonly nonce: Uint8Array | undefined
}

/**
 * Reads a request. Its signature, if there is one, is not looked at: anybody may ask.
 * @param der at most 4 KiB.
 * @throws PkiError `too-large`, `bad-der`, `bad-request`.
 */
export function decodeOcspRequest(der: Uint8Array): OcspRequest {
  if (der.length > OCSP_REQUEST_BYTES_MAX) throw new PkiError('too-large', 'the OCSP request is too long')
  const request = parseDer(der)
  const [signed, signature, ...more] = request.children
  if (request.tag !== TAG.sequence || signed?.tag !== TAG.sequence || more.length > 0) throw bad()
  if (signature !== undefined && signature.tag !== 0xa0) throw bad()
  const fields = [...signed.children]
  const take = (tag: number): DerElement | undefined => (fields[0]?.tag === tag ? fields.shift() : undefined)
  const version = take(0xa0)
  // X.690 §11.5 would have version 1, the default, left out; some clients say it, and mean it.
  if (version !== undefined && (version.children.length !== 1 || integerOf(only(version)) !== 0)) throw bad()
  take(0xa1)
  const list = take(TAG.sequence)
  const extensions = take(0xa2)
  if (list === undefined || list.children.length === 0 || fields.length > 0) throw bad()
  if (list.children.length > OCSP_REQUEST_ITEMS_MAX) throw new PkiError('too-large', 'too many certificates at once')
  return { items: list.children.map(itemOf), nonce: extensions && nonceOf(extensions) }
}

/** Whether the item is about a certificate that `issuer` issued. */
export function isIssuerOf(item: OcspItem, issuer: Certificate): boolean {
  if (item.hash === undefined) return false
  const digest = (bytes: Uint8Array): Buffer =>
    createHash(item.hash ?? '')
      .update(bytes)
      .digest()
  return digest(issuer.subject).equals(item.issuerNameHash) && digest(keyBitsOf(issuer.spki)).equals(item.issuerKeyHash)
}

function itemOf(request: DerElement): OcspItem {
  const [certId, extensions, ...more] = request.children
  if (request.tag !== TAG.sequence || certId?.tag !== TAG.sequence || more.length > 0) throw bad()
  if (extensions !== undefined && extensions.tag !== 0xa0) throw bad()
  const [algorithm, nameHash, keyHash, serial, ...others] = certId.children
  const [type] = algorithm?.children ?? []
  if (type === undefined || nameHash?.tag !== TAG.octetString || keyHash?.tag !== TAG.octetString) throw bad()
  if (serial?.tag !== TAG.integer || others.length > 0) throw bad()
  const { content } = serial
  const bytes = content[0] === 0 && content.length > 1 ? content.subarray(1) : content
  return {
    certId: certId.bytes,
    hash: HASHES.get(objectIdentifierOf(type)),
    issuerNameHash: nameHash.content,
    issuerKeyHash: keyHash.content,
    serialNumber: Buffer.from(bytes).toString('hex').toUpperCase(),
  }
}

/** RFC 9654 §2.1: an octet string of 1 to 128 bytes. Other extensions, critical or not, ask for nothing we refuse. */
function nonceOf(field: DerElement): Uint8Array | undefined {
  const found = extensionList(only(field)).find(({ oid }) => oid === OCSP_NONCE)
  if (found === undefined) return undefined
  const value = found.value()
  const isNonce = value.tag === TAG.octetString && value.content.length >= 1
  if (!isNonce || value.content.length > OCSP_NONCE_BYTES_MAX) throw bad()
  return value.bytes
}

function only(element: DerElement): DerElement {
  const [first, ...more] = element.children
  if (first === undefined || more.length > 0) throw bad()
  return first
}

function bad(): PkiError {
  return new PkiError('bad-request', 'not an OCSP request')
}

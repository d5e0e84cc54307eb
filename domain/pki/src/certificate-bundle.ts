/**
 * Certificates alone in a PKCS #7 / CMS envelope that signs nothing (RFC 5652 §5, the "certs-only" form): what EST
 * answers with (RFC 7030 §4.1.3, §4.2.3).
 */

import { CHAIN_CERTIFICATES_MAX } from './limits.ts'

const SEQUENCE = 0x30
const SET = 0x31
/** `[0]`, constructed: `content` of ContentInfo, and `certificates` of SignedData. */
const CONTEXT_0 = 0xa0

/** INTEGER 1: without signers, and with X.509 certificates alone, SignedData has version 1 (RFC 5652 §5.1). */
const VERSION = Uint8Array.of(0x02, 0x01, 0x01)
/** 1.2.840.113549.1.7.2 and 1.2.840.113549.1.7.1. */
const SIGNED_DATA = Uint8Array.of(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02)
const DATA = Uint8Array.of(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01)

/**
 * @param certificates DER, 1 to 8, in the order in which they are to stand; not looked at.
 * @returns DER of ContentInfo.
 * @throws TypeError on none or too many.
 */
export function encodeCertificateBundle(certificates: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (certificates.length === 0 || certificates.length > CHAIN_CERTIFICATES_MAX) {
    throw new TypeError(`a bundle has 1 to ${CHAIN_CERTIFICATES_MAX} certificates`)
  }
  const signedData = element(SEQUENCE, [
    VERSION,
    element(SET, []),
    element(SEQUENCE, [DATA]),
    element(CONTEXT_0, certificates),
    element(SET, []),
  ])
  return element(SEQUENCE, [SIGNED_DATA, element(CONTEXT_0, [signedData])])
}

function element(tag: number, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = [tag, ...lengthOctets(length)]
  const bytes = new Uint8Array(header.length + length)
  bytes.set(header)
  let at = header.length
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** X.690 §10.1: the shortest form. */
function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return [0x80 | octets.length, ...octets]
}

/** Certification requests (PKCS #10, RFC 2986): made by devices and agents, checked by whoever issues. */

import type { KeyObject } from 'node:crypto'
import { CertificationRequest as RequestSchema, CertificationRequestInfo } from '@peculiar/asn1-csr'
import { AsnConvert } from '@peculiar/asn1-schema'
import { SubjectPublicKeyInfo } from '@peculiar/asn1-x509'
import { algorithmOf, nameOf, signatureBytes } from './asn1.ts'
import type { Subject } from './asn1.ts'
import { TAG, integerOf, parseDer } from './der.ts'
import { commonNameOf, formatName } from './distinguished-name.ts'
import { PkiError } from './errors.ts'
import { keyKindOf, readPublicKey } from './key-quality.ts'
import type { KeyKind } from './key-quality.ts'
import { CERTIFICATE_BYTES_MAX } from './limits.ts'
import { isSignature, signatureSchemeOf } from './signature-algorithm.ts'
import type { Signer } from './signer.ts'

/** A request whose own key signed it. What it asks for beyond name and key is not granted by being asked for. */
export interface VerifiedRequest {
  /** '' unless there is exactly one. */
  readonly commonName: string
  readonly subjectName: string
  /** DER of SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly publicKey: KeyObject
  readonly keyKind: KeyKind
}

/** @returns DER. @throws PkiError `bad-signature` if the signer does not hold the key that it shows. */
export async function createCertificationRequest(subject: Subject, signer: Signer): Promise<Uint8Array<ArrayBuffer>> {
  const certificationRequestInfo = new CertificationRequestInfo({
    subject: nameOf(subject),
    subjectPKInfo: AsnConvert.parse(signer.publicKey, SubjectPublicKeyInfo),
  })
  const signed = new Uint8Array(AsnConvert.serialize(certificationRequestInfo))
  const request = new RequestSchema({
    certificationRequestInfo,
    signatureAlgorithm: algorithmOf(signer.algorithm),
    signature: signatureBytes(await signer.sign(signed)),
  })
  const der = new Uint8Array(AsnConvert.serialize(request))
  verifyCertificationRequest(der)
  return der
}

/**
 * Reads a request and checks that the key in it signed it: whoever asks holds the key.
 * @param der at most 16 KiB.
 * @throws PkiError `too-large`, `bad-der`, `bad-request`, `weak-key`, `weak-signature`, `bad-signature`.
 */
export function verifyCertificationRequest(der: Uint8Array): VerifiedRequest {
  if (der.length > CERTIFICATE_BYTES_MAX) throw new PkiError('too-large', 'the request is too long')
  const request = parseDer(der)
  const [signed, algorithm, signature, ...more] = request.children
  const [version, subject, key, attributes, ...others] = signed?.children ?? []
  const isRequest =
    request.tag === TAG.sequence &&
    signed?.tag === TAG.sequence &&
    algorithm !== undefined &&
    signature?.tag === TAG.bitString &&
    signature.content[0] === 0 &&
    more.length === 0 &&
    version !== undefined &&
    subject !== undefined &&
    key?.tag === TAG.sequence &&
    (attributes === undefined || attributes.tag === 0xa0) &&
    others.length === 0
  if (!isRequest || integerOf(version) !== 0) throw new PkiError('bad-request', 'not a certification request')
  const commonName = commonNameOf(subject)
  const publicKey = readPublicKey(key.bytes)
  const scheme = signatureSchemeOf(algorithm)
  if (!isSignature(scheme, { key: publicKey, signed: signed.bytes, signature: signature.content.subarray(1) })) {
    throw new PkiError('bad-signature', 'the request is not signed with its own key')
  }
  return { commonName, subjectName: formatName(subject), spki: key.bytes, publicKey, keyKind: keyKindOf(publicKey) }
}

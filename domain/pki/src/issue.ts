/** Issuing certificates (RFC 5280 §4.1). Serial numbers and times are handed in; signing goes through a `Signer`. */

import { AsnConvert } from '@peculiar/asn1-schema'
import {
  Certificate as CertificateSchema,
  Name,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity as ValiditySchema,
  Version,
} from '@peculiar/asn1-x509'
import {
  algorithmOf,
  alternativeNamesExtension,
  authorityKeyExtension,
  basicConstraintsExtension,
  extensionsOf,
  keyPurposesExtension,
  keyUsageExtension,
  nameOf,
  publicationExtensions,
  signatureBytes,
  subjectKeyExtension,
} from './asn1.ts'
import type { AlternativeName, Publication, Subject } from './asn1.ts'
import { isSameBytes, parseCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { checkAuthority } from './chain.ts'
import { PkiError } from './errors.ts'
import { authorityKeyIdOf, keyIdOf } from './key-identifier.ts'
import { keyKindOf, readPublicKey } from './key-quality.ts'
import { SERIAL_NUMBER_BYTES_MAX, SERIAL_NUMBER_BYTES_MIN } from './limits.ts'
import type { CertificateProfile, Validity } from './profile.ts'
import type { Signer } from './signer.ts'

export interface IssueRequest {
  readonly profile: CertificateProfile
  readonly subject: Subject
  /** DER of SubjectPublicKeyInfo of the subject. */
  readonly spki: Uint8Array
  /** Undefined for what signs itself: a root, or a device whose profile says so. */
  readonly issuer: Certificate | undefined
  /** Of the issuer; of what signs itself, its own. */
  readonly signer: Signer
  /** 8 to 20 random bytes; made positive here. */
  readonly serialNumber: Uint8Array
  readonly validity: Validity
  /** Where the profile has them. */
  readonly alternativeNames?: readonly AlternativeName[]
  /** Where the issuer publishes its list of revoked certificates and itself; absent: the certificate does not say. */
  readonly publication?: Publication
}

/**
 * Issues one certificate and reads it back: what is returned was signed by the issuer, for a fact.
 * @returns DER.
 * @throws PkiError `weak-key` for the subject's key, `bad-signature` if the signer does not hold the issuer's key.
 * @throws TypeError if the issuer may not issue this: no CA, path length, past its validity, wrong signer.
 */
export async function issueCertificate(request: IssueRequest): Promise<Uint8Array<ArrayBuffer>> {
  const { profile, issuer, signer, validity } = request
  checkIssuer(request)
  const kind = keyKindOf(readPublicKey(request.spki))
  const subject = nameOf(request.subject)
  const subjectKeyId = keyIdOf(request.spki)
  const extensions = [
    basicConstraintsExtension(profile.authority),
    keyUsageExtension(profile.keyUsage | (kind === 'rsa' ? profile.keyUsageRsa : 0)),
    subjectKeyExtension(subjectKeyId),
    authorityKeyExtension(issuer === undefined ? subjectKeyId : authorityKeyIdOf(issuer)),
  ]
  if (profile.keyPurposes.length > 0) extensions.push(keyPurposesExtension(profile.keyPurposes))
  if (profile.hasAlternativeNames) extensions.push(alternativeNamesExtension(request.alternativeNames ?? []))
  else if (request.alternativeNames !== undefined) throw new TypeError(`a ${profile.name} has no alternative names`)
  if (request.publication !== undefined) extensions.push(...publicationExtensions(request.publication))
  const signatureAlgorithm = algorithmOf(signer.algorithm)
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumberOf(request.serialNumber),
    signature: signatureAlgorithm,
    issuer: issuer === undefined ? subject : AsnConvert.parse(issuer.subject, Name),
    validity: new ValiditySchema({ notBefore: new Date(validity.notBefore), notAfter: new Date(validity.notAfter) }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(request.spki, SubjectPublicKeyInfo),
    extensions: extensionsOf(extensions),
  })
  const signatureValue = signatureBytes(await signer.sign(new Uint8Array(AsnConvert.serialize(tbsCertificate))))
  const der = new Uint8Array(
    AsnConvert.serialize(new CertificateSchema({ tbsCertificate, signatureAlgorithm, signatureValue })),
  )
  const issued = parseCertificate(der)
  const parent = issuer ?? issued
  if (!issued.isIssuableBy(parent) || !issued.isSignedBy(parent)) {
    throw new PkiError('bad-signature', 'the signer did not sign with the key of the issuer')
  }
  return der
}

function checkIssuer(request: IssueRequest): void {
  const { profile, issuer, validity } = request
  if (validity.notBefore >= validity.notAfter) throw new TypeError('a validity that ends before it begins')
  if (issuer === undefined) {
    const maySignItself = profile.authority !== undefined || profile.maySignItself === true
    if (!maySignItself) throw new TypeError(`a ${profile.name} does not sign itself`)
    if (!isSameBytes(request.signer.publicKey, request.spki)) throw new TypeError('self-signed is with its own key')
    return
  }
  if (!isSameBytes(request.signer.publicKey, issuer.spki)) throw new TypeError('the signer is not the issuer')
  const fault = checkAuthority(issuer, validity.notBefore) ?? checkAuthority(issuer, validity.notAfter)
  if (fault !== undefined) throw new TypeError(`the issuer cannot issue this: ${fault.reason}`)
  const room = issuer.extensions.pathLength
  // RFC 5280 §4.2.1.9: what has the issuer's own name, a new key of it, takes no room on the path.
  const isSelfIssued = isSameBytes(new Uint8Array(AsnConvert.serialize(nameOf(request.subject))), issuer.subject)
  if (isSelfIssued && (profile.authority?.pathLength ?? 0) > (room ?? Infinity)) throw noRoom()
  if (!isSelfIssued && profile.authority !== undefined && profile.authority.pathLength >= (room ?? Infinity)) {
    throw noRoom()
  }
}

function noRoom(): TypeError {
  return new TypeError('the issuer may have no such authority below it')
}

/** RFC 5280 §4.1.2.2: positive, so the highest bit is cleared; the next is set, so that the length stays. */
function serialNumberOf(random: Uint8Array): ArrayBuffer {
  if (random.length < SERIAL_NUMBER_BYTES_MIN || random.length > SERIAL_NUMBER_BYTES_MAX) {
    throw new TypeError(`a serial number has ${SERIAL_NUMBER_BYTES_MIN} to ${SERIAL_NUMBER_BYTES_MAX} bytes`)
  }
  const bytes = new Uint8Array(random)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.buffer
}

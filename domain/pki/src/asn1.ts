/** Writing names, algorithms and extensions with the schemas of `@peculiar/asn1-*`. Reading is `der.ts`'s. */

import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AccessDescription,
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityInfoAccessSyntax,
  AuthorityKeyIdentifier,
  BasicConstraints,
  CRLDistributionPoints,
  DistributionPoint,
  DistributionPointName,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyIdentifier,
  KeyUsage,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509'
import { PkiError } from './errors.ts'
import { COMMON_NAME } from './distinguished-name.ts'
import { EXTENSION } from './extensions.ts'
import { ALTERNATIVE_NAMES_MAX, COMMON_NAME_CHARACTERS_MAX } from './limits.ts'
import { SIGNATURE_OIDS } from './signature-algorithm.ts'
import type { SignatureAlgorithm } from './signature-algorithm.ts'

/** Whom a certificate is for. */
export interface Subject {
  /** 1 to 128 characters. */
  readonly commonName: string
  readonly organization?: string
}

export type AlternativeName =
  /** An ASCII host name; a leading `*.` is allowed. */
  | { readonly kind: 'dns'; readonly name: string }
  /** IPv4 or IPv6 text, no zone. */
  | { readonly kind: 'ip'; readonly address: string }

/** Where an issuer publishes what others need to judge its certificates by. Each an absolute URL. */
export interface Publication {
  /** Its list of revoked certificates (RFC 5280 §4.2.1.13). */
  readonly revocationList: string
  /** Its OCSP responder (§4.2.2.1); left out where there is none. */
  readonly ocsp?: string
  /** Its own certificate, DER (§4.2.2.1). */
  readonly issuer: string
}

const ORGANIZATION = '2.5.4.10'
const DNS_NAME =
  /^(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/

/** @throws TypeError on a subject that cannot be written: a bug in the caller. */
export function nameOf(subject: Subject): Name {
  const parts: RelativeDistinguishedName[] = []
  if (subject.organization !== undefined) parts.push(relativeName(ORGANIZATION, subject.organization))
  parts.push(relativeName(COMMON_NAME, subject.commonName))
  return new Name(parts)
}

function relativeName(type: string, text: string): RelativeDistinguishedName {
  if (text === '' || text.length > COMMON_NAME_CHARACTERS_MAX || !text.isWellFormed()) {
    throw new TypeError('a part of a name has 1 to 128 characters')
  }
  // UTF-8 throughout, as RFC 5280 §4.1.2.4 wants it of new certificates.
  return new RelativeDistinguishedName([
    new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: text }) }),
  ])
}

/** @throws TypeError on none, too many, or names that are not of their kind. */
export function alternativeNamesExtension(names: readonly AlternativeName[]): Extension {
  if (names.length === 0 || names.length > ALTERNATIVE_NAMES_MAX) throw new TypeError('1 to 64 alternative names')
  const general = names.map((name) => {
    if (name.kind === 'ip') {
      if (!isIpv4(name.address) && !isIpv6(name.address)) throw new TypeError('an alternative name is no address')
      return new GeneralName({ iPAddress: name.address })
    }
    if (name.name.length > 253 || !DNS_NAME.test(name.name)) throw new TypeError('an alternative name is no host name')
    return new GeneralName({ dNSName: name.name.toLowerCase() })
  })
  return extension(EXTENSION.subjectAlternativeName, false, new SubjectAlternativeName(general))
}

function isIpv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)
}

/** RFC 4291 §2.2 forms 1 and 2; the schema would misread form 3, which has a dotted end. */
function isIpv6(text: string): boolean {
  const halves = text.split('::')
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const isComplete = halves.length === 2 ? groups.length <= 7 : halves.length === 1 && groups.length === 8
  return isComplete && groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))
}

export function basicConstraintsExtension(authority: { readonly pathLength: number } | undefined): Extension {
  const value =
    authority === undefined
      ? new BasicConstraints({ cA: false })
      : new BasicConstraints({ cA: true, pathLenConstraint: authority.pathLength })
  return extension(EXTENSION.basicConstraints, true, value)
}

export function keyUsageExtension(bits: number): Extension {
  return extension(EXTENSION.keyUsage, true, new KeyUsage(bits))
}

export function keyPurposesExtension(purposes: readonly string[]): Extension {
  return extension(EXTENSION.extendedKeyUsage, false, new ExtendedKeyUsage([...purposes]))
}

export function subjectKeyExtension(keyId: Uint8Array<ArrayBuffer>): Extension {
  return extension(EXTENSION.subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyId))
}

export function authorityKeyExtension(keyId: Uint8Array<ArrayBuffer>): Extension {
  const value = new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyId) })
  return extension(EXTENSION.authorityKeyIdentifier, false, value)
}

/** @throws TypeError on what is no URL of printable ASCII, or over 1,024 characters. */
export function publicationExtensions({ revocationList, ocsp, issuer }: Publication): readonly Extension[] {
  const fullName = [locationOf(revocationList)]
  const point = new DistributionPoint({ distributionPoint: new DistributionPointName({ fullName }) })
  const access = [
    ...(ocsp === undefined ? [] : [accessOf(ACCESS_METHOD.ocsp, ocsp)]),
    accessOf(ACCESS_METHOD.caIssuers, issuer),
  ]
  return [
    extension(EXTENSION.crlDistributionPoints, false, new CRLDistributionPoints([point])),
    extension(EXTENSION.authorityInfoAccess, false, new AuthorityInfoAccessSyntax(access)),
  ]
}

/** RFC 5280 §4.2.2.1. */
const ACCESS_METHOD = { ocsp: '1.3.6.1.5.5.7.48.1', caIssuers: '1.3.6.1.5.5.7.48.2' } as const

function accessOf(accessMethod: string, url: string): AccessDescription {
  return new AccessDescription({ accessMethod, accessLocation: locationOf(url) })
}

function locationOf(url: string): GeneralName {
  // An IA5String (§4.2.1.6): anything else would have to be encoded first.
  if (!/^[!-~]{1,1024}$/.test(url) || !URL.canParse(url)) throw new TypeError('a place of publication is no URL')
  return new GeneralName({ uniformResourceIdentifier: url })
}

export function extensionsOf(list: readonly Extension[]): Extensions {
  return new Extensions([...list])
}

function extension(oid: string, critical: boolean, value: unknown): Extension {
  return new Extension({ extnID: oid, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })
}

/** RFC 4055 §5 has a NULL for RSA, RFC 5758 §3.2 and RFC 8410 §3 nothing for the others. */
export function algorithmOf(algorithm: SignatureAlgorithm): AlgorithmIdentifier {
  const oid = SIGNATURE_OIDS[algorithm]
  return algorithm.startsWith('rsa')
    ? new AlgorithmIdentifier({ algorithm: oid, parameters: null })
    : new AlgorithmIdentifier({ algorithm: oid })
}

/** Signed bytes as the owner of its buffer. @throws PkiError `bad-signature` when a signer gives nothing. */
export function signatureBytes(signature: Uint8Array): ArrayBuffer {
  if (signature.length === 0) throw new PkiError('bad-signature', 'the signer gave no signature')
  return new Uint8Array(signature).buffer
}

/** The certificate extensions that decide whom we trust (RFC 5280 §4.2). */

import { TAG, booleanOf, integerOf, objectIdentifierOf, parseDer } from './der.ts'
import type { DerElement } from './der.ts'
import { PkiError } from './errors.ts'
import { generalNamesOf } from './general-name.ts'
import type { GeneralName } from './general-name.ts'
import { EXTENSIONS_MAX } from './limits.ts'
import { nameConstraintsOf } from './name-constraints.ts'
import type { NameConstraints } from './name-constraints.ts'
import { NO_POLICIES, inhibitAnyOf, policiesOf, policyConstraintsOf, policyMappingsOf } from './policies.ts'
import type { PolicyExtensions } from './policies.ts'

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  policyMappings: '2.5.29.33',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
} as const

/** Bits of KeyUsage (RFC 5280 §4.2.1.3), the first named is the lowest. */
export const KEY_USAGE = {
  digitalSignature: 1,
  nonRepudiation: 2,
  keyEncipherment: 4,
  dataEncipherment: 8,
  keyAgreement: 16,
  keyCertSign: 32,
  crlSign: 64,
} as const

export const KEY_PURPOSE = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  /** tcg-kp-EKCertificate. */
  endorsementKey: '2.23.133.8.1',
} as const

export interface CertificateExtensions {
  readonly isAuthority: boolean
  /** Non-self-issued certificates that may stand between this one and a leaf. */
  readonly pathLength: number | undefined
  /** Sum of `KEY_USAGE`; undefined when the extension is not there. */
  readonly keyUsage: number | undefined
  readonly keyPurposes: readonly string[] | undefined
  /** Hex. */
  readonly subjectKeyId: string | undefined
  readonly authorityKeyId: string | undefined
  readonly alternativeNames: readonly GeneralName[]
  readonly nameConstraints: NameConstraints | undefined
  readonly policy: PolicyExtensions
  /** Critical ones that we do not process. */
  readonly unprocessed: readonly string[]
}

export const NO_EXTENSIONS: CertificateExtensions = {
  isAuthority: false,
  pathLength: undefined,
  keyUsage: undefined,
  keyPurposes: undefined,
  subjectKeyId: undefined,
  authorityKeyId: undefined,
  alternativeNames: [],
  nameConstraints: undefined,
  policy: NO_POLICIES,
  unprocessed: [],
}

/** Reads the Extensions sequence. @throws PkiError `bad-certificate`, `bad-der`, `too-large`. */
export function parseExtensions(extensions: DerElement): CertificateExtensions {
  const values = new Map<string, DerElement>()
  const unprocessed: string[] = []
  for (const { oid, isCritical, value } of extensionList(extensions)) {
    const isRead = READ.has(oid)
    if (isRead) values.set(oid, value())
    if (isCritical && !isRead) unprocessed.push(oid)
  }
  const authorityKey = values.get(EXTENSION.authorityKeyIdentifier)
  const names = values.get(EXTENSION.subjectAlternativeName)
  const constraints = values.get(EXTENSION.nameConstraints)
  return {
    ...basicConstraintsOf(values.get(EXTENSION.basicConstraints)),
    keyUsage: keyUsageOf(values.get(EXTENSION.keyUsage)),
    keyPurposes: keyPurposesOf(values.get(EXTENSION.extendedKeyUsage)),
    subjectKeyId: keyIdOf(values.get(EXTENSION.subjectKeyIdentifier), TAG.octetString),
    authorityKeyId: authorityKey && authorityKeyIdOf(authorityKey),
    alternativeNames: names === undefined ? [] : generalNamesOf(names),
    nameConstraints: constraints && nameConstraintsOf(constraints),
    policy: policyOf(values),
    unprocessed,
  }
}

const READ: ReadonlySet<string> = new Set([
  EXTENSION.basicConstraints,
  EXTENSION.keyUsage,
  EXTENSION.extendedKeyUsage,
  EXTENSION.subjectKeyIdentifier,
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.subjectAlternativeName,
  EXTENSION.nameConstraints,
  EXTENSION.certificatePolicies,
  EXTENSION.policyMappings,
  EXTENSION.policyConstraints,
  EXTENSION.inhibitAnyPolicy,
])

function policyOf(values: ReadonlyMap<string, DerElement>): PolicyExtensions {
  const policies = values.get(EXTENSION.certificatePolicies)
  const mappings = values.get(EXTENSION.policyMappings)
  const constraints = values.get(EXTENSION.policyConstraints)
  const inhibitAny = values.get(EXTENSION.inhibitAnyPolicy)
  return {
    ...NO_POLICIES,
    ...(constraints && policyConstraintsOf(constraints)),
    policies: policies && policiesOf(policies),
    mappings: mappings && policyMappingsOf(mappings),
    inhibitAny: inhibitAny && inhibitAnyOf(inhibitAny),
  }
}

export interface RawExtension {
  readonly oid: string
  readonly isCritical: boolean
  /** Reads what is inside. @throws PkiError `bad-der`, `too-large`. */
  readonly value: () => DerElement
}

/** The extensions of a certificate, list or request, each once. @throws PkiError `bad-certificate`, `too-large`. */
export function extensionList(extensions: DerElement): readonly RawExtension[] {
  if (extensions.tag !== TAG.sequence || extensions.children.length === 0) throw bad('extensions')
  if (extensions.children.length > EXTENSIONS_MAX) throw new PkiError('too-large', 'too many extensions')
  const seen = new Set<string>()
  return extensions.children.map((extension) => {
    const { oid, isCritical, value } = extensionOf(extension)
    // RFC 5280 §4.2: no extension twice.
    if (seen.has(oid)) throw bad('an extension twice')
    seen.add(oid)
    return { oid, isCritical, value: () => parseDer(value) }
  })
}

function extensionOf(extension: DerElement): {
  readonly oid: string
  readonly isCritical: boolean
  readonly value: Uint8Array
} {
  const [type, ...rest] = extension.children
  if (extension.tag !== TAG.sequence || type === undefined || rest.length > 2) throw bad('an extension')
  const value = rest[rest.length - 1]
  const critical = rest.length === 2 ? rest[0] : undefined
  if (value?.tag !== TAG.octetString) throw bad('an extension without a value')
  // X.690 §11.5 would have the default left out; certificates that say FALSE are common, and mean it.
  return {
    oid: objectIdentifierOf(type),
    isCritical: critical !== undefined && booleanOf(critical),
    value: value.content,
  }
}

function basicConstraintsOf(value: DerElement | undefined): {
  readonly isAuthority: boolean
  readonly pathLength: number | undefined
} {
  if (value === undefined) return { isAuthority: false, pathLength: undefined }
  const [first, second, ...more] = value.children
  if (value.tag !== TAG.sequence || more.length > 0) throw bad('basicConstraints')
  if (first === undefined) return { isAuthority: false, pathLength: undefined }
  const isAuthority = booleanOf(first)
  // RFC 5280 §4.2.1.9: a path length only with cA.
  if (second !== undefined && !isAuthority) throw bad('basicConstraints')
  return { isAuthority, pathLength: second === undefined ? undefined : integerOf(second) }
}

function keyUsageOf(value: DerElement | undefined): number | undefined {
  if (value === undefined) return undefined
  const [, low = 0, high = 0] = value.content
  if (value.tag !== TAG.bitString || value.content.length > 3) throw bad('keyUsage')
  let bits = 0
  for (let bit = 0; bit < 8; bit += 1) {
    if ((low & (0x80 >> bit)) !== 0) bits |= 1 << bit
  }
  return (high & 0x80) === 0 ? bits : bits | 256
}

function keyPurposesOf(value: DerElement | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (value.tag !== TAG.sequence || value.children.length === 0) throw bad('extendedKeyUsage')
  return value.children.map(objectIdentifierOf)
}

function keyIdOf(value: DerElement | undefined, tag: number): string | undefined {
  if (value === undefined) return undefined
  if (value.tag !== tag) throw bad('a key identifier')
  return Buffer.from(value.content).toString('hex')
}

/** Hex of the key identifier in an AuthorityKeyIdentifier, if it has one. */
export function authorityKeyIdOf(value: DerElement): string | undefined {
  if (value.tag !== TAG.sequence) throw bad('authorityKeyIdentifier')
  return keyIdOf(
    value.children.find((child) => child.tag === 0x80),
    0x80,
  )
}

function bad(what: string): PkiError {
  return new PkiError('bad-certificate', `not as RFC 5280 has it: ${what}`)
}

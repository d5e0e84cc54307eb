/** What certificates for devices may be, as data: profiles, and their text in the store. */

import {
  type AlternativeName,
  type CertificateProfile,
  DEVICE_CERTIFICATE,
  KEY_PURPOSE,
  type KeyKind,
} from '@holdfast/pki'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { CredentialError } from './errors.ts'
import {
  DOMAIN_CHARACTERS_MAX,
  GRACE_MS_MAX,
  LIFETIME_MS_MAX,
  LIFETIME_MS_MIN,
  OVERLAP_MS_MAX,
  PROFILE_NAME_CHARACTERS_MAX,
} from './limits.ts'

export const KEY_KINDS: readonly KeyKind[] = ['P-256', 'P-384', 'P-521', 'ed25519', 'rsa']

/** The common name is always the identity's id (`device`, or `device/module`); a profile does not change that. */
export interface IssuanceProfile {
  readonly name: string
  /** Kinds of keys that are taken, one at least. Their strength is not a matter of profiles. */
  readonly keyKinds: readonly KeyKind[]
  /** From issue to end, in milliseconds; never past the end of the issuer. */
  readonly lifetimeMs: number
  /** How long after its end a certificate is good for its own renewal, in milliseconds; 0: not at all. */
  readonly graceMs: number
  /** How long a session on a certificate outlives the first sight of its successor, in milliseconds. */
  readonly overlapMs: number
  /** Besides TLS client: TLS server, for gateways. Then `domain` is there. */
  readonly isServer: boolean
  /** Alternative name: the device's id with this behind it, where that is a host name. What a request asks for is not. */
  readonly domain?: string
  /** Whether a device may choose it by itself, as a label of EST's address. */
  readonly isOpen: boolean
  /** Whether an identity that has keys or a thumbprint may leave them for a certificate of the hub's. */
  readonly mayReplaceKeys: boolean
}

/** What is issued where nobody chose. It may be changed and not removed. */
export const DEFAULT_PROFILE = 'device'

const DAY_MS = 86_400_000

export function defaultProfile(): IssuanceProfile {
  return {
    name: DEFAULT_PROFILE,
    keyKinds: KEY_KINDS,
    lifetimeMs: 90 * DAY_MS,
    graceMs: 30 * DAY_MS,
    overlapMs: 3_600_000,
    isServer: false,
    isOpen: true,
    mayReplaceKeys: true,
  }
}

const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export function isProfileName(text: string): boolean {
  return text.length <= PROFILE_NAME_CHARACTERS_MAX && NAME.test(text)
}

/** @throws CredentialError `invalid`, with what is wrong. */
export function checkProfile(profile: IssuanceProfile): IssuanceProfile {
  const { name, keyKinds, lifetimeMs, graceMs, overlapMs, domain, isServer } = profile
  if (!isProfileName(name)) {
    throw invalid(`a profile's name has 1 to ${PROFILE_NAME_CHARACTERS_MAX} of a-z 0-9 - and no - at its ends`)
  }
  if (keyKinds.length === 0 || new Set(keyKinds).size !== keyKinds.length) {
    throw invalid(`keyKinds are one or more of ${KEY_KINDS.join(', ')}, each once`)
  }
  if (!isWhole(lifetimeMs, LIFETIME_MS_MIN, LIFETIME_MS_MAX)) throw invalid('the lifetime is from 1 second to 10 years')
  if (!isWhole(graceMs, 0, GRACE_MS_MAX)) throw invalid('the grace is from 0 to 10 years')
  if (!isWhole(overlapMs, 0, OVERLAP_MS_MAX)) throw invalid('the overlap is from 0 to 30 days')
  if (domain !== undefined && !isDomain(domain)) {
    throw invalid(`the domain is a host name in lower case of at most ${DOMAIN_CHARACTERS_MAX} characters`)
  }
  if (isServer && domain === undefined)
    throw invalid('a server needs a domain: clients look at alternative names alone')
  return profile
}

/** What `issueCertificate` is to be told. */
export function certificateProfileOf(
  profile: IssuanceProfile,
  alternativeNames: readonly AlternativeName[],
): CertificateProfile {
  const { clientAuth, serverAuth } = KEY_PURPOSE
  return {
    ...DEVICE_CERTIFICATE,
    lifetimeMs: profile.lifetimeMs,
    keyPurposes: profile.isServer ? [clientAuth, serverAuth] : [clientAuth],
    hasAlternativeNames: alternativeNames.length > 0,
  }
}

/** The alternative names of an identity: of a device whose id is a label of a host name, one; else none. */
export function alternativeNamesOf(profile: IssuanceProfile, key: IdentityKey): readonly AlternativeName[] {
  if (profile.domain === undefined || key.moduleId !== undefined) return []
  const label = identityText(key).toLowerCase()
  // Two ids that differ in their case alone would share a name: only what is in lower case already has one.
  return label === key.deviceId && LABEL.test(label) ? [{ kind: 'dns', name: `${label}.${profile.domain}` }] : []
}

function isDomain(text: string): boolean {
  return text.length <= DOMAIN_CHARACTERS_MAX && text.split('.').every((label) => LABEL.test(label))
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max
}

function invalid(message: string): CredentialError {
  return new CredentialError('invalid', message)
}

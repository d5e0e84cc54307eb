/** What each kind of certificate that we issue says, as data (RFC 5280 §4.2). */

import type { Timestamp } from '@holdfast/base'
import { timestampOf } from '@holdfast/base'
import type { Certificate } from './certificate.ts'
import { KEY_PURPOSE, KEY_USAGE } from './extensions.ts'
import { BACKDATING_MS } from './limits.ts'

const DAY_MS = 86_400_000

export interface CertificateProfile {
  readonly name: string
  /** Milliseconds from issue to end. */
  readonly lifetimeMs: number
  /** basicConstraints: a CA with the CAs that may stand below it, or no CA. Always written, always critical. */
  readonly authority: { readonly pathLength: number } | undefined
  /** Sum of `KEY_USAGE`; critical. */
  readonly keyUsage: number
  /** Added where the subject's key is RSA: TLS 1.2 suites that encrypt to it need it. */
  readonly keyUsageRsa: number
  /** OIDs; empty: no extension. */
  readonly keyPurposes: readonly string[]
  /** Whether subject alternative names must be given; else they may not. */
  readonly hasAlternativeNames: boolean
  /** Whether a certificate that is no CA may be signed with its own key. Not unless it says so. */
  readonly maySignItself?: boolean
}

const AUTHORITY_USAGE = KEY_USAGE.keyCertSign | KEY_USAGE.crlSign

/** The hub's own root: long-lived, so that its key can lie offline between renewals of the issuing CA. */
export const ROOT_AUTHORITY: CertificateProfile = {
  name: 'root authority',
  lifetimeMs: 7_305 * DAY_MS,
  authority: { pathLength: 1 },
  keyUsage: AUTHORITY_USAGE,
  keyUsageRsa: 0,
  keyPurposes: [],
  hasAlternativeNames: false,
}

/** The CA that issues every day. Below it stand leaves only. */
export const ISSUING_AUTHORITY: CertificateProfile = {
  name: 'issuing authority',
  lifetimeMs: 1_826 * DAY_MS,
  authority: { pathLength: 0 },
  keyUsage: AUTHORITY_USAGE,
  keyUsageRsa: 0,
  keyPurposes: [],
  hasAlternativeNames: false,
}

/** The hub's listeners. Short, for it renews itself; devices check names against the alternative names alone. */
export const SERVER_CERTIFICATE: CertificateProfile = {
  name: 'server certificate',
  lifetimeMs: 90 * DAY_MS,
  authority: undefined,
  keyUsage: KEY_USAGE.digitalSignature,
  keyUsageRsa: KEY_USAGE.keyEncipherment,
  keyPurposes: [KEY_PURPOSE.serverAuth],
  hasAlternativeNames: true,
}

/** A device or module; its common name is its id. */
export const DEVICE_CERTIFICATE: CertificateProfile = {
  name: 'device certificate',
  lifetimeMs: 365 * DAY_MS,
  authority: undefined,
  keyUsage: KEY_USAGE.digitalSignature,
  keyUsageRsa: 0,
  keyPurposes: [KEY_PURPOSE.clientAuth],
  hasAlternativeNames: false,
}

/** A device that is known by the thumbprint of its certificate and needs nobody to vouch for it. */
export const SELF_SIGNED_DEVICE_CERTIFICATE: CertificateProfile = {
  ...DEVICE_CERTIFICATE,
  name: 'self-signed device certificate',
  maySignItself: true,
}

export interface Validity {
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
}

/**
 * From five minutes before `now` for the profile's lifetime, and never past the end of the issuer. Whole seconds.
 * @param issuer undefined for a root.
 */
export function validityOf(profile: CertificateProfile, now: Timestamp, issuer: Certificate | undefined): Validity {
  const start = Math.max(now - BACKDATING_MS, issuer?.notBefore ?? 0)
  const end = Math.min(now + profile.lifetimeMs, issuer?.notAfter ?? Number.POSITIVE_INFINITY)
  return { notBefore: wholeSeconds(start), notAfter: wholeSeconds(end) }
}

/** When to issue the next one: two thirds through the life, so that a failure leaves a third of it to be mended in. */
export function renewalTimeOf(certificate: Validity): Timestamp {
  const life = certificate.notAfter - certificate.notBefore
  return timestampOf(Math.floor(certificate.notBefore + (life * 2) / 3))
}

function wholeSeconds(at: number): Timestamp {
  return timestampOf(Math.floor(at / 1000) * 1000)
}

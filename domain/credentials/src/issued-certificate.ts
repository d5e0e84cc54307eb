/** What is on record of a certificate that the hub issued to a device or module. */

import type { Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'

/**
 * `current`: in use, or the first. `next`: its successor, not seen yet. `retired`: followed by another. `revoked`: taken
 * away. One current and one next at most; what is retired or revoked proves nobody.
 */
export const CERTIFICATE_STATES = ['current', 'next', 'retired', 'revoked'] as const
export type CertificateState = (typeof CERTIFICATE_STATES)[number]

/** Why a certificate was revoked; the names of RFC 5280 §5.3.1, which a CRL carries. */
export const REVOCATION_REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  /** The identity is disabled; ends when it is enabled again. */
  'certificateHold',
  'privilegeWithdrawn',
] as const
export type RevocationReason = (typeof REVOCATION_REASONS)[number]

export interface IssuedCertificate {
  /** Upper-case hex. */
  readonly serialNumber: string
  /** Of the DER, upper-case hex. */
  readonly sha256: string
  /** Of SubjectPublicKeyInfo, upper-case hex. */
  readonly spkiSha256: string
  readonly key: IdentityKey
  /** Of the identity that it was issued to. A later identity of the same id has another, and inherits nothing. */
  readonly generationId: string
  /** The name of its profile when it was issued. */
  readonly profile: string
  /** Of the issuer's certificate, upper-case hex. */
  readonly issuerSha256: string
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  /** From when on it should be renewed: two thirds through its life. */
  readonly renewalTime: Timestamp
  readonly issuedTime: Timestamp
  readonly state: CertificateState
  /** Since when it is in this state. */
  readonly stateTime: Timestamp
  /** With `revoked`. */
  readonly reason?: RevocationReason
  /** Issued to an identity that proved itself by keys or a thumbprint, which it leaves when this is first seen. */
  readonly replacesKeys: boolean
  /** When it last proved its identity, to a day; absent: never. */
  readonly seenTime?: Timestamp
  /** DER. */
  readonly certificate: Uint8Array
}

/** Whether it may prove its identity, time and identity aside. */
export function isLive(record: Pick<IssuedCertificate, 'state'>): boolean {
  return record.state === 'current' || record.state === 'next'
}

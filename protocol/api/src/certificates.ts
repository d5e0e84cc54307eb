/**
 * Certificates that the hub issued to devices, and their profiles. JSON; lists take `after` and `limit`.
 *
 *   GET    /api/v1/certificates?device=&module=             Page<IssuedCertificate>: of one identity, newest first
 *   GET    /api/v1/certificates/{serial}                    IssuedCertificate, with its PEM
 *   POST   /api/v1/certificates/{serial}/revoke             Revocation -> Revoked
 *   POST   /api/v1/certificates/revoke                      RevocationOfAll -> Revoked: all of one identity
 *   GET    /api/v1/certificate-profiles                     Page<Profile>
 *   GET    /api/v1/certificate-profiles/{name}              Profile
 *   PATCH  /api/v1/certificate-profiles/{name}              ProfileChange -> Profile: changed, or made
 *   DELETE /api/v1/certificate-profiles/{name}              204
 *   GET    /api/v1/devices/{id}/certificate-profile         ProfileChoice; the same under /modules/{module}
 *   PATCH  the same                                         ProfileChoice -> ProfileChoice; '' takes the choice away
 */

import Type from 'typebox'
import type { Changed } from './management.ts'

const strict = { additionalProperties: false }

/** Names of RFC 5280 §5.3.1. */
export const Reason = Type.Union([
  Type.Literal('unspecified'),
  Type.Literal('keyCompromise'),
  Type.Literal('affiliationChanged'),
  Type.Literal('superseded'),
  Type.Literal('cessationOfOperation'),
  Type.Literal('privilegeWithdrawn'),
])
export type Reason = Type.Static<typeof Reason>

export const Revocation = Type.Object({ reason: Type.Optional(Reason) }, strict)
export type Revocation = Type.Static<typeof Revocation>

export const RevocationOfAll = Type.Object(
  { deviceId: Type.String(), moduleId: Type.Optional(Type.String()), reason: Type.Optional(Reason) },
  strict,
)
export type RevocationOfAll = Type.Static<typeof RevocationOfAll>

export interface IssuedCertificate {
  /** Upper-case hex. */
  serialNumber: string
  sha256: string
  deviceId: string
  moduleId?: string
  generationId: string
  profile: string
  issuerSha256: string
  notBefore: string
  notAfter: string
  renewalTime: string
  issuedTime: string
  /** `revoked` with `certificateHold`: its identity is disabled. */
  state: 'current' | 'next' | 'retired' | 'revoked'
  stateTime: string
  reason?: Reason | 'certificateHold'
  /** When it last proved its identity, to a day. */
  seenTime?: string
  /** PEM; of one alone, not in lists. */
  certificate?: string
}

export interface Revoked extends Changed {
  /** Serial numbers. */
  revoked: string[]
}

const KeyKind = Type.Union([
  Type.Literal('P-256'),
  Type.Literal('P-384'),
  Type.Literal('P-521'),
  Type.Literal('ed25519'),
  Type.Literal('rsa'),
])

/** What is not named stays as it is; a profile that is made begins as `device` does, and closed. */
export const ProfileChange = Type.Object(
  {
    keyKinds: Type.Optional(Type.Array(KeyKind, { minItems: 1, maxItems: 5 })),
    lifetimeSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
    graceSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
    overlapSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
    isServer: Type.Optional(Type.Boolean()),
    /** '' for none. */
    domain: Type.Optional(Type.String()),
    isOpen: Type.Optional(Type.Boolean()),
    mayReplaceKeys: Type.Optional(Type.Boolean()),
  },
  strict,
)
export type ProfileChange = Type.Static<typeof ProfileChange>

export interface Profile {
  name: string
  keyKinds: ('P-256' | 'P-384' | 'P-521' | 'ed25519' | 'rsa')[]
  lifetimeSeconds: number
  graceSeconds: number
  overlapSeconds: number
  isServer: boolean
  domain?: string
  isOpen: boolean
  mayReplaceKeys: boolean
}

export const ProfileChoice = Type.Object({ profile: Type.String() }, strict)
export type ProfileChoice = Type.Static<typeof ProfileChoice>

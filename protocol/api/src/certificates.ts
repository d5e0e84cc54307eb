/** Certificates that the hub issued to devices, and their profiles. JSON; lists take `after` and `limit`. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'
import { Changed } from './devices.ts'

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

export const Revocation = shape('Revocation', { reason: Type.Optional(Reason) })
export type Revocation = Type.Static<typeof Revocation>

export const RevocationOfAll = shape('RevocationOfAll', {
  deviceId: Type.String(),
  moduleId: Type.Optional(Type.String()),
  reason: Type.Optional(Reason),
})
export type RevocationOfAll = Type.Static<typeof RevocationOfAll>

export const IssuedCertificate = shape('IssuedCertificate', {
  /** Upper-case hex. */
  serialNumber: Type.String(),
  sha256: Type.String(),
  deviceId: Type.String(),
  moduleId: Type.Optional(Type.String()),
  generationId: Type.String(),
  profile: Type.String(),
  issuerSha256: Type.String(),
  notBefore: instant,
  notAfter: instant,
  renewalTime: instant,
  issuedTime: instant,
  /** `revoked` with `certificateHold`: its identity is disabled. */
  state: Type.Enum(['current', 'next', 'retired', 'revoked']),
  stateTime: instant,
  reason: Type.Optional(Type.Union([Type.Literal('certificateHold'), Reason])),
  /** When it last proved its identity, to a day. */
  seenTime: Type.Optional(instant),
  /** PEM; of one alone, not in lists. */
  certificate: Type.Optional(Type.String()),
})
export type IssuedCertificate = Type.Static<typeof IssuedCertificate>

export const Revoked = shape('Revoked', {
  /** Serial numbers. */
  revoked: Type.Array(Type.String()),
  ...Changed.properties,
})
export type Revoked = Type.Static<typeof Revoked>

const KeyKind = Type.Union([
  Type.Literal('P-256'),
  Type.Literal('P-384'),
  Type.Literal('P-521'),
  Type.Literal('ed25519'),
  Type.Literal('rsa'),
])

/** What is not named stays as it is; a profile that is made begins as `device` does, and closed. */
export const ProfileChange = shape('ProfileChange', {
  keyKinds: Type.Optional(Type.Array(KeyKind, { minItems: 1, maxItems: 5 })),
  lifetimeSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  graceSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
  overlapSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
  isServer: Type.Optional(Type.Boolean()),
  /** '' for none. */
  domain: Type.Optional(Type.String()),
  isOpen: Type.Optional(Type.Boolean()),
  mayReplaceKeys: Type.Optional(Type.Boolean()),
})
export type ProfileChange = Type.Static<typeof ProfileChange>

export const Profile = shape('Profile', {
  name: Type.String(),
  keyKinds: Type.Array(Type.Enum(['P-256', 'P-384', 'P-521', 'ed25519', 'rsa'])),
  lifetimeSeconds: Type.Number(),
  graceSeconds: Type.Number(),
  overlapSeconds: Type.Number(),
  isServer: Type.Boolean(),
  domain: Type.Optional(Type.String()),
  isOpen: Type.Boolean(),
  mayReplaceKeys: Type.Boolean(),
})
export type Profile = Type.Static<typeof Profile>

export const ProfileChoice = shape('ProfileChoice', { profile: Type.String() })
export type ProfileChoice = Type.Static<typeof ProfileChoice>

export const certificateOperations = {
  list: operation({
    id: 'certificate.list',
    method: 'GET',
    path: '/api/v1/certificates',
    summary: 'Lists the certificates that the hub issued to an identity, newest first',
    action: 'certificate:read',
    on: 'devices',
    query: closed({ device: Type.String({ maxLength: 128 }), module: Type.Optional(Type.String({ maxLength: 128 })) }),
    answer: { kind: 'json', schema: page('IssuedCertificate', IssuedCertificate) },
  }),
  show: operation({
    id: 'certificate.show',
    method: 'GET',
    path: '/api/v1/certificates/{serial}',
    summary: 'Shows a certificate',
    action: 'certificate:read',
    on: 'devices',
    answer: { kind: 'json', schema: IssuedCertificate },
  }),
  revoke: operation({
    id: 'certificate.revoke',
    method: 'POST',
    path: '/api/v1/certificates/{serial}/revoke',
    summary: 'Revokes a certificate; sessions that rest on it are closed',
    action: 'certificate:write',
    on: 'devices',
    body: Revocation,
    answer: { kind: 'json', schema: Revoked },
  }),
  revokeAll: operation({
    id: 'certificate.revokeAll',
    method: 'POST',
    path: '/api/v1/certificates/revoke',
    summary: 'Revokes all certificates of an identity',
    action: 'certificate:write',
    on: 'devices',
    body: RevocationOfAll,
    answer: { kind: 'json', schema: Revoked },
  }),
  profileOfDevice: operation({
    id: 'certificate.profileOfDevice',
    method: 'GET',
    path: '/api/v1/devices/{id}/certificate-profile',
    summary: 'Shows by which profile a device gets certificates',
    action: 'certificate:read',
    on: 'device',
    answer: { kind: 'json', schema: ProfileChoice },
  }),
  chooseForDevice: operation({
    id: 'certificate.chooseForDevice',
    method: 'PATCH',
    path: '/api/v1/devices/{id}/certificate-profile',
    summary: 'Chooses the profile of a device',
    action: 'certificate:write',
    on: 'device',
    body: ProfileChoice,
    answer: { kind: 'json', schema: ProfileChoice },
  }),
  profileOfModule: operation({
    id: 'certificate.profileOfModule',
    method: 'GET',
    path: '/api/v1/devices/{id}/modules/{module}/certificate-profile',
    summary: 'Shows by which profile a module gets certificates',
    action: 'certificate:read',
    on: 'device',
    answer: { kind: 'json', schema: ProfileChoice },
  }),
  chooseForModule: operation({
    id: 'certificate.chooseForModule',
    method: 'PATCH',
    path: '/api/v1/devices/{id}/modules/{module}/certificate-profile',
    summary: 'Chooses the profile of a module',
    action: 'certificate:write',
    on: 'device',
    body: ProfileChoice,
    answer: { kind: 'json', schema: ProfileChoice },
  }),
}

export const certificateProfileOperations = {
  list: operation({
    id: 'certificateProfile.list',
    method: 'GET',
    path: '/api/v1/certificate-profiles',
    summary: 'Lists the profiles by which certificates are issued',
    action: 'certificate:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Profile', Profile) },
  }),
  show: operation({
    id: 'certificateProfile.show',
    method: 'GET',
    path: '/api/v1/certificate-profiles/{name}',
    summary: 'Shows a profile',
    action: 'certificate:read',
    on: 'hub',
    answer: { kind: 'json', schema: Profile },
  }),
  set: operation({
    id: 'certificateProfile.set',
    method: 'PATCH',
    path: '/api/v1/certificate-profiles/{name}',
    summary: 'Changes a profile, or makes it',
    action: 'certificate-profile:write',
    on: 'hub',
    body: ProfileChange,
    answer: { kind: 'json', schema: Profile },
  }),
  delete: operation({
    id: 'certificateProfile.delete',
    method: 'DELETE',
    path: '/api/v1/certificate-profiles/{name}',
    summary: 'Deletes a profile',
    action: 'certificate-profile:write',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}

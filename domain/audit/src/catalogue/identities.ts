/** Identities, what they prove themselves with, and how they came to be. */

import { ofHub, ofSubject } from './definition.ts'

const AUTHORITY = { sha256: 'text' } as const

const REVOCATION_LIST = {
  issuer: 'text',
  whenStale: 'text',
  entries: 'number?',
  sha256: 'text?',
  nextUpdate: 'text?',
  isFetched: 'flag?',
} as const

/** `kind` says which key it is where it is not that of a certificate. */
const KEY_USE = { spkiSha256: 'text?', kind: 'text?', heldBy: 'text?', usedBy: 'text?' } as const

const ENROLLMENT = { scope: 'text', attestation: 'text', status: 'text' } as const

export const IDENTITY_EVENTS = {
  'identity.created': ofSubject({ authentication: 'text', status: 'text' }),
  'identity.updated': ofSubject({ changed: 'text', status: 'text', authentication: 'text' }),
  'identity.deleted': ofSubject({ generationId: 'text' }),
  'identity.secret-disclosed': ofSubject({ slot: 'text?', identities: 'number?' }),
  'identity.shredded': ofHub({ files: 'number', deleted: 'flag' }),
  'identity.suspected': ofSubject({
    finding: 'text',
    what: 'text',
    verdict: 'text',
    score: 'number',
    response: 'text',
    because: 'text',
  }),
  'identity.quarantined': ofSubject({ reason: 'text' }),
  'identity.released': ofSubject({ reason: 'text' }),
  'identity.cleared': ofSubject({}),
  'connection-policy.set': ofSubject({ policy: 'text' }),
  'connection-policy.cleared': ofSubject({}),

  'authority.added': ofSubject(AUTHORITY),
  'authority.verified': ofSubject(AUTHORITY),
  'authority.verification-failed': ofSubject({ reason: 'text' }),
  'authority.removed': ofSubject(AUTHORITY),
  'revocation-list.taken': ofSubject(REVOCATION_LIST),
  'revocation-list.changed': ofSubject(REVOCATION_LIST),
  'revocation-list.removed': ofSubject(REVOCATION_LIST),
  'revocation-list.stale': ofSubject(REVOCATION_LIST),
  'revocation-list.fetch-failed': ofSubject({ issuer: 'text', fault: 'text' }),

  'key.shared': ofSubject(KEY_USE),
  'key.retired': ofSubject(KEY_USE),
  'key.used-before': ofSubject(KEY_USE),
  'key.weak': ofSubject(KEY_USE),

  'enrollment.created': ofSubject(ENROLLMENT),
  'enrollment.updated': ofSubject(ENROLLMENT),
  'enrollment.deleted': ofSubject({ scope: 'text' }),
  'enrollment.secret-disclosed': ofSubject({ scope: 'text', registrationId: 'text?' }),
  'registration.assigned': ofSubject({
    deviceId: 'text',
    enrollment: 'text',
    scope: 'text',
    attestation: 'text',
    substatus: 'text',
    manufacturer: 'text?',
  }),
  'registration.refused': ofHub({
    code: 'text',
    reason: 'text',
    credential: 'text?',
    enrollment: 'text?',
    attempt: 'number?',
  }),
  'registration.challenged': ofHub({}),
  'registration.deleted': ofSubject({}),
} as const

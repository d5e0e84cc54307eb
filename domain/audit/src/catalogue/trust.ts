/** Certificates that the hub issues, attestation, and what is trusted for it. */

import { ofSubject } from './definition.ts'

const VERDICT = {
  resetCount: 'number?',
  firmware: 'text?',
  clockSafe: 'flag?',
  reference: 'text?',
} as const

const ROOT = { subject: 'text', sha256: 'text' } as const

export const TRUST_EVENTS = {
  'certificate.issued': ofSubject({
    sha256: 'text',
    notAfter: 'text',
    serialNumber: 'text?',
    profile: 'text?',
    via: 'text?',
    state: 'text?',
  }),
  'certificate.renewed': ofSubject({
    sha256: 'text',
    notAfter: 'text',
    serialNumber: 'text',
    profile: 'text',
    via: 'text?',
    state: 'text?',
    renews: 'text',
  }),
  'certificate.renewal-offered': ofSubject({ sha256: 'text', notAfter: 'text' }),
  'certificate.activated': ofSubject({
    sha256: 'text',
    serialNumber: 'text',
    retired: 'text?',
    released: 'flag?',
  }),
  'certificate.revoked': ofSubject({ sha256: 'text', serialNumber: 'text', reason: 'text' }),
  'certificate.profile-changed': ofSubject({
    change: 'text',
    profile: 'text?',
    keyKinds: 'text?',
    lifetimeSeconds: 'number?',
    graceSeconds: 'number?',
    isServer: 'flag?',
    isOpen: 'flag?',
    mayReplaceKeys: 'flag?',
  }),

  'attestation.key-certified': ofSubject({ endorsementKey: 'text', attestationKey: 'text', endorsement: 'text' }),
  'attestation.verified': ofSubject(VERDICT),
  'attestation.failed': ofSubject({
    ...VERDICT,
    reason: 'text',
    reasons: 'number',
    pcr: 'number?',
    event: 'number?',
  }),
  'attestation.stale': ofSubject({ reason: 'text' }),
  'attestation.refused': ofSubject({ code: 'text' }),
  'attestation.forgotten': ofSubject({}),
  'attestation.policy-changed': ofSubject({
    asks: 'text?',
    pcrs: 'text?',
    bank: 'text?',
    maxAgeMs: 'number?',
    onFailure: 'text?',
  }),
  'endorsement-root.added': ofSubject(ROOT),
  'endorsement-root.removed': ofSubject(ROOT),
  'reference-signer.added': ofSubject({}),
  'reference-signer.removed': ofSubject({ documents: 'number' }),
  'reference-values.added': ofSubject({ serial: 'number', signer: 'text' }),
  'reference-values.removed': ofSubject({ serial: 'number' }),
} as const

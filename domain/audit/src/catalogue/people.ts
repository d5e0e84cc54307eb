/** People: their links, passkeys, sessions, recoveries and workstations. */

import { ofHub, ofSubject } from './definition.ts'

export const PEOPLE_EVENTS = {
  'operator.link-made': ofSubject({ purpose: 'text', roles: 'text', hours: 'number' }),
  /** Somebody came with a link that does not count. */
  'operator.link-refused': ofHub({ address: 'text' }),
  'operator.enrolled': ofSubject({ invitedBy: 'text', purpose: 'text', roles: 'text', address: 'text' }),
  'operator.changed': ofSubject({ state: 'text' }),
  'operator.removed': ofSubject({}),
  'operator.signed-in': ofSubject({ session: 'text', kind: 'text', address: 'text', agent: 'text' }),
  'operator.stepped-up': ofSubject({ session: 'text', address: 'text' }),
  'operator.proof-refused': ofHub({ purpose: 'text', reason: 'text', address: 'text' }),
  'operator.session-ended': ofSubject({ session: 'text', reason: 'text', address: 'text' }),
  /** A request came with a session, but from a page that is not the hub's. */
  'operator.foreign-page-refused': ofHub({ method: 'text', address: 'text' }),

  'passkey.added': ofSubject({ name: 'text', aaguid: 'text', backupEligible: 'flag', attested: 'flag' }),
  'passkey.refused': ofHub({ reason: 'text' }),
  'passkey.renamed': ofSubject({ name: 'text' }),
  'passkey.removed': ofSubject({ name: 'text' }),
  /** The counter of a key went back: there may be two of it. The key opens nothing any more. */
  'passkey.counter-regressed': ofSubject({ stored: 'number', received: 'number', name: 'text' }),
  'passkey.policy-changed': ofHub({ backupEligible: 'text', aaguids: 'number', attestationRoots: 'number' }),

  'recovery.asked': ofSubject({ recovery: 'text', reason: 'text' }),
  'recovery.approved': ofSubject({ recovery: 'text', approvals: 'number' }),
  'recovery.withdrawn': ofSubject({ recovery: 'text' }),
  'recovery.completed': ofSubject({ invitedBy: 'text', purpose: 'text', roles: 'text', address: 'text' }),
  /** The hub's own machine made a link alone, because there were fewer others than it takes. */
  'recovery.by-machine': ofSubject({ others: 'number' }),

  'proposal.made': ofSubject({ operation: 'text', digest: 'text', hours: 'number' }),
  'proposal.approved': ofSubject({ operation: 'text', digest: 'text', proposedBy: 'text' }),
  /** What two people wanted was tried; below 400 it was done. */
  'proposal.executed': ofSubject({
    operation: 'text',
    digest: 'text',
    proposedBy: 'text',
    status: 'number',
    code: 'text',
  }),
  'proposal.rejected': ofSubject({ operation: 'text', digest: 'text', reason: 'text' }),
  'proposal.expired': ofSubject({ operation: 'text', digest: 'text' }),
  'proposal.policy-changed': ofHub({ acts: 'text', hours: 'number' }),

  'login.confirmed': ofSubject({ address: 'text', agent: 'text' }),
  'login.denied': ofSubject({ address: 'text', agent: 'text' }),

  'workstation.enrolled': ofSubject({ name: 'text', owner: 'text' }),
  'workstation.approved': ofSubject({ name: 'text', owner: 'text' }),
  'workstation.removed': ofSubject({ name: 'text', owner: 'text' }),
  'workstation.vouched': ofSubject({ name: 'text', session: 'text', owner: 'text' }),
  'workstation.reported': ofSubject({
    name: 'text',
    owner: 'text',
    green: 'flag',
    lacking: 'text',
    os: 'text',
    patchAgeDays: 'number?',
    diskEncryption: 'text',
    screenLock: 'text',
    firewall: 'text',
    secureBoot: 'text',
    antiMalware: 'text',
  }),
  'workstation.report-refused': ofHub({ reason: 'text', address: 'text' }),
  'workstation.policy-changed': ofHub({
    mode: 'text',
    required: 'text',
    reportMinutesMax: 'number',
    patchDaysMax: 'number',
  }),
  /** What a session may do has changed, because of the workstation that vouches for it, or of none that does. */
  'session.posture': ofSubject({ session: 'text', allows: 'text', reason: 'text', lacking: 'text' }),
} as const

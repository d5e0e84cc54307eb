/** People: who they are, how they come in, their sessions, and the workstations from which they may. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

/** Base64url, as browsers write the parts of credentials. */
const part = Type.String({ minLength: 1, maxLength: 32_768, pattern: '^[A-Za-z0-9_-]+$' })
const id = Type.String({ minLength: 1, maxLength: 1_364, pattern: '^[A-Za-z0-9_-]+$' })
const label = Type.String({ minLength: 1, maxLength: 64 })
const operatorName = Type.String({ minLength: 1, maxLength: 64 })
const code = Type.String({ minLength: 1, maxLength: 32 })

/** What `navigator.credentials.create()` gave (WebAuthn §5.1), as `toJSON()` writes it; other members left out. */
export const RegistrationAnswer = shape('RegistrationAnswer', {
  id,
  rawId: id,
  type: Type.Literal('public-key'),
  response: closed({
    clientDataJSON: part,
    attestationObject: part,
    transports: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 16 })),
  }),
})
export type RegistrationAnswer = Type.Static<typeof RegistrationAnswer>

/** What `navigator.credentials.get()` gave. */
export const AssertionAnswer = shape('AssertionAnswer', {
  id,
  rawId: id,
  type: Type.Literal('public-key'),
  response: closed({
    clientDataJSON: part,
    authenticatorData: part,
    signature: part,
    userHandle: Type.Optional(part),
  }),
})
export type AssertionAnswer = Type.Static<typeof AssertionAnswer>

const credentials = Type.Array(closed({ id: Type.String(), transports: Type.Array(Type.String()) }))

/** What a browser needs to make a passkey. */
export const RegistrationOffer = shape('RegistrationOffer', {
  ceremony: Type.String(),
  challenge: Type.String(),
  relyingParty: closed({ id: Type.String(), name: Type.String() }),
  user: closed({ id: Type.String(), name: Type.String() }),
  exclude: credentials,
  attestation: Type.Union([Type.Literal('none'), Type.Literal('direct')]),
})
export type RegistrationOffer = Type.Static<typeof RegistrationOffer>

/** What a browser needs to use one. */
export const AssertionOffer = shape('AssertionOffer', {
  ceremony: Type.String(),
  challenge: Type.String(),
  relyingPartyId: Type.String(),
  allow: credentials,
})
export type AssertionOffer = Type.Static<typeof AssertionOffer>

export const Passkey = shape('Passkey', {
  id: Type.String(),
  name: Type.String(),
  /** Of the model of authenticator, as it says itself. */
  aaguid: Type.String(),
  /** Whether it can be copied to other devices of its owner. */
  backupEligible: Type.Boolean(),
  /** Its counter went back, so that it may exist twice: it opens nothing. */
  suspected: Type.Boolean(),
  createdTime: instant,
  lastUsedTime: Type.Optional(instant),
})
export type Passkey = Type.Static<typeof Passkey>

export const Operator = shape('Operator', {
  name: Type.String(),
  organisation: Type.String(),
  state: Type.Union([Type.Literal('active'), Type.Literal('suspended'), Type.Literal('removed')]),
  createdTime: instant,
  invitedBy: Type.String(),
  passkeys: Type.Integer(),
  sessions: Type.Integer(),
  /** Let in by one person while there were two: nobody's second person until another lets them come (`state: active`). */
  awaitsWord: Type.Optional(Type.Literal(true)),
})
export type Operator = Type.Static<typeof Operator>

export const Session = shape('Session', {
  id: Type.String(),
  operator: Type.String(),
  kind: Type.Union([Type.Literal('browser'), Type.Literal('command-line')]),
  address: Type.String(),
  agent: Type.String(),
  createdTime: instant,
  lastUsedTime: instant,
  presenceTime: instant,
  expires: instant,
  /** Name of the workstation that vouches for it. */
  workstation: Type.Optional(Type.String()),
  /** What it may do, by the policy of workstations; absent of one that is over. */
  allows: Type.Optional(Type.Union([Type.Literal('all'), Type.Literal('read'), Type.Literal('nothing')])),
  ended: Type.Optional(closed({ time: instant, reason: Type.String(), by: Type.String() })),
})
export type Session = Type.Static<typeof Session>

export const OwnSession = shape('OwnSession', {
  operator: Type.String(),
  organisation: Type.String(),
  session: Type.String(),
  presenceTime: instant,
  /** Until when whatever asks for presence is open. */
  presentUntil: instant,
  expires: instant,
  idleSeconds: Type.Integer(),
  allows: Type.Union([Type.Literal('all'), Type.Literal('read'), Type.Literal('nothing')]),
  /** Why it may not do all, in words. */
  because: Type.Optional(Type.String()),
})
export type OwnSession = Type.Static<typeof OwnSession>

/** A link that was made; its secret is in the fragment, and is shown this once. */
export const MadeLink = shape('MadeLink', { link: Type.String(), expires: instant })
export type MadeLink = Type.Static<typeof MadeLink>

export const Invitation = shape('Invitation', {
  name: operatorName,
  roles: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 63 }), { maxItems: 16 })),
  /** Where they belong; unless told, where whoever invites belongs. */
  organisation: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
})

export const OperatorState = shape('OperatorState', {
  state: Type.Union([Type.Literal('active'), Type.Literal('suspended')]),
})

export const PasskeyPolicy = shape('PasskeyPolicy', {
  backupEligible: Type.Union([Type.Literal('allowed'), Type.Literal('refused')]),
  /** Models of authenticators that are allowed; all where there is none. */
  aaguids: Type.Array(Type.String({ maxLength: 36 }), { maxItems: 200 }),
  /** PEM; where there are some, an authenticator has to prove what it is. */
  attestationRoots: Type.Array(Type.String({ maxLength: 16_384 }), { maxItems: 50 }),
})
export type PasskeyPolicy = Type.Static<typeof PasskeyPolicy>

export const Recovery = shape('Recovery', {
  id: Type.String(),
  operator: Type.String(),
  reason: Type.String(),
  askedBy: Type.String(),
  askedTime: instant,
  expires: instant,
  approvedBy: Type.Array(Type.String()),
})
export type Recovery = Type.Static<typeof Recovery>

export const RecoveryRequest = shape('RecoveryRequest', {
  operator: operatorName,
  reason: Type.String({ minLength: 1, maxLength: 256 }),
})

/** The first to approve is given a code, the second a link: whoever comes back needs both. */
export const RecoveryApproval = shape('RecoveryApproval', {
  approvals: Type.Integer(),
  code: Type.Optional(Type.String()),
  link: Type.Optional(Type.String()),
  expires: Type.Optional(instant),
})
export type RecoveryApproval = Type.Static<typeof RecoveryApproval>

const fact = Type.Union([
  Type.Literal('patches'),
  Type.Literal('diskEncryption'),
  Type.Literal('screenLock'),
  Type.Literal('firewall'),
  Type.Literal('secureBoot'),
  Type.Literal('antiMalware'),
])
const state = Type.Union([Type.Literal('on'), Type.Literal('off'), Type.Literal('unknown')])

export const Posture = shape('Posture', {
  os: Type.String(),
  patchAgeDays: Type.Optional(Type.Integer()),
  diskEncryption: state,
  screenLock: state,
  firewall: state,
  secureBoot: state,
  antiMalware: state,
})
export type Posture = Type.Static<typeof Posture>

export const Workstation = shape('Workstation', {
  id: Type.String(),
  name: Type.String(),
  operator: Type.String(),
  createdTime: instant,
  approvedBy: Type.Optional(Type.String()),
  reportedTime: Type.Optional(instant),
  posture: Type.Optional(Posture),
  /** Facts that the policy asks for and the report lacks; absent where no report is fresh. */
  lacking: Type.Optional(Type.Array(fact)),
})
export type Workstation = Type.Static<typeof Workstation>

export const WorkstationEnrolment = shape('WorkstationEnrolment', {
  name: label,
  /** Ed25519, SubjectPublicKeyInfo, base64url. */
  publicKey: Type.String({ maxLength: 128 }),
})

export const WorkstationPolicy = shape('WorkstationPolicy', {
  mode: Type.Union([Type.Literal('off'), Type.Literal('read-only'), Type.Literal('refuse')]),
  required: Type.Array(fact, { maxItems: 6 }),
  reportMinutesMax: Type.Integer({ minimum: 1, maximum: 10_080 }),
  patchDaysMax: Type.Integer({ minimum: 1, maximum: 365 }),
})
export type WorkstationPolicy = Type.Static<typeof WorkstationPolicy>

export const Answered = shape('AnsweredCeremony', { answer: AssertionAnswer })

/** What asks to sign in, as whoever is to confirm it sees it. */
export const LoginRequest = shape('LoginRequest', {
  id: Type.String(),
  address: Type.String(),
  agent: Type.String(),
  workstation: Type.Optional(Type.String()),
  /** Whether it asks for your presence for a session that it has, and not for a new one. */
  isStepUp: Type.Boolean(),
})
export type LoginRequest = Type.Static<typeof LoginRequest>

export const Act = shape('Act', {
  type: Type.String(),
  time: instant,
  subject: Type.String(),
})
export type Act = Type.Static<typeof Act>

const read = { action: 'operator:read', on: 'hub' } as const
const write = { action: 'operator:write', on: 'hub' } as const
const own = { action: 'session:own', on: 'self' } as const

export const sessionOperations = {
  show: operation({
    id: 'session.show',
    method: 'GET',
    path: '/api/v1/session',
    summary: 'Shows who you are and what your session may do',
    ...own,
    answer: { kind: 'json', schema: OwnSession },
  }),
  end: operation({
    id: 'session.end',
    method: 'DELETE',
    path: '/api/v1/session',
    summary: 'Signs out',
    ...own,
    answer: { kind: 'none' },
  }),
  beginStepUp: operation({
    id: 'session.beginStepUp',
    method: 'POST',
    path: '/api/v1/session/step-up',
    summary: 'Begins a proof of presence',
    ...own,
    answer: { kind: 'json', schema: AssertionOffer },
  }),
  finishStepUp: operation({
    id: 'session.finishStepUp',
    method: 'POST',
    path: '/api/v1/session/step-up/{ceremony}',
    summary: 'Finishes a proof of presence; acts that ask for one are open for five minutes',
    ...own,
    body: Answered,
    answer: { kind: 'json', schema: OwnSession },
  }),
  passkeys: operation({
    id: 'session.passkeys',
    method: 'GET',
    path: '/api/v1/session/passkeys',
    summary: 'Lists your passkeys',
    ...own,
    answer: { kind: 'json', schema: page('OwnPasskey', Passkey) },
  }),
  beginPasskey: operation({
    id: 'session.beginPasskey',
    method: 'POST',
    path: '/api/v1/session/passkeys',
    summary: 'Begins to add a passkey; asks for a proof of presence',
    ...own,
    answer: { kind: 'json', schema: RegistrationOffer },
  }),
  finishPasskey: operation({
    id: 'session.finishPasskey',
    method: 'POST',
    path: '/api/v1/session/passkeys/{ceremony}',
    summary: 'Adds a passkey',
    ...own,
    body: shape('NamedPasskey', { name: label, answer: RegistrationAnswer }),
    answer: { kind: 'json', status: 201, schema: Passkey },
  }),
  renamePasskey: operation({
    id: 'session.renamePasskey',
    method: 'PATCH',
    path: '/api/v1/session/passkeys/{passkey}',
    summary: 'Gives a passkey of yours another name',
    ...own,
    body: shape('PasskeyName', { name: label }),
    answer: { kind: 'json', schema: Passkey },
  }),
  removePasskey: operation({
    id: 'session.removePasskey',
    method: 'DELETE',
    path: '/api/v1/session/passkeys/{passkey}',
    summary: 'Removes a passkey of yours, never the last; sessions that it opened end',
    ...own,
    answer: { kind: 'none' },
  }),
  findLogin: operation({
    id: 'session.findLogin',
    method: 'POST',
    path: '/api/v1/session/logins',
    summary: 'Shows what asks to sign in as you, by the code that it shows',
    ...own,
    body: shape('TypedCode', { code }),
    answer: { kind: 'json', schema: LoginRequest },
  }),
  beginLogin: operation({
    id: 'session.beginLogin',
    method: 'POST',
    path: '/api/v1/session/logins/{login}',
    summary: 'Begins to confirm a login of a program, with a proof of presence for just that',
    ...own,
    answer: { kind: 'json', schema: AssertionOffer },
  }),
  confirmLogin: operation({
    id: 'session.confirmLogin',
    method: 'POST',
    path: '/api/v1/session/logins/{login}/confirm/{ceremony}',
    summary: 'Lets a program sign in as you',
    ...own,
    body: Answered,
    answer: { kind: 'none' },
  }),
  denyLogin: operation({
    id: 'session.denyLogin',
    method: 'DELETE',
    path: '/api/v1/session/logins/{login}',
    summary: 'Refuses a login of a program',
    ...own,
    answer: { kind: 'none' },
  }),
  vouchCode: operation({
    id: 'session.vouchCode',
    method: 'POST',
    path: '/api/v1/session/vouch',
    summary: 'Gives a code with which your workstation vouches for this session',
    ...own,
    disclosesSecret: true,
    answer: { kind: 'json', schema: shape('VouchCode', { code: Type.String(), seconds: Type.Integer() }) },
  }),
  enrolWorkstation: operation({
    id: 'session.enrolWorkstation',
    method: 'POST',
    path: '/api/v1/session/workstations',
    summary: 'Enrols a workstation of yours; it counts once another operator has approved it',
    ...own,
    body: WorkstationEnrolment,
    answer: { kind: 'json', status: 201, schema: Workstation },
  }),
  list: operation({
    id: 'session.list',
    method: 'GET',
    path: '/api/v1/sessions',
    summary: 'Lists sessions of all operators, those that are over too, newest first',
    ...read,
    query: closed({ ...paging, operator: Type.Optional(operatorName) }),
    answer: { kind: 'json', schema: page('Session', Session) },
  }),
  acts: operation({
    id: 'session.acts',
    method: 'GET',
    path: '/api/v1/sessions/{session}/acts',
    summary: 'Lists what was done in a session, newest first, as far as the events in memory reach',
    ...read,
    answer: { kind: 'json', schema: page('Act', Act) },
  }),
  revoke: operation({
    id: 'session.revoke',
    method: 'DELETE',
    path: '/api/v1/sessions/{session}',
    summary: 'Ends a session at once',
    ...write,
    answer: { kind: 'none' },
  }),
  revokeAll: operation({
    id: 'session.revokeAll',
    method: 'POST',
    path: '/api/v1/sessions/revoke',
    summary: 'Ends all sessions at once, or those of one operator',
    ...write,
    body: shape('SessionsRevoke', { operator: Type.Optional(operatorName) }),
    answer: { kind: 'json', schema: shape('SessionsRevoked', { sessions: Type.Integer() }) },
  }),
}

export const operatorOperations = {
  list: operation({
    id: 'operator.list',
    method: 'GET',
    path: '/api/v1/operators',
    summary: 'Lists operators',
    ...read,
    query: closed(paging),
    answer: { kind: 'json', schema: page('Operator', Operator) },
  }),
  show: operation({
    id: 'operator.show',
    method: 'GET',
    path: '/api/v1/operators/{name}',
    summary: 'Shows an operator',
    ...read,
    answer: { kind: 'json', schema: Operator },
  }),
  firstLink: operation({
    id: 'operator.firstLink',
    method: 'POST',
    path: '/api/v1/operators/first-link',
    summary:
      'Makes the link that enrols the first operator; only while nobody can sign in, and on the machine of the hub',
    ...write,
    disclosesSecret: true,
    answer: { kind: 'json', status: 201, schema: MadeLink },
  }),
  invite: operation({
    id: 'operator.invite',
    method: 'POST',
    path: '/api/v1/operators',
    summary: 'Makes a one-time link with which somebody enrols a passkey',
    ...write,
    body: Invitation,
    disclosesSecret: true,
    answer: { kind: 'json', status: 201, schema: MadeLink },
  }),
  change: operation({
    id: 'operator.change',
    method: 'PATCH',
    path: '/api/v1/operators/{name}',
    summary: 'Suspends an operator, whose sessions end, or lets them come again',
    ...write,
    body: OperatorState,
    answer: { kind: 'json', schema: Operator },
  }),
  remove: operation({
    id: 'operator.remove',
    method: 'DELETE',
    path: '/api/v1/operators/{name}',
    summary: 'Removes an operator, with passkeys, sessions and workstations; the name is never given again',
    ...write,
    answer: { kind: 'none' },
  }),
  passkeys: operation({
    id: 'operator.passkeys',
    method: 'GET',
    path: '/api/v1/operators/{name}/passkeys',
    summary: 'Lists the passkeys of an operator',
    ...read,
    answer: { kind: 'json', schema: page('OperatorPasskey', Passkey) },
  }),
  removePasskey: operation({
    id: 'operator.removePasskey',
    method: 'DELETE',
    path: '/api/v1/operators/{name}/passkeys/{passkey}',
    summary: 'Removes a passkey of an operator, never the last; sessions that it opened end',
    ...write,
    answer: { kind: 'none' },
  }),
  passkeyPolicy: operation({
    id: 'operator.passkeyPolicy',
    method: 'GET',
    path: '/api/v1/passkey-policy',
    summary: 'Shows which authenticators may be enrolled',
    ...read,
    answer: { kind: 'json', schema: PasskeyPolicy },
  }),
  setPasskeyPolicy: operation({
    id: 'operator.setPasskeyPolicy',
    method: 'PUT',
    path: '/api/v1/passkey-policy',
    summary: 'Says which authenticators may be enrolled from now on',
    ...write,
    body: PasskeyPolicy,
    answer: { kind: 'json', schema: PasskeyPolicy },
  }),
}

export const recoveryOperations = {
  list: operation({
    id: 'recovery.list',
    method: 'GET',
    path: '/api/v1/recoveries',
    summary: 'Lists recoveries that wait to be approved',
    ...read,
    answer: { kind: 'json', schema: page('Recovery', Recovery) },
  }),
  ask: operation({
    id: 'recovery.ask',
    method: 'POST',
    path: '/api/v1/recoveries',
    summary: 'Asks for a new link for an operator who has lost their passkeys; two others have to approve',
    ...write,
    body: RecoveryRequest,
    answer: { kind: 'json', status: 201, schema: Recovery },
  }),
  approve: operation({
    id: 'recovery.approve',
    method: 'POST',
    path: '/api/v1/recoveries/{recovery}/approve',
    summary: 'Approves a recovery, with a proof of presence',
    ...write,
    disclosesSecret: true,
    answer: { kind: 'json', schema: RecoveryApproval },
  }),
  withdraw: operation({
    id: 'recovery.withdraw',
    method: 'DELETE',
    path: '/api/v1/recoveries/{recovery}',
    summary: 'Withdraws a recovery',
    ...write,
    answer: { kind: 'none' },
  }),
  byMachine: operation({
    id: 'recovery.byMachine',
    method: 'POST',
    path: '/api/v1/recoveries/by-machine',
    summary: 'Makes a recovery link without approval; on the machine of the hub, while there are too few others',
    ...write,
    body: shape('RecoveryByMachine', { operator: operatorName }),
    disclosesSecret: true,
    answer: { kind: 'json', status: 201, schema: MadeLink },
  }),
}

export const workstationOperations = {
  list: operation({
    id: 'workstation.list',
    method: 'GET',
    path: '/api/v1/workstations',
    summary: 'Lists workstations and what they reported',
    action: 'workstation:read',
    on: 'hub',
    query: closed(paging),
    answer: { kind: 'json', schema: page('Workstation', Workstation) },
  }),
  approve: operation({
    id: 'workstation.approve',
    method: 'POST',
    path: '/api/v1/workstations/{workstation}/approve',
    summary: 'Approves a workstation of another operator, with a proof of presence',
    action: 'workstation:write',
    on: 'hub',
    answer: { kind: 'json', schema: Workstation },
  }),
  remove: operation({
    id: 'workstation.remove',
    method: 'DELETE',
    path: '/api/v1/workstations/{workstation}',
    summary: 'Removes a workstation; it vouches for no session any more',
    action: 'workstation:write',
    on: 'hub',
    answer: { kind: 'none' },
  }),
  policy: operation({
    id: 'workstation.policy',
    method: 'GET',
    path: '/api/v1/workstation-policy',
    summary: 'Shows from which workstations sessions may come',
    action: 'workstation:read',
    on: 'hub',
    answer: { kind: 'json', schema: WorkstationPolicy },
  }),
  setPolicy: operation({
    id: 'workstation.setPolicy',
    method: 'PUT',
    path: '/api/v1/workstation-policy',
    summary: 'Says from which workstations sessions may come, with a proof of presence',
    action: 'workstation:write',
    on: 'hub',
    body: WorkstationPolicy,
    answer: { kind: 'json', schema: WorkstationPolicy },
  }),
}

export type { Ceremony, Purpose } from './ceremonies.ts'
export { Ceremonies } from './ceremonies.ts'
export { CodeBook } from './code-book.ts'
export { NO_SESSION_COOKIE, readSessionCookie, SESSION_COOKIE, sessionCookie } from './cookie.ts'
export type { EnrolmentRequest, RegistrationOffer } from './enrolment.ts'
export { Enrolment } from './enrolment.ts'
export type { OperatorErrorCode } from './errors.ts'
export { OperatorError } from './errors.ts'
export {
  ANSWER_CHARACTERS_MAX,
  CODE_LIFE_MS,
  CREDENTIAL_ID_CHARACTERS_MAX,
  LINK_LIFE_MS,
  PRESENCE_LIFE_MS,
  REASON_CHARACTERS_MAX,
  SESSION_IDLE_MS,
  SESSION_LIFE_MS,
  STATEMENT_BYTES_MAX,
} from './limits.ts'
export type { MadeLink, Membership } from './links.ts'
export { Links } from './links.ts'
export type { BegunLogin, LoginAnswer, LoginRequest } from './logins.ts'
export { Logins } from './logins.ts'
export type { Operator, Passkey } from './operator.ts'
export { actorOf, areRoles, isOperatorName } from './operator.ts'
export type { PasskeyPolicy } from './passkey-policy.ts'
export { DEFAULT_PASSKEY_POLICY } from './passkey-policy.ts'
export type { AssertionOffer } from './passkeys.ts'
export { Passkeys } from './passkeys.ts'
export type { OperatorChange } from './people.ts'
export { BOOTSTRAP_OPERATORS, People } from './people.ts'
export type { PostureFact, PostureReport, Switch, SwitchFact } from './posture.ts'
export { POSTURE_FACTS } from './posture.ts'
export type {
  AssertionAnswer,
  NewCredential,
  PasskeyVerifier,
  Proof,
  ProofFault,
  RegistrationAnswer,
  UsedCredential,
  Verdict,
} from './proof.ts'
export type { ProposalDraft } from './proposals.ts'
export { INTERRUPTED, Proposals } from './proposals.ts'
export type {
  Link,
  Proposal,
  ProposalOutcome,
  Recovery,
  SessionEnd,
  SessionKind,
  SessionRecord,
  Workstation,
} from './records.ts'
export type { Approval } from './recoveries.ts'
export { Recoveries } from './recoveries.ts'
export { Roll } from './roll.ts'
export type { RandomBytes } from './secret.ts'
export { isSessionToken } from './secret.ts'
export type { LiveSession, Origin, SessionLimits } from './sessions.ts'
export { Sessions } from './sessions.ts'
export type { Statement, StatementPurpose } from './statement.ts'
export { formatStatement, readStatement, readWorkstationKey, signedBytes } from './statement.ts'
export type { PeopleChange, PeopleKind, PeopleListing, PeopleRecord, PeopleStore } from './store.ts'
export { PEOPLE_KINDS } from './store.ts'
export type { TwoPersonPolicy } from './two-person-policy.ts'
export {
  asksForTwo,
  DEFAULT_TWO_PERSON_POLICY,
  faultOfTwoPersonPolicy,
  TWO_PERSON_ACTS_MAX,
  TWO_PERSON_HOURS_MAX,
} from './two-person-policy.ts'
export type { WorkstationPolicy } from './workstation-policy.ts'
export { DEFAULT_WORKSTATION_POLICY } from './workstation-policy.ts'
export type { SignedStatement, StandingOfSession } from './workstations.ts'
export { Workstations } from './workstations.ts'

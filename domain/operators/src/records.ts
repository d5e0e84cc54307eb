/** The records of people that are kept, beside themselves and their passkeys. */

import type { Timestamp } from '@holdfast/base'
import type { Operator, Passkey } from './operator.ts'
import type { PasskeyPolicy } from './passkey-policy.ts'
import type { PeopleKind } from './store.ts'
import type { PostureReport } from './posture.ts'
import type { TwoPersonPolicy } from './two-person-policy.ts'
import type { WorkstationPolicy } from './workstation-policy.ts'

/** A one-time way to a passkey. */
export interface Link {
  /** Digest of its secret. */
  readonly id: string
  readonly purpose: 'first' | 'invitation' | 'recovery'
  /** Whom it is for; of a first link and one that lets its bearer choose: nobody yet. */
  readonly name?: string
  readonly organisation: string
  readonly roles: readonly string[]
  /** Of a recovery: whose keys it replaces. */
  readonly operatorId?: string
  /** Of a recovery: digest of the code that the first to approve was given, so that neither can use it alone. */
  readonly codeDigest?: string
  readonly madeBy: string
  readonly expires: Timestamp
}

export type SessionKind = 'browser' | 'command-line'
export type SessionEnd = 'signed-out' | 'idle' | 'expired' | 'revoked' | 'passkey-gone' | 'operator-gone' | 'too-many'

export interface SessionRecord {
  readonly id: string
  readonly tokenDigest: string
  readonly operatorId: string
  readonly passkeyId: string
  readonly kind: SessionKind
  readonly agent: string
  readonly address: string
  readonly createdTime: Timestamp
  readonly lastUsedTime: Timestamp
  /** When the person last proved to be there. */
  readonly presenceTime: Timestamp
  readonly expires: Timestamp
  /** The workstation that vouches for it. */
  readonly workstationId?: string
  readonly ended?: { readonly time: Timestamp; readonly reason: SessionEnd; readonly by: string }
}

export interface Recovery {
  readonly id: string
  readonly operatorId: string
  readonly reason: string
  readonly askedBy: string
  readonly askedTime: Timestamp
  readonly expires: Timestamp
  /** Ids of those who have approved, and the digest of the code that the first was given. */
  readonly approvedBy: readonly string[]
  readonly codeDigest?: string
}

export interface Workstation {
  readonly id: string
  readonly name: string
  readonly operatorId: string
  /** Ed25519, SubjectPublicKeyInfo (RFC 8410 §4), base64url. */
  readonly publicKey: string
  readonly createdTime: Timestamp
  /** Nothing it says counts without. */
  readonly approved?: { readonly by: string; readonly time: Timestamp }
  readonly latest?: {
    readonly report: PostureReport
    /** When it came in, by the hub's clock: freshness counts from here. */
    readonly time: Timestamp
    /** What the statement says itself; the next one must be later, so that none counts twice. */
    readonly statedTime: Timestamp
  }
}

/** How an act ended that was approved: as HTTP has it, and by which name it was refused. */
export interface ProposalOutcome {
  readonly status: number
  readonly code?: string
}

export interface Proposal {
  readonly id: string
  /** Id of the operation. */
  readonly operation: string
  /** Parameters of its path, its query and body; empty once it is decided. */
  readonly request: {
    readonly path?: Readonly<Record<string, string>>
    readonly query?: object
    readonly body?: unknown
    readonly ifMatch?: string
  }
  /** Of operation and request: who approves says what they approve. */
  readonly digest: string
  /** As events name who asks. */
  readonly proposedBy: string
  readonly organisation: string
  readonly proposedTime: Timestamp
  readonly expires: Timestamp
  readonly state: 'waiting' | 'begun' | 'done' | 'failed' | 'rejected' | 'withdrawn' | 'expired'
  readonly decidedBy?: string
  readonly decidedTime?: Timestamp
  readonly outcome?: ProposalOutcome
}

export type PolicyRecord =
  | { readonly id: 'passkeys'; readonly policy: PasskeyPolicy }
  | { readonly id: 'workstations'; readonly policy: WorkstationPolicy }
  | { readonly id: 'two-person'; readonly policy: TwoPersonPolicy }

export interface PeopleTables {
  readonly operator: Operator
  readonly passkey: Passkey
  readonly link: Link
  readonly session: SessionRecord
  readonly recovery: Recovery
  readonly workstation: Workstation
  readonly policy: PolicyRecord
  readonly proposal: Proposal
}

/** One record, with its kind. */
export type PeopleEntry = {
  readonly [K in PeopleKind]: { readonly kind: K; readonly value: PeopleTables[K] }
}[PeopleKind]

/**
 * What issued certificates need from a disk. Implementers MUST make every write durable before they resolve, and keep the
 * events a write brings (`because`) in its transaction where it does what was asked, and nowhere else.
 */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import type { CertificateState, IssuedCertificate, RevocationReason } from './issued-certificate.ts'

/** One record from one state to another, or seen in the state that it has. */
export interface CertificateMove {
  readonly sha256: string
  /** The state that it must be in. */
  readonly from: CertificateState
  readonly to: CertificateState
  readonly at: Timestamp
  /** With `revoked`; taken away by every other state. */
  readonly reason?: RevocationReason
  readonly seenTime?: Timestamp
}

export interface CertificateChange {
  readonly insert?: IssuedCertificate
  readonly moves: readonly CertificateMove[]
  /** Records of one identity beyond this many are deleted, ended ones first by age. */
  readonly keep?: { readonly key: IdentityKey; readonly recordsMax: number }
}

/** Where a page by time goes on: behind this record. */
export interface AfterRecord {
  readonly time: Timestamp
  readonly sha256: string
}

export interface IssuedCertificateStore {
  /** All of it in one step, or nothing: false when a record is not in the state that a move asks for. */
  changeIssued(change: CertificateChange, because?: Because): Promise<boolean>
  readIssued(sha256: string): Promise<IssuedCertificate | undefined>
  readIssuedBySerial(serialNumber: string): Promise<IssuedCertificate | undefined>
  /** Of one identity, newest first; with `modules`, those of the device's modules too. */
  listIssuedOf(
    key: IdentityKey,
    page: { readonly limit: number; readonly modules?: boolean },
  ): Promise<readonly IssuedCertificate[]>
  /** For one key, newest first. */
  listIssuedByKey(spkiSha256: string, limit: number): Promise<readonly IssuedCertificate[]>
  /** Live ones whose end lies in [from, to), by their end. */
  listIssuedByEnd(page: {
    readonly from: Timestamp
    readonly to: Timestamp
    readonly after?: AfterRecord
    readonly limit: number
  }): Promise<readonly IssuedCertificate[]>
  /** Current ones whose time of renewal has come and that have no successor, by that time. */
  listIssuedDue(page: {
    readonly now: Timestamp
    readonly after?: AfterRecord
    readonly limit: number
  }): Promise<readonly IssuedCertificate[]>
  /** Revoked ones that have not ended at `now`, by the time of their revocation. */
  listIssuedRevoked(page: {
    readonly now: Timestamp
    readonly after?: AfterRecord
    readonly limit: number
  }): Promise<readonly IssuedCertificate[]>
  /** Live ones by issuer: how far a roll-over of authorities has come. */
  countIssuedByIssuer(): Promise<readonly { readonly issuerSha256: string; readonly live: number }[]>
  /** Deletes records that ended before `time`; at most `limit` of them. Resolves with how many. */
  deleteIssuedBefore(time: Timestamp, limit: number): Promise<number>
  /** The profile that an operator, or an enrolment, has chosen for an identity. It goes with the identity. */
  readCertificateProfile(key: IdentityKey): Promise<string | undefined>
  /** Undefined takes the choice away. Of an identity that is not there nothing is written. */
  writeCertificateProfile(key: IdentityKey, profile: string | undefined, because?: Because): Promise<void>
}

/** What revocation lists need of their store, and what they say. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { Certificate } from '@holdfast/pki'
import type { WriteOutcome } from './identity.ts'
import { linksOf } from './path-links.ts'

/**
 * What a list that is out of date means. `accept`: what it says still counts, and what it does not say is accepted, with
 * a standing notice: a CA that is late must not stop a plant. `refuse`: certificates of its issuer prove nobody.
 */
export type WhenStale = 'accept' | 'refuse'

/** The list of one CA: a customer's authority or a CA below it. */
export interface StoredRevocationList {
  /** Name of the authority. */
  readonly authority: string
  /** Upper-case hex of SHA-256 over the SubjectPublicKeyInfo of the CA that signs the list. */
  readonly issuerKey: string
  /** DER of its certificate. */
  readonly issuer: Uint8Array
  /** DER; absent while none has come from `url`. */
  readonly list?: Uint8Array
  readonly takenTime?: Timestamp
  /** Where the next ones come from. */
  readonly url?: string
  readonly whenStale: WhenStale
}

/** As all stores here, it keeps the events of a write (`because`) with it where it did what was asked. */
export interface RevocationListStore {
  listRevocationLists(): Promise<readonly StoredRevocationList[]>
  /** Replaces that of the same authority and issuer; `missing` without the authority. An authority's go with it. */
  writeRevocationList(list: StoredRevocationList, because?: Because): Promise<WriteOutcome>
  deleteRevocationList(authority: string, issuerKey: string, because?: Because): Promise<WriteOutcome>
}

/** One certificate of a path, as the CA above it knows it. */
export interface PathLink {
  /** Upper-case hex of SHA-256 over the issuer's SubjectPublicKeyInfo. */
  readonly issuerKey: string
  /** Upper-case hex. */
  readonly serialNumber: string
}

/** What a list says of a serial number. */
export interface RevokedSerials {
  has(serialNumber: string): boolean
}

export type RevocationDenial =
  /** A list names a certificate of the path. */
  | 'certificate-revoked'
  /** A list that must be of today is not. */
  | 'revocation-unknown'

export interface RevocationFinding {
  readonly code: RevocationDenial
  readonly detail: string
}

/** What authentication and provisioning ask of the lists. */
export interface RevocationJudge {
  /** Counts changes that may have taken a certificate away. */
  readonly cutsMade: number
  /**
   * A path as the lists know it.
   * @param path leaf first, anchor last. An anchor whose own issuer has a list here can be revoked as well.
   */
  linksOf(path: readonly Certificate[]): readonly PathLink[]
  judge(path: readonly PathLink[], now: Timestamp): RevocationFinding | undefined
}

/** Of a hub without lists. */
export const NO_REVOCATION: RevocationJudge = { cutsMade: 0, linksOf, judge: () => undefined }

/** Certificates that the hub itself issued, as authentication needs them: known one by one, not by their issuer. */

import type { Timestamp } from '@holdfast/base'
import type { ChainDenial, PresentedCertificate } from './authorities.ts'
import type { Identity } from './identity.ts'
import type { Lane } from './lane.ts'

export type IssuedDenial =
  /** Names an authority of the hub as its issuer, and is on no record. */
  | 'certificate-unknown'
  /** Taken away; or issued to an earlier identity of the same id. */
  | 'certificate-revoked'
  /** Its successor has been seen. */
  | 'certificate-retired'

export type IssuedJudgement =
  /** `lane`: `renewal` for one that has ended within its grace. `expires`: when it proves nothing any more. */
  | { readonly kind: 'proved'; readonly expires: Timestamp; readonly lane: Lane }
  | {
      readonly kind: 'denied'
      readonly code: IssuedDenial | ChainDenial | 'wrong-credential-kind'
      readonly detail: string
    }

/** A certificate of the hub's as it was when it was looked up; what was taken from it since, `cutsMade` tells. */
export interface FoundCertificate {
  /** Whether it proves to be `identity`, which it may never have been issued to. Its status is not looked at. */
  judge(identity: Identity, now: Timestamp): IssuedJudgement
}

export interface IssuedCertificateJudge {
  /** Counts changes that took a certificate away. */
  readonly cutsMade: number
  /**
   * Looks it up, which may take a reading of the disk; undefined when it does not name an authority of the hub as its
   * issuer. TLS has proved that the peer holds its key.
   */
  find(certificate: PresentedCertificate): Promise<FoundCertificate | undefined>
  /** An identity has proved itself by it. MUST NOT throw and MUST NOT block: what follows from it happens later. */
  seen(sha256: string): void
}

/** Of a hub that issues no certificates to devices. */
export const NO_ISSUED_CERTIFICATES: IssuedCertificateJudge = {
  cutsMade: 0,
  find: () => Promise.resolve(undefined),
  seen: () => undefined,
}

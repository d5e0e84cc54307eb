/** Why a certificate was revoked (RFC 5280 §5.3.1), with the numbers of CRLReason. */

export type RevocationReason =
  | 'unspecified'
  | 'keyCompromise'
  | 'cACompromise'
  | 'affiliationChanged'
  | 'superseded'
  | 'cessationOfOperation'
  /** For the time being; while it lasts it counts as revoked. */
  | 'certificateHold'
  | 'privilegeWithdrawn'
  | 'aACompromise'

export const REASON_NUMBERS: Readonly<Record<RevocationReason, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
}

/** Eight, `removeFromCRL`, is of delta lists alone, and is none here; seven is not used. */
export const REASONS: ReadonlyMap<number, RevocationReason> = new Map(
  (Object.entries(REASON_NUMBERS) as [RevocationReason, number][]).map(([reason, number]) => [number, reason]),
)

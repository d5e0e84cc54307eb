/** Why something of people was refused. Codes are API; what becomes of them over HTTP stands at the edge. */

export type OperatorErrorCode =
  | 'missing'
  | 'exists'
  | 'invalid'
  | 'too-many'
  | 'link-invalid'
  | 'ceremony-over'
  | 'proof-refused'
  | 'code-unknown'
  | 'throttled'
  | 'last-passkey'
  | 'last-operator'
  | 'self-approval'
  | 'already-approved'
  | 'approvals-needed'
  | 'not-enough-operators'
  | 'not-allowed'
  | 'not-vouched'
  | 'not-open'
  | 'outdated'
  | 'statement-refused'
  | 'workstation-refused'

export class OperatorError extends Error {
  override readonly name = 'OperatorError'
  readonly code: OperatorErrorCode

  /** @param message what was refused and why, as one clause; it goes to the peer, and holds nothing secret. */
  constructor(code: OperatorErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

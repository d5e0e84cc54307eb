/** Why a certificate is not issued, renewed or changed. Codes are API, messages are not. */
export type CredentialErrorCode =
  /** No certification request, or not signed with its own key. */
  | 'bad-request'
  /** A key that nobody should hold a certificate for. */
  | 'weak-key'
  /** A key of a kind that the profile does not take. */
  | 'key-kind'
  /** The common name is not the id of the identity that asks. */
  | 'wrong-name'
  /** A renewal for another subject than that of the certificate (RFC 7030 §4.2.2). */
  | 'wrong-subject'
  /** Another identity has a certificate for the same key. */
  | 'key-in-use'
  /** A certificate for the same key was revoked. */
  | 'key-revoked'
  | 'identity-missing'
  | 'identity-disabled'
  /** The identity proves itself in a way that does not lead to certificates. */
  | 'wrong-authentication'
  | 'profile-missing'
  /** There, but not for whoever asks. */
  | 'profile-closed'
  /** The certificate shown may not be renewed: revoked, retired, or past its grace. */
  | 'not-renewable'
  /** A gate of the hub's (attestation, quarantine) stops renewals of this identity. */
  | 'renewal-stopped'
  /** No authority of the hub issues just now. */
  | 'no-issuer'
  /** As many requests as may be are under way, or others change the same identity. */
  | 'busy'
  | 'missing'
  | 'already-revoked'
  | 'too-many-profiles'
  | 'profile-in-use'
  | 'invalid'

export class CredentialError extends Error {
  override readonly name = 'CredentialError'
  readonly code: CredentialErrorCode

  constructor(code: CredentialErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

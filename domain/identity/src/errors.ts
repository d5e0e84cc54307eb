/** Why a change of an identity, policy or authority was refused. Codes are API, messages are not. */
export type IdentityErrorCode =
  /** An id, key, thumbprint, reason or name is not of the form it must have. */
  | 'invalid'
  | 'exists'
  | 'missing'
  /** A module of a device that does not exist. */
  | 'device-missing'
  | 'etag-mismatch'
  /** Others kept writing the same record; try again. */
  | 'contended'
  | 'too-many-modules'
  /** No edge device has the scope that was named. */
  | 'unknown-scope'
  | 'too-many-authorities'
  /** The identity does not authenticate by key, so that there is none to regenerate. */
  | 'no-keys'
  | 'bad-certificate'
  | 'weak-certificate'
  | 'not-an-authority'
  /** The same certificate stands under another name. */
  | 'authority-known'
  /** No revocation list, or one that does not count for its issuer. */
  | 'bad-revocation-list'
  /** Older than the one that is there: it could un-revoke. */
  | 'revocation-list-older'
  | 'too-many-revocation-lists'
  | 'already-verified'
  | 'bad-proof'
  /** A rotation of a policy's keys overlaps still. */
  | 'rotating'
  /** The key that a rotation would replace was used of late. */
  | 'slot-in-use'
  /** No former key of a rotation works beside the current one. */
  | 'not-rotating'

/** Thrown for what an operator or a service asked for and cannot have. The message says what to do; never a secret. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  readonly code: IdentityErrorCode

  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

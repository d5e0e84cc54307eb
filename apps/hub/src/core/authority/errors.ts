/** Why something that an operator asked of the hub's own authority was not done. Codes are API, messages are not. */

export type AuthorityErrorCode =
  /** The root's private key is needed, and neither here nor given. */
  | 'root-key-away'
  /** The bundle does not open with this passphrase, or what is in it is not the key of its certificate. */
  | 'wrong-passphrase'
  /** A bundle of another root than the one that is meant, or none at all. */
  | 'wrong-bundle'
  /** Under 12 or over 1,024 bytes. */
  | 'bad-passphrase'
  /** A roll-over is under way already. */
  | 'rollover-under-way'
  /** No roll-over is under way. */
  | 'no-rollover'
  /** Too many authorities count at once. */
  | 'too-many-authorities'
  /** Not every active device is known to have moved. */
  | 'not-all-moved'
  /** The listeners do not show the new chain yet. */
  | 'not-switched'

export class AuthorityError extends Error {
  override readonly name = 'AuthorityError'
  readonly code: AuthorityErrorCode

  constructor(code: AuthorityErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** What can be wrong with a token, a key or a connection string. Codes are API, messages are not. */
export type TokenErrorCode =
  /** Longer than its limit, or too many fields. */
  | 'too-large'
  /** Not the text form that the kind of text has. */
  | 'malformed'
  | 'missing-field'
  | 'duplicate-field'
  /** Only in connection strings: tokens may carry fields that we do not know. */
  | 'unknown-field'
  | 'bad-expiry'
  | 'bad-signature'
  | 'bad-resource'
  /** No canonical base64, or not 16 to 64 bytes. */
  | 'bad-key'
  /** No credential in a connection string, or more than one. */
  | 'bad-credential'

/** Thrown for text of a peer or an operator that is refused. Messages name fields, never their values. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly code: TokenErrorCode

  constructor(code: TokenErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Why something asked of tokens was refused. Codes are API, messages are not. */
export type AccessTokenErrorCode = 'invalid' | 'exists' | 'missing' | 'too-many' | 'expired' | 'no-former'

export class AccessTokenError extends Error {
  override readonly name = 'AccessTokenError'
  readonly code: AccessTokenErrorCode

  constructor(code: AccessTokenErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

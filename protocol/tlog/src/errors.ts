/** What can be wrong with what a peer sent; messages hold nothing of it. */

export type TlogErrorCode =
  | 'bad-bundle'
  | 'bad-note'
  | 'bad-key'
  | 'bad-checkpoint'
  | 'bad-signature'
  | 'no-known-signature'
  | 'bad-request'

/** A peer's fault. Codes are API, messages are not. */
export class TlogError extends Error {
  override readonly name = 'TlogError'
  readonly code: TlogErrorCode

  constructor(code: TlogErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

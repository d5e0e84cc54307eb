/** What can be wrong with bytes that say they are a TPM structure. Codes are API, messages are not. */
export type TpmErrorCode =
  /** The bytes end inside a structure. */
  | 'truncated'
  /** Bytes follow where the structure has ended. */
  | 'trailing'
  /** A size, a count or the whole is beyond its limit. */
  | 'too-large'
  /** A value that the structure may not have: reserved bits, a digest of another length, a wrong tag. */
  | 'malformed'
  /** A value the standard knows and this codec does not take: an algorithm, a curve, a length of key. */
  | 'unsupported'
  /** A key cannot be used for what was asked: no decryption key, no storage parent. */
  | 'unsuitable'
  /** The integrity of a wrapped structure is not that of its bytes. */
  | 'bad-integrity'

/** Thrown for bytes of a peer or a device that are refused. Messages name fields, never their values. */
export class TpmError extends Error {
  override readonly name = 'TpmError'
  readonly code: TpmErrorCode

  constructor(code: TpmErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

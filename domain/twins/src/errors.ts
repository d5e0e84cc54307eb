/** Why a twin was not changed or read. Codes are API, messages are not. */
export type TwinErrorCode =
  /** There is no such device or module. */
  | 'missing'
  /** The twin was written since it was read. */
  | 'etag-mismatch'
  /** The reported properties have another version than the device thought. */
  | 'version-mismatch'
  | 'too-large'

/** Thrown for what a device or a service asked for and cannot have. The message says what to do. */
export class TwinError extends Error {
  override readonly name = 'TwinError'
  readonly code: TwinErrorCode

  constructor(code: TwinErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** What can go wrong on the way to a TPM. Codes are API, messages are not. */
export type TpmDeviceErrorCode =
  /** No such device, no permission for it, nothing on the socket. */
  | 'unreachable'
  /** The connection or the device ended in the middle. */
  | 'lost'
  /** A command was not answered in its time. */
  | 'timeout'
  /** Used after `close`. */
  | 'closed'
  /** More commands wait than may. */
  | 'busy'

export class TpmDeviceError extends Error {
  override readonly name = 'TpmDeviceError'
  readonly code: TpmDeviceErrorCode

  constructor(code: TpmDeviceErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

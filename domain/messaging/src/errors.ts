/**
 * - `unknown-epoch`: the data key of that epoch is not there (dropped on purpose, or a foreign store).
 * - `damaged`: the bytes are not what was sealed: changed, cut short, of another batch, or sealed by another key.
 */
export type MessagingErrorCode = 'unknown-epoch' | 'damaged'

/** What kept telemetry can answer instead of itself. Messages carry no content of the telemetry. */
export class MessagingError extends Error {
  readonly code: MessagingErrorCode

  constructor(code: MessagingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MessagingError'
    this.code = code
  }
}

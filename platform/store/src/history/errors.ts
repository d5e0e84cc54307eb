/**
 * - `no-keys`: the core has not handed over the data keys yet.
 * - `no-partition`: there is no partition of that number.
 * - `bad-cursor`: a cursor that no answer contained.
 * - `damaged`: a segment or batch on disk is not what was written; the message names it.
 * - `closed`: the history is stopping.
 */
export type HistoryErrorCode = 'no-keys' | 'no-partition' | 'bad-cursor' | 'damaged' | 'closed'

/** What reading the history can answer instead of messages. No content of telemetry is in the message. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError'
  readonly code: HistoryErrorCode

  constructor(code: HistoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** How the hub's REST interface says no (azure-iot.md §9). */

import type { RestErrorCode } from '@holdfast/iothub'

/**
 * Thrown to end a request with one of Azure's errors; the code decides the status. The message goes to the peer: it
 * holds nothing that the peer may not see, and no text of the peer beyond ids that were checked.
 */
export class HubError extends Error {
  override readonly name = 'HubError'
  readonly code: RestErrorCode
  readonly headers: Readonly<Record<string, string>>
  /** Failed method calls are answered with JSON inside the message; this is their `info`. */
  readonly methodInfo: Readonly<Record<string, string>> | undefined

  constructor(
    code: RestErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly headers?: Readonly<Record<string, string>>
      readonly methodInfo?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(message, options)
    this.code = code
    this.headers = options.headers ?? {}
    this.methodInfo = options.methodInfo
  }
}

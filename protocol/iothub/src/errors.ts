/** What can be wrong with what a client sent. Codes are API, messages are not. */
export type HubFormatErrorCode =
  | 'bad-device-id'
  | 'bad-module-id'
  /** The client id is neither `{device}` nor `{device}/{module}` nor a registration id. */
  | 'bad-client-id'
  /** A user name that has none of the known forms. */
  | 'bad-user-name'
  /** A user name of a known form, for another identity than the client id names. */
  | 'client-id-mismatch'
  | 'bad-api-version'
  /** A topic or filter that the protocol does not know. */
  | 'unknown-topic'
  /** A topic or filter of another device or module. */
  | 'foreign-topic'
  /** A known topic with wrong parameters: no request id, a version that is no number. */
  | 'bad-topic'
  /** A property bag that is no percent-encoded text, has a nameless property or too many. */
  | 'bad-bag'
  /** A body that is no JSON in UTF-8, or JSON that reads in more ways than one. */
  | 'bad-json'
  /** JSON that no section of a twin can hold. */
  | 'bad-twin'
  /** A request for a certificate with a field that is missing, unknown or wrong. */
  | 'bad-certificate-request'
  /** A message over HTTPS whose properties or batch have a wrong form. */
  | 'bad-message'

/** Thrown for text of a peer that is refused. Messages hold none of that text. */
export class HubFormatError extends Error {
  override readonly name = 'HubFormatError'
  readonly code: HubFormatErrorCode

  constructor(code: HubFormatErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

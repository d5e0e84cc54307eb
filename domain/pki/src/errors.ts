/** What can be wrong with what a peer or an operator hands in. Codes are API, messages are not. */
export type PkiErrorCode =
  /** Longer, deeper or more than its limit. */
  | 'too-large'
  /** No DER: truncated, trailing bytes, a second encoding of one value. */
  | 'bad-der'
  /** Text that is neither PEM nor base64 of what was asked for, or several where one was. */
  | 'bad-pem'
  /** DER, but no certificate of RFC 5280. */
  | 'bad-certificate'
  /** DER, but no revocation list of RFC 5280. */
  | 'bad-crl'
  /** DER, but no certification request of RFC 2986, or no OCSP request of RFC 6960. */
  | 'bad-request'
  /** A key of a kind or strength that we do not take. */
  | 'weak-key'
  /** Signed with SHA-1, MD5 or an algorithm that we do not know. */
  | 'weak-signature'
  /** A request that its own key did not sign. */
  | 'bad-signature'

/** Thrown for material that is refused. Messages hold none of it. */
export class PkiError extends Error {
  override readonly name = 'PkiError'
  readonly code: PkiErrorCode

  constructor(code: PkiErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

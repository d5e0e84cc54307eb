/** Why something did not go out. */

export type EgressCode =
  /** The name, the address or the port is one that the hub does not call. */
  | 'address-refused'
  | 'name-not-resolved'
  /** No connection, or it broke. */
  | 'not-reached'
  /** The certificate of the receiver is not one that is trusted for this name, or TLS failed otherwise. */
  | 'not-trusted'
  | 'timed-out'
  | 'answer-too-large'
  | 'answer-garbled'

/** The world's fault. The message is one clause for operators and holds nothing that the receiver said. */
export class EgressFault extends Error {
  override readonly name = 'EgressFault'
  readonly code: EgressCode

  constructor(code: EgressCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/

/** What an error of a socket comes to. */
export function faultOf(error: unknown): EgressFault {
  if (error instanceof EgressFault) return error
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new EgressFault('timed-out', 'the receiver did not answer in time', { cause: error })
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new EgressFault('answer-too-large', 'the receiver answered with too large a header', { cause: error })
  }
  if (code.startsWith('HPE_')) {
    return new EgressFault('answer-garbled', 'what answered does not speak HTTP', { cause: error })
  }
  if (TLS_CODE.test(code)) {
    return new EgressFault('not-trusted', `the receiver is not trusted, or TLS failed (${code})`, { cause: error })
  }
  return new EgressFault('not-reached', `the receiver was not reached, or broke the connection off (${code})`, {
    cause: error,
  })
}

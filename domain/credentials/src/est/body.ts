/** Bodies of EST: base64 in lines (RFC 7030 §4, RFC 8951 §3.1). */

import { CERTIFICATE_BYTES_MAX, decodePem, PkiError } from '@holdfast/pki'
import { CredentialError } from '../errors.ts'
import { EST_BODY_BYTES_MAX } from '../limits.ts'

/** Characters of a line, as MIME has them (RFC 2045 §6.8). */
const LINE_CHARACTERS = 76

/** Ends in a line break. */
export function encodeEstBody(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? []
  return `${lines.join('\r\n')}\r\n`
}

/**
 * The DER of a request. Base64 with white space anywhere; PEM too, for people hand that in; bare DER, which some clients
 * send in spite of §4.2.1.
 * @throws CredentialError `bad-request`.
 */
export function decodeEstBody(body: Uint8Array): Uint8Array {
  if (body.length > EST_BODY_BYTES_MAX) throw new CredentialError('bad-request', 'the body is too long')
  // DER of a request begins with a SEQUENCE of some hundred bytes; base64 of one with an M.
  if (body[0] === 0x30 && body[1] !== undefined && body[1] >= 0x80) return body
  const text = Buffer.from(body).toString('latin1')
  if (text.includes('-----BEGIN')) return fromPem(text)
  const packed = text.replace(/[\r\n \t]+/g, '')
  const der = Buffer.from(packed, 'base64')
  if (packed === '' || der.length > CERTIFICATE_BYTES_MAX || der.toString('base64') !== packed) {
    throw new CredentialError('bad-request', 'the body is not the base64 of a certification request')
  }
  return new Uint8Array(der)
}

function fromPem(text: string): Uint8Array {
  try {
    const [request, ...more] = decodePem('CERTIFICATE REQUEST', text)
    if (request !== undefined && more.length === 0) return request
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
  }
  throw new CredentialError('bad-request', 'the body is not one certification request in PEM')
}

/** PEM (RFC 7468), and the forms in which certificates are handed in over REST (azure-iot.md §7). */

import { PkiError } from './errors.ts'
import { CERTIFICATE_BYTES_MAX, CRL_INPUT_BYTES_MAX, PEM_BLOCKS_MAX, PEM_CHARACTERS_MAX } from './limits.ts'

export type PemLabel = 'CERTIFICATE' | 'X509 CRL' | 'CERTIFICATE REQUEST' | 'PUBLIC KEY' | 'PRIVATE KEY'

/** One block with lines of 64 characters and a line break at the end (RFC 7468 §2). */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

const BLOCK = /^-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*\r?\n([A-Za-z0-9+/=\r\n \t]*)^-----END \1-----[ \t]*\r?$/gm

/**
 * The blocks of `text` that have `label`, in order; text around blocks and blocks of other labels are passed over, as
 * openssl writes both. The content of a block is not looked at here.
 * @throws PkiError `too-large`, `bad-pem` if there is no such block, or one that does not end or is no base64.
 */
export function decodePem(label: PemLabel, text: string): readonly Uint8Array<ArrayBuffer>[] {
  if (text.length > PEM_CHARACTERS_MAX) throw new PkiError('too-large', 'the PEM text is too long')
  const blocks: Uint8Array<ArrayBuffer>[] = []
  let found = 0
  for (const [, name, body = ''] of text.matchAll(BLOCK)) {
    found += 1
    if (found > PEM_BLOCKS_MAX) throw new PkiError('too-large', 'the PEM text has too many blocks')
    const der = decodeBase64(body)
    if (der === undefined) throw new PkiError('bad-pem', 'a PEM block is not base64')
    if (name === label) blocks.push(der)
  }
  // Every line that begins a block belongs to one that was read, or something was cut off.
  const begun = text.match(/^-----BEGIN /gm)?.length ?? 0
  if (begun !== found || blocks.length === 0) throw new PkiError('bad-pem', `no PEM block ${label}, or a broken one`)
  return blocks
}

/**
 * One certificate from PEM text, base64 of PEM text, or base64 of DER; its content is not looked at here.
 * @throws PkiError `too-large`, `bad-pem` (also for several certificates: which one is meant is not for us to guess).
 */
export function decodeCertificateInput(text: string): Uint8Array<ArrayBuffer> {
  if (text.length > PEM_CHARACTERS_MAX) throw new PkiError('too-large', 'the certificate is too long')
  if (text.includes('-----BEGIN')) return single(decodePem('CERTIFICATE', text))
  const bytes = decodeBase64(text)
  if (bytes === undefined || bytes.length === 0) throw new PkiError('bad-pem', 'neither PEM nor base64')
  // DER of a certificate begins with a SEQUENCE, PEM text never with a `0`.
  if (bytes[0] !== 0x30) return single(decodePem('CERTIFICATE', Buffer.from(bytes).toString('latin1')))
  if (bytes.length > CERTIFICATE_BYTES_MAX) throw new PkiError('too-large', 'the certificate is too long')
  return bytes
}

const LIST_BEGIN = '-----BEGIN X509 CRL-----'
const LIST_END = '-----END X509 CRL-----'

/**
 * One revocation list as files and servers have it, DER or one PEM block; its content is not looked at here. Lists are
 * long: found by their marks, not by a pattern.
 * @param bytes at most 48 MiB.
 * @throws PkiError `too-large`, `bad-pem`.
 */
export function decodeRevocationListInput(bytes: Uint8Array): Uint8Array {
  if (bytes.length > CRL_INPUT_BYTES_MAX) throw new PkiError('too-large', 'the revocation list is too long')
  // As of a certificate: DER begins with a SEQUENCE, PEM text never with a `0`.
  if (bytes[0] === 0x30) return bytes
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const [start, end] = [text.indexOf(LIST_BEGIN), text.indexOf(LIST_END)]
  if (start < 0 || end < start || text.indexOf(LIST_BEGIN, start + 1) >= 0) {
    throw new PkiError('bad-pem', 'not exactly one revocation list')
  }
  const der = decodeBase64(text.slice(start + LIST_BEGIN.length, end))
  if (der === undefined) throw new PkiError('bad-pem', 'a PEM block is not base64')
  return der
}

function single(blocks: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [block, ...more] = blocks
  if (block === undefined || more.length > 0) throw new PkiError('bad-pem', 'not exactly one certificate')
  return block
}

/** Canonical base64 with white space anywhere, or undefined. The bytes own their buffer. */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const packed = text.replace(/[\r\n \t]+/g, '')
  const bytes = Buffer.from(packed, 'base64')
  return bytes.toString('base64') === packed ? new Uint8Array(bytes) : undefined
}

/** Answers of EST (RFC 7030 §4.1.3, §4.2.3, §4.5.2; errors are text). */

import { encodeEstBody } from '@holdfast/credentials'
import { encodeCertificateBundle } from '@holdfast/pki'
import type { ProblemFacts } from '../../core/problem.ts'

export function certificates(ders: readonly Uint8Array[]): Response {
  return encoded(encodeCertificateBundle(ders), 'application/pkcs7-mime; smime-type=certs-only')
}

export function attributes(der: Uint8Array): Response {
  return encoded(der, 'application/csrattrs')
}

/** The client is to send the same request again after this time (§4.2.3). */
export function later(seconds: number): Response {
  return text(202, `ask again in ${seconds} s, with the same request\n`, { 'retry-after': String(seconds) })
}

export function refusalText({ status, title, detail, headers }: ProblemFacts): Response {
  const challenge = status === 401 ? { 'www-authenticate': 'Basic realm="est", charset="UTF-8"' } : {}
  return text(status, `${title}; ${detail}\n`, { ...headers, ...challenge })
}

function encoded(der: Uint8Array, type: string): Response {
  const headers = { 'content-type': type, 'content-transfer-encoding': 'base64' }
  return new Response(encodeEstBody(der), { headers })
}

function text(status: number, body: string, headers: Readonly<Record<string, string>>): Response {
  return new Response(body, { status, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' } })
}

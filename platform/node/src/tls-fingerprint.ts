import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { LruMap } from '@holdfast/base'

/** Kinds of TLS library remembered; a fleet has a handful. */
const KINDS_MAX = 256
const digests = new LruMap<string, string>(KINDS_MAX)

/**
 * A short digest of what tells one TLS library from another and is the same at each of its connections, resumed ones
 * included: the version, the suite that was agreed on, and the signature algorithms that both have. A client can
 * imitate another's; a copied key in another stack mostly does not.
 */
export function tlsFingerprint(socket: TLSSocket): string {
  const { standardName } = socket.getCipher()
  const text = `${socket.getProtocol() ?? ''} ${standardName} ${socket.getSharedSigalgs().join(' ')}`
  const known = digests.get(text)
  if (known !== undefined) return known
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  digests.set(text, digest)
  return digest
}

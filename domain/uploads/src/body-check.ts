/** The body of one request on its way to the disk: counted, checked against what its headers say, and stopped when told. */

import { createHash, type Hash } from 'node:crypto'
import { Crc64 } from './crc64.ts'
import { UploadError } from './errors.ts'

/** Checksums as the client sent them, in base64. */
export interface BodyChecks {
  readonly md5?: string
  readonly crc64?: string
}

/**
 * Gives on what `body` gives. At the end everything has been checked.
 * @param stopped ends the wait for a client that does not go on sending.
 * @throws UploadError `wrong-checksum`; the reason of `stopped`; what `body` throws.
 */
export async function* checkedBody(
  body: AsyncIterable<Uint8Array>,
  checks: BodyChecks,
  stopped: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const md5 = checks.md5 === undefined ? undefined : createHash('md5')
  const crc64 = checks.crc64 === undefined ? undefined : new Crc64()
  const iterator = body[Symbol.asyncIterator]()
  const { promise: stop, reject } = Promise.withResolvers<never>()
  stop.catch(() => undefined)
  const onStop = (): void => reject(stopReason(stopped))
  if (stopped.aborted) onStop()
  stopped.addEventListener('abort', onStop)
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), stop])
      if (done === true) break
      md5?.update(value)
      crc64?.update(value)
      yield value
    }
  } finally {
    stopped.removeEventListener('abort', onStop)
    // Not awaited: a client that does not send does not answer this either.
    iterator.return?.()?.catch(() => undefined)
  }
  if (!isDigest(md5, checks.md5) || !isBytes(crc64?.digest(), checks.crc64)) {
    throw new UploadError('wrong-checksum', 'the body is not what its checksum says')
  }
}

function isDigest(hash: Hash | undefined, expected: string | undefined): boolean {
  return isBytes(hash?.digest(), expected)
}

function isBytes(actual: Uint8Array | undefined, expected: string | undefined): boolean {
  return actual === undefined || expected === undefined || Buffer.from(expected, 'base64').equals(actual)
}

function stopReason({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('stopped')
}

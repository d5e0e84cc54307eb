/** Bodies, bounded while they arrive. */

import type { Context } from 'hono'
import { DpsError } from '@holdfast/dps'
import type { HttpEnvironment } from '../environment.ts'

/**
 * The bytes of a body; none without one.
 * @throws DpsError `too-large`, `unsupported-media-type` for a body that says it is no JSON.
 */
export async function readBody(context: Context<HttpEnvironment>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new DpsError('too-large', `The body is longer than ${bytesMax} bytes.`)
    chunks.push(chunk)
  }
  const type = context.req.header('content-type')
  if (bytes > 0 && type !== undefined && !/^application\/json\s*(?:;|$)/i.test(type)) {
    throw new DpsError('unsupported-media-type', 'The body has to be application/json.')
  }
  return Buffer.concat(chunks)
}

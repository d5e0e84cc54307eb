/**
 * Continuation tokens: where the next page of a query begins. Opaque to clients, good for the query they came from.
 * They hold no secret and grant nothing, so they are checked for form and query and not signed.
 */

import { createHash } from 'node:crypto'
import { DpsError } from './errors.ts'
import { CONTINUATION_CHARACTERS_MAX } from './limits.ts'
import { parseRegistrationId } from './registration-id.ts'

/** @param query what the page is of: path and text of the query, so that a token of another one is told apart. */
export function formatContinuation(query: string, after: string): string {
  return Buffer.from(`1 ${digest(query)} ${after}`, 'utf8').toString('base64url')
}

/**
 * The id after which the page begins.
 * @throws DpsError `bad-continuation` for a token that we did not make for this query.
 */
export function parseContinuation(query: string, token: string): string {
  const text = token.length <= CONTINUATION_CHARACTERS_MAX ? Buffer.from(token, 'base64url').toString('utf8') : ''
  const [version, hash, after, ...rest] = text.split(' ')
  const id = after === undefined ? undefined : parseRegistrationId(after)
  const isOurs = version === '1' && hash === digest(query) && rest.length === 0 && id !== undefined
  if (!isOurs || formatContinuation(query, id) !== token) {
    throw new DpsError('bad-continuation', 'x-ms-continuation is not of this query. Begin again without it.')
  }
  return id
}

function digest(query: string): string {
  return createHash('sha256').update(query, 'utf8').digest('hex').slice(0, 16)
}

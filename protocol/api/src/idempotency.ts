/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request that bears one is done once, however often it
 * comes. The draft's form is a string in quotes; without them it is taken, too.
 */

import type { Operation } from './operation.ts'

/** Longest key, in characters; a UUID has 36. */
export const IDEMPOTENCY_KEY_CHARACTERS_MAX = 128

/** Whether an operation takes one: what changes something by POST, and answers with what may be kept. */
export function takesIdempotencyKey(operation: Operation): boolean {
  const { method, action, answer, disclosesSecret, upload, isLocalOnly } = operation
  if (method !== 'POST' || disclosesSecret === true || isLocalOnly === true || upload !== undefined) return false
  // What reads, and what is said within one's own session, is asked anew; bodies with passphrases leave no trace.
  if (action.endsWith(':read') || ['session:own', 'key:write', 'hub-authority:write'].includes(action)) return false
  return answer.kind === 'json' || answer.kind === 'none'
}

/** The key that a header bears; undefined for what is none. */
export function readIdempotencyKey(header: string): string | undefined {
  const key = /^"([\x21\x23-\x5b\x5d-\x7e]*)"$/.exec(header)?.[1] ?? (/^[\x21\x23-\x7e]*$/.test(header) ? header : '')
  return key.length >= 1 && key.length <= IDEMPOTENCY_KEY_CHARACTERS_MAX ? key : undefined
}

/** Throttling of HTTP requests, once it is known who sends them (429 of RFC 6585 §4, with `Retry-After`). */

import type { Operation } from '@holdfast/throttling'
import type { Throttling } from '../core/throttling.ts'
import { type Actor, actorName } from '../people/actor.ts'
import { Problem } from '../core/problem.ts'

export type Throttled = Pick<Throttling, 'take'> & Partial<Pick<Throttling, 'standing'>>

/** A bulk operation stands for up to a hundred; what it costs is less than that, for it is one transaction. */
const BULK_COST = 20

/**
 * The operator on the local socket is not throttled: whoever has the data folder has the hub.
 * @throws Problem 429.
 */
export function throttleService(throttling: Throttled, actor: Actor, operation: Operation, cost = 1): void {
  if (actor.kind === 'local') return
  throttle(throttling, actorName(actor), operation, cost)
}

/**
 * What is left to whoever asked, as headers (draft-ietf-httpapi-ratelimit-headers-10); none for those without a limit. The
 * share of all together may be used up before.
 */
export function limitHeaders(throttling: Throttled, principal: string, operation: Operation): Record<string, string> {
  const standing = throttling.standing?.(operation, principal)
  if (standing === undefined) return {}
  const { quota, windowSeconds, uses, seconds } = standing
  return {
    'ratelimit-policy': `"${operation}";q=${quota};w=${windowSeconds}`,
    ratelimit: `"${operation}";r=${uses};t=${seconds}`,
  }
}

/** @throws Problem 429. */
export function throttle(throttling: Throttled, principal: string, operation: Operation, cost = 1): void {
  const verdict = throttling.take(operation, principal, cost)
  if (verdict.kind === 'allowed') return
  throw new Problem({
    status: 429,
    code: 'throttled',
    title:
      verdict.by === 'principal' ? 'you ask for more than you may' : 'all together ask for more than the hub allows',
    detail: `try again in ${verdict.retryAfterSeconds} s, and slower`,
    headers: {
      ...limitHeaders(throttling, principal, operation),
      'retry-after': String(verdict.retryAfterSeconds),
    },
  })
}

/** What a request to Azure's service addresses counts as. @param path the route's, with `:names`. */
export function operationOf(method: string, path: string): { readonly operation: Operation; readonly cost: number } {
  const isRead = method === 'GET'
  if (path.endsWith('/methods')) return { operation: 'method', cost: 1 }
  if (path.endsWith('/messages') && method === 'POST') return { operation: 'command.send', cost: 1 }
  if (path.startsWith('/twins/')) return { operation: isRead ? 'twin.read' : 'twin.write', cost: 1 }
  if (path === '/devices/query' || path === '/query') return { operation: 'query', cost: 1 }
  if (path === '/devices' && method === 'POST') return { operation: 'registry.write', cost: BULK_COST }
  if (path.startsWith('/devices')) return { operation: isRead ? 'registry.read' : 'registry.write', cost: 1 }
  return { operation: 'service', cost: 1 }
}

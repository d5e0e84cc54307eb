/**
 * Refusals that nobody gets who knows what they ask for: addresses that are none, methods that are not served, requests
 * beyond their bounds. They are told as events, whoever sends them; the sink bounds their rate.
 */

import type { Context } from 'hono'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { HttpEnvironment } from './environment.ts'

export interface RefusalListener {
  readonly events: {
    readonly sink: EventSink
    /** Resolves when what the request has told is on disk; undefined where there is nothing to wait for. */
    readonly durable?: () => Promise<void> | undefined
  }
  readonly clock: Clock
}

/** Codes of problems and of Azure's errors. */
const TOLD: ReadonlySet<string> = new Set([
  'no-such-address',
  'method-not-allowed',
  'body-too-large',
  'target-too-long',
  'GenericNotFound',
  'GenericMethodNotAllowed',
  'MessageTooLarge',
])

/** Tells of a refusal if it is one of these. */
export function tellRefusal(code: string, context: Context<HttpEnvironment>, { events, clock }: RefusalListener): void {
  if (!TOLD.has(code)) return
  const { address } = context.env.peer
  events.sink({
    type: 'request.refused',
    at: clock.wall(),
    subject: 'hub',
    actor: `address/${address}`,
    // Neither the path nor a method that is none: both are the peer's text.
    detail: { method: METHODS.has(context.req.method) ? context.req.method : 'other', reason: code, address },
  })
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** What the session directory asks of the session store, as values, and the small loop that answers with a `SessionStore`. */

import type { IdentityKey } from '@holdfast/identity'
import { assertNever } from '@holdfast/base'
import type { Subscription } from './front-messages.ts'
import type { SessionStore } from './session-store.ts'

export type SessionRequest =
  /** Clean session 0: read what is stored, or store an empty session. */
  | { readonly kind: 'resume'; readonly ticket: number; readonly key: IdentityKey }
  /** Clean session 1: forget what is stored [MQTT-3.1.2-6]. */
  | { readonly kind: 'discard'; readonly ticket: number; readonly key: IdentityKey }
  | {
      readonly kind: 'write'
      readonly ticket: number
      readonly key: IdentityKey
      readonly subscriptions: readonly Subscription[]
    }

export type SessionAnswer =
  /** Everything asked for is on disk; `stored` is what a resumed session had, undefined if there was none. */
  | { readonly kind: 'done'; readonly ticket: number; readonly stored?: readonly Subscription[] }
  | { readonly kind: 'failed'; readonly ticket: number }

/** Runs one request. Never rejects: what the store throws becomes `failed`, after `report` has heard of it. */
export async function runSessionRequest(
  store: SessionStore,
  request: SessionRequest,
  report: (error: unknown) => void,
): Promise<SessionAnswer> {
  const { ticket, key } = request
  try {
    switch (request.kind) {
      case 'resume': {
        const stored = await store.readSession(key)
        if (stored !== undefined) return { kind: 'done', ticket, stored }
        await store.writeSession(key, [])
        return { kind: 'done', ticket }
      }
      case 'discard': {
        // Reading is cheap and most have nothing stored; deleting blindly would cost a write a connection.
        if ((await store.readSession(key)) !== undefined) await store.deleteSession(key)
        return { kind: 'done', ticket }
      }
      case 'write':
        await store.writeSession(key, request.subscriptions)
        return { kind: 'done', ticket }
      default:
        return assertNever(request)
    }
  } catch (error) {
    report(error)
    return { kind: 'failed', ticket }
  }
}

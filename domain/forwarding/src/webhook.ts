/** A batch as a signed POST: Standard Webhooks 1.0 (symmetric signatures, `v1`). */

import { createHash, createHmac } from 'node:crypto'
import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { entryDocument, type LogEntry } from '@holdfast/review'
import type { Origin } from './origin.ts'

export interface HttpMessage {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * The same entries make the same id and the same body, whenever they are sent, so that a receiver can tell what it has
 * seen. The moment of sending stands in `webhook-timestamp`, which is signed.
 * @param secrets 1 to 3, each of them signs. @throws TypeError for no entries or no secrets.
 */
export function webhookMessage(
  entries: readonly LogEntry[],
  {
    origin,
    secrets,
    now,
  }: { readonly origin: Origin; readonly secrets: readonly Uint8Array[]; readonly now: Timestamp },
): HttpMessage {
  const last = entries.at(-1)
  if (last === undefined || secrets.length === 0)
    throw new TypeError('there is something to send, and a secret to sign it')
  const body = JSON.stringify({
    type: 'audit.entries',
    timestamp: formatTimestamp(last.at),
    data: { hub: origin.hub, entries: entries.map(entryDocument) },
  })
  const id = `msg_${createHash('sha256').update(body).digest('base64url').slice(0, 32)}`
  const timestamp = String(Math.floor(now / 1_000))
  const signatures = secrets.map((secret) => {
    const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
    return `v1,${signature}`
  })
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': `holdfast/${origin.version}`,
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signatures.join(' '),
    },
    body: Buffer.from(body, 'utf8'),
  }
}

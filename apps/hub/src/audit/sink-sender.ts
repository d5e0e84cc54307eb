/** Gives a batch to the receiver of a sink, and reads what it makes of it. */

import type { Timestamp } from '@holdfast/base'
import { EgressFault, parseDestination, type PostAnswer, type Sending } from '@holdfast/egress'
import {
  judgeOtlp,
  judgeWebhook,
  type Origin,
  otlpMessage,
  type Outcome,
  signingNow,
  type Sink,
  syslogFrame,
  webhookMessage,
} from '@holdfast/forwarding'
import type { LogEntry } from '@holdfast/review'

/** The way out, as `platform/egress` has it. */
export interface Egress {
  post(sending: Sending, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<PostAnswer>
  sendFrames(sending: Sending, frames: readonly Uint8Array[]): Promise<void>
}

export interface Delivered {
  readonly entries: readonly LogEntry[]
  /** How often it was tried before. */
  readonly attempt: number
  readonly now: Timestamp
  readonly signal: AbortSignal
}

/** Never rejects for what a receiver or a network does; that is a failed outcome. */
export async function sendTo(
  sink: Sink,
  { entries, attempt, now, signal }: Delivered,
  { egress, origin }: { readonly egress: Egress; readonly origin: Origin },
): Promise<Outcome> {
  const read = parseDestination(sink.address)
  if ('fault' in read) return failed(`its address ${read.fault}`)
  const { authorities, allowPrivate, secrets } = sink
  const sending: Sending = {
    destination: read.destination,
    trust: {
      ...(authorities === undefined ? {} : { authorities }),
      ...(secrets.client === undefined ? {} : { client: secrets.client }),
    },
    allowPrivate,
    turn: attempt,
    signal,
  }
  try {
    switch (sink.kind) {
      case 'syslog':
        await egress.sendFrames(
          sending,
          entries.map((entry) => syslogFrame(entry, origin)),
        )
        return { kind: 'taken' }
      case 'webhook': {
        const keys = signingNow(secrets.signing, now).map(({ key }) => Buffer.from(key, 'base64'))
        const { body, headers } = webhookMessage(entries, { origin, secrets: keys, now })
        return judgeWebhook(await egress.post(sending, body, { ...secrets.headers, ...headers }), now)
      }
      case 'otlp': {
        const { body, headers } = otlpMessage(entries, { origin, now })
        return judgeOtlp(await egress.post(sending, body, { ...secrets.headers, ...headers }), now)
      }
    }
  } catch (error) {
    if (error instanceof EgressFault) return failed(error.message)
    throw error
  }
}

function failed(reason: string): Outcome {
  return { kind: 'failed', reason, retryAfterMs: 0 }
}

/** What a receiver made of a batch, and how its answer is read. */

import { retryAfterMs } from './back-off.ts'
import { REASON_CHARACTERS_MAX } from './limits.ts'

export type Outcome =
  /** All of it. */
  | { readonly kind: 'taken' }
  /** Nothing that will not be otherwise later: tried again. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number }
  /** These entries, whenever they come. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Taken but for some of them, which ones is not said; not to be sent again (OTLP). */
  | { readonly kind: 'partly'; readonly refused: number; readonly reason: string }

export interface HttpAnswer {
  readonly status: number
  readonly retryAfter?: string
  readonly contentType?: string
  readonly body: Uint8Array
}

/** The request itself is what they mind. What else they may answer is a matter of addresses, credentials or health. */
const REFUSING = new Set([400, 413, 422])

/** Of a webhook: 2xx takes (Standard Webhooks). A redirection takes nothing, and is not followed. */
export function judgeWebhook({ status, retryAfter }: HttpAnswer, wallMs: number): Outcome {
  if (status >= 200 && status < 300) return { kind: 'taken' }
  const reason = `HTTP ${status}`
  if (REFUSING.has(status)) return { kind: 'refused', reason }
  return { kind: 'failed', reason, retryAfterMs: retryAfterMs(retryAfter, wallMs) }
}

/**
 * Of OTLP/HTTP (OTLP 1.5 §"OTLP/HTTP Response"). It says that only 429, 502, 503 and 504 are to be tried again; what it
 * means by the others is that they will not help. An audit log is not dropped for a wrong token, so those are tried
 * again, too, more and more rarely, where everybody sees it.
 */
export function judgeOtlp(answer: HttpAnswer, wallMs: number): Outcome {
  const outcome = judgeWebhook(answer, wallMs)
  if (outcome.kind !== 'taken') return outcome
  const partial = partialSuccess(answer.body)
  return partial === undefined || partial.refused === 0 ? outcome : { kind: 'partly', ...partial }
}

/** ExportLogsServiceResponse. What does not read as one is a success without a word, as an empty answer is. */
function partialSuccess(body: Uint8Array): { readonly refused: number; readonly reason: string } | undefined {
  let document: unknown
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
  const partial = memberOf(document, 'partialSuccess')
  // An int64 is a string in protobuf's JSON; readers take a number, too.
  const count = memberOf(partial, 'rejectedLogRecords')
  const refused =
    typeof count === 'number' || (typeof count === 'string' && /^\d{1,15}$/.test(count)) ? Number(count) : 0
  const message = memberOf(partial, 'errorMessage')
  return {
    refused: Number.isSafeInteger(refused) && refused > 0 ? refused : 0,
    reason: typeof message === 'string' && message !== '' ? plainReason(message) : 'it gave no reason',
  }
}

/** A receiver's words, for a line of ours. */
export function plainReason(text: string): string {
  return text
    .slice(0, REASON_CHARACTERS_MAX)
    .toWellFormed()
    .replaceAll(/[^\x20-\x7e\u00a0-\u024f]/g, '?')
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}

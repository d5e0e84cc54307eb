/** What a device answers to a call, checked: it is passed on to the back end inside of JSON. */

import { METHOD_PAYLOAD_BYTES_MAX } from '@holdfast/iothub'
import type { MethodOutcome } from './method-call.ts'

const STATUS_MIN = -(2 ** 31)
const STATUS_MAX = 2 ** 31 - 1
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `payload` as received; empty stands for `null`. */
export function outcomeOf(answer: { readonly status: number; readonly payload: Uint8Array }): MethodOutcome {
  const { status, payload } = answer
  if (!Number.isInteger(status) || status < STATUS_MIN || status > STATUS_MAX) {
    return { kind: 'bad-answer', why: 'status' }
  }
  if (payload.length > METHOD_PAYLOAD_BYTES_MAX) return { kind: 'bad-answer', why: 'too-large' }
  if (payload.length === 0) return { kind: 'answered', status, payload: 'null' }
  const text = jsonText(payload)
  return text === undefined ? { kind: 'bad-answer', why: 'not-json' } : { kind: 'answered', status, payload: text }
}

/** The text itself goes on, not what it was parsed to: no number loses a digit. */
function jsonText(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes)
    JSON.parse(text)
    return text
  } catch {
    return undefined
  }
}

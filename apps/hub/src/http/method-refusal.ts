/** Why a call of a direct method has no answer, in words for whoever called. */

import type { MethodCall, MethodOutcome } from '@holdfast/methods'

export type MethodFailure = Exclude<MethodOutcome, { kind: 'answered' }>

const BAD_ANSWER: Readonly<Record<Extract<MethodFailure, { kind: 'bad-answer' }>['why'], string>> = {
  status: 'The device answered with a status that is no 32-bit number.',
  'too-large': 'The device answered with more than 128 KB.',
  'not-json': 'The device answered with what is not JSON.',
}

const BUSY: Readonly<Record<Extract<MethodFailure, { kind: 'busy' }>['of'], string>> = {
  identity: 'Too many calls of this device are under way.',
  actor: 'Too many calls of this policy are under way.',
  hub: 'Too many calls are under way.',
}

/** One sentence; no `;` in it, at which Node's SDK splits. */
export function methodFailureText(failure: MethodFailure): string {
  switch (failure.kind) {
    case 'not-online':
      return 'Timed out waiting for device to connect.'
    case 'closed':
      return 'Device connection was closed remotely.'
    case 'no-answer':
      return 'Timed out waiting for the response from device.'
    case 'bad-answer':
      return BAD_ANSWER[failure.why]
    case 'busy':
      return BUSY[failure.of]
    case 'deleted':
      return 'The device was deleted.'
    case 'left':
      return 'The caller has gone.'
    case 'ended':
      return 'The hub stops.'
  }
}

/** What was waited for, as Azure tells it: `hh:mm:ss`. */
export function waited(failure: MethodFailure, call: MethodCall): { readonly timeout: string } | undefined {
  if (failure.kind === 'not-online') return { timeout: clockText(call.connectTimeoutSeconds) }
  return failure.kind === 'no-answer' ? { timeout: clockText(call.responseTimeoutSeconds) } : undefined
}

function clockText(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

/** `{"status":…,"payload":…}`. The payload stands in it as the device wrote it: it is JSON, and keeps its digits. */
export function methodAnswerText(answer: { readonly status: number; readonly payload: string }): string {
  return `{"status":${answer.status},"payload":${answer.payload}}`
}

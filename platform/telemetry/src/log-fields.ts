/** What of a field goes into a log line. */

import { LOG_CAUSES_MAX, LOG_DEPTH_MAX, LOG_MEMBERS_MAX, LOG_TEXT_LENGTH_MAX } from './limits.ts'
import { CENSOR, isSecretField } from './redaction.ts'

/** Facts beside the message. An `error` is shown with name, code, message, stack and causes, and nothing else of it. */
export type LogFields = Readonly<Record<string, unknown>>

export interface ErrorFacts {
  readonly name: string
  readonly code?: string
  readonly message: string
  readonly stack?: string
  readonly cause?: ErrorFacts
}

/**
 * A copy fit for a line: texts cut to length, deep and wide objects cut off (so that a circle ends, too), secrets
 * censored by name, bytes shown as their number: the contents of a peer's bytes are never logged.
 */
export function boundFields(fields: object, depthLeft: number = LOG_DEPTH_MAX): Record<string, unknown> {
  const members = Object.entries(fields).slice(0, LOG_MEMBERS_MAX)
  // `fromEntries` defines its members: a field called `__proto__` stays a field.
  return Object.fromEntries(
    members.map(([name, value]) => [cut(name), isSecretField(name) ? CENSOR : boundValue(value, depthLeft)]),
  )
}

/** An error's other members are left out: they may hold what was being worked on. */
export function errorFacts(error: unknown, causesLeft: number = LOG_CAUSES_MAX): ErrorFacts {
  if (!(error instanceof Error))
    return { name: 'Error', message: cut(typeof error === 'string' ? error : typeof error) }
  return {
    name: cut(error.name),
    ...('code' in error && typeof error.code === 'string' ? { code: cut(error.code) } : {}),
    message: cut(error.message),
    ...(error.stack === undefined ? {} : { stack: cut(error.stack) }),
    ...(error.cause === undefined || causesLeft === 0 ? {} : { cause: errorFacts(error.cause, causesLeft - 1) }),
  }
}

function boundValue(value: unknown, depthLeft: number): unknown {
  if (typeof value === 'string') return cut(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return errorFacts(value)
  if (depthLeft <= 0) return '[object]'
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if ('toJSON' in value && typeof value.toJSON === 'function') return boundValue(value.toJSON(), depthLeft - 1)
  if (Array.isArray(value)) return value.slice(0, LOG_MEMBERS_MAX).map((member) => boundValue(member, depthLeft - 1))
  return boundFields(value, depthLeft - 1)
}

function cut(text: string): string {
  return text.length <= LOG_TEXT_LENGTH_MAX ? text : `${text.slice(0, LOG_TEXT_LENGTH_MAX)}…`
}

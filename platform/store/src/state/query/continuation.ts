/**
 * Continuation tokens: where the next page of a query begins. Opaque to clients, good for the query they came from.
 * They hold no secret and grant nothing (the query is looked at anew, with the rights of whoever brings it), so they are
 * checked for form and query and not signed.
 */

import { createHash } from 'node:crypto'
import type { Query } from '@holdfast/iothub'
import { CONTINUATION_CHARACTERS_MAX } from './limits.ts'
import type { Cursor } from './range-sql.ts'

export type Continuation =
  /** Rows: the place of the way that is walked, of the range in it, the last row looked at, and how many TOP allows yet. */
  | {
      readonly kind: 'rows'
      readonly access: number
      readonly range: number
      readonly after?: Cursor
      readonly left?: number | undefined
    }
  /** Groups: how many were given. */
  | { readonly kind: 'groups'; readonly given: number }

const VERSION = 1
const ID_CHARACTERS_MAX = 128
const VALUE_CHARACTERS_MAX = 256

/** @param text of the query: a token of another one is told apart. */
export function formatContinuation(text: string, continuation: Continuation): string {
  const fields =
    continuation.kind === 'groups'
      ? ['g', continuation.given]
      : ['r', continuation.access, continuation.range, continuation.left ?? null, ...cursorFields(continuation.after)]
  return Buffer.from(JSON.stringify([VERSION, digest(text), ...fields]), 'utf8').toString('base64url')
}

/** Undefined for a token that was not made for this query. Whether its places exist is for the caller to see. */
export function parseContinuation(text: string, query: Query, token: string): Continuation | undefined {
  if (token.length > CONTINUATION_CHARACTERS_MAX) return undefined
  const continuation = read(text, token)
  if (continuation === undefined || formatContinuation(text, continuation) !== token) return undefined
  if ((continuation.kind === 'groups') !== (query.selection.kind === 'groups')) return undefined
  if (continuation.kind === 'groups') return continuation
  return (continuation.left === undefined) === (query.top === undefined) ? continuation : undefined
}

function read(text: string, token: string): Continuation | undefined {
  let fields: unknown
  try {
    fields = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
  if (!Array.isArray(fields)) return undefined
  const [version, hash, kind, ...rest]: readonly unknown[] = fields
  if (version !== VERSION || hash !== digest(text)) return undefined
  if (kind === 'g') {
    const [given] = rest
    return isPlace(given) ? { kind: 'groups', given } : undefined
  }
  const [access, range, left, ...keys] = rest
  const after = readCursor(keys)
  if (kind !== 'r' || !isPlace(access) || !isPlace(range) || after === 'bad') return undefined
  if (left !== null && !isPlace(left)) return undefined
  return {
    kind: 'rows',
    access,
    range,
    ...(left === null ? {} : { left }),
    ...(after === undefined ? {} : { after }),
  }
}

function cursorFields(after: Cursor | undefined): readonly (string | number)[] {
  if (after === undefined) return []
  const { deviceId, moduleId, value } = after
  return value === undefined ? [deviceId, moduleId] : [deviceId, moduleId, value]
}

function readCursor(keys: readonly unknown[]): Cursor | undefined | 'bad' {
  const [deviceId, moduleId, value] = keys
  if (keys.length === 0) return undefined
  if (keys.length > 3 || !isText(deviceId, ID_CHARACTERS_MAX) || !isText(moduleId, ID_CHARACTERS_MAX)) return 'bad'
  if (keys.length === 2) return { deviceId, moduleId }
  return typeof value === 'number' || isText(value, VALUE_CHARACTERS_MAX) ? { deviceId, moduleId, value } : 'bad'
}

function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length <= charactersMax && value.isWellFormed()
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('base64url').slice(0, 16)
}

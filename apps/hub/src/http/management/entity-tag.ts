/** Versions of what the API shows: strong entity tags, and the questions that requests ask about them (RFC 9110 §13). */

import type { Operation } from '@holdfast/api'
import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { badRequest } from '../../core/problem.ts'

/** Tags of one `If-None-Match` that are looked at. */
const TAGS_MAX = 32

/** A value and its version. */
export class Versioned<T> {
  readonly value: T
  readonly etag: string

  constructor(value: T, etag: string) {
    this.value = value
    this.etag = etag
  }
}

export function versioned<T>(etag: string, value: T): Versioned<T> {
  return new Versioned(value, etag)
}

/**
 * The version that `If-Match` asks for (§13.1.1): one strong tag, or `*` for any. Azure's clients leave
 * quotes away, and put them around `*`: both are taken.
 * @throws Problem 400 where what is asked for cannot be seen to: a list, a weak tag, or what has no versions.
 */
export function ifMatch(
  context: Context<HttpEnvironment>,
  operation: Pick<Operation, 'method' | 'isVersioned'>,
): string | undefined {
  const header = context.req.header('if-match')?.trim()
  if (header === undefined || operation.method === 'GET') return undefined
  if (operation.isVersioned !== true) throw badRequest([{ path: '', message: 'has no versions: leave If-Match away' }])
  if (header === '*' || header === '"*"') return undefined
  const tag =
    /^"([\x21\x23-\x7e]{0,256})"$/.exec(header)?.[1] ?? /^([\x21\x23-\x2b\x2d-\x7e]{1,256})$/.exec(header)?.[1]
  if (tag === undefined || header.startsWith('W/')) {
    throw badRequest([{ path: '', message: 'has one strong entity tag in If-Match, as the answer before bore it' }])
  }
  return tag
}

/** Whether `If-None-Match` (§13.1.2) names the version that is there, so that it need not be sent again. */
export function isKnown({ req }: Context<HttpEnvironment>, etag: string): boolean {
  const header = req.header('if-none-match')
  if (header === undefined || req.method !== 'GET') return false
  if (header.trim() === '*') return true
  return header.split(',', TAGS_MAX).some((tag) => tag.trim().replace(/^W\//, '') === `"${etag}"`)
}

/**
 * The typed client of `/api/v1`, made from the operations: `client.device.show({ path: { id } })`. What is asked for and what
 * is answered is known to the compiler; how requests travel is the transport's, and what is refused is told by it.
 */

import type { Static, TObject, TSchema } from 'typebox'
import type { AnswerOf, Operation, PathOf, QueryOf } from './operation.ts'

/** Items that one page is asked for. */
const PAGE_ITEMS = 100

/** What may go with any call. */
export interface CallOptions {
  /** The change is only made if what is changed still has this entity tag. */
  readonly ifMatch?: string | undefined
  /** The same key again, within a day, gives the same answer, and nothing is done twice. */
  readonly idempotencyKey?: string
  /** What the call may take longer than others, because the hub itself waits for something, in milliseconds. */
  readonly waitMs?: number
}

/** One request, ready to be sent. `F` is what the transport knows as a file. */
export interface ClientCall<F> {
  readonly operation: Operation
  /** Path and query, encoded. */
  readonly target: string
  /** To be sent as JSON; undefined: there is none. */
  readonly body: unknown
  readonly file: F | undefined
  /** In lower case, beside those that the transport sets. */
  readonly headers: Readonly<Record<string, string>>
  readonly waitMs: number
}

/** A good answer. */
export interface Answered {
  /** Undefined where it was empty. */
  readonly value: unknown
  /** Without quotes, where there was one. */
  readonly etag: string | undefined
}

/**
 * Port: requests to a hub. Every method MUST reject where the hub refuses or cannot be reached. Values are the hub's word:
 * they are not checked again.
 */
export interface Transport<F, B> {
  json(call: ClientCall<F>): Promise<Answered>
  /** Objects one a line; MUST break off, and not end, where the answer did. */
  lines(call: ClientCall<F>): AsyncGenerator<object>
  /** The answer as it is. */
  bytes(call: ClientCall<F>): Promise<B>
}

/** A name that no encoding keeps from meaning another address. */
export class NameError extends Error {
  override readonly name = 'NameError'
}

/** What may be left away may be undefined, too. */
type Loose<T> = {
  readonly [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K]
}

type Members<O extends Operation, F> = (keyof PathOf<O> extends never ? unknown : { readonly path: PathOf<O> }) &
  (O extends { readonly query: TObject }
    ? Record<never, never> extends QueryOf<O>
      ? { readonly query?: Loose<QueryOf<O>> | undefined }
      : { readonly query: Loose<QueryOf<O>> }
    : unknown) &
  (O extends { readonly body: infer B extends TSchema } ? { readonly body: Static<B> } : unknown) &
  (O extends { readonly headers: infer H extends TObject } ? { readonly headers: Static<H> } : unknown) &
  (O extends { readonly upload: string } ? { readonly file: F } : unknown)

/** What an operation is called with. */
export type InputOf<O extends Operation, F = unknown> = Members<O, F> & CallOptions

type Arguments<O extends Operation, F> =
  Record<never, never> extends Members<O, F> ? [input?: InputOf<O, F>] : [input: InputOf<O, F>]

/** An operation as it is called. */
export type Caller<O extends Operation, F, B> = O['answer'] extends { readonly kind: 'bytes' }
  ? (...input: Arguments<O, F>) => Promise<B>
  : O['answer'] extends { readonly kind: 'lines' }
    ? LinesCaller<O, F, B>
    : O['answer'] extends { readonly kind: 'none' }
      ? (...input: Arguments<O, F>) => Promise<void>
      : JsonCaller<O, F>

export interface LinesCaller<O extends Operation, F, B> {
  (...input: Arguments<O, F>): AsyncGenerator<AnswerOf<O>>
  /** The answer as it is. */
  bytes(...input: Arguments<O, F>): Promise<B>
}

export type JsonCaller<O extends Operation, F> = ((...input: Arguments<O, F>) => Promise<AnswerOf<O>>) &
  (O extends { readonly isVersioned: true }
    ? {
        versioned(
          ...input: Arguments<O, F>
        ): Promise<{ readonly value: AnswerOf<O>; readonly etag: string | undefined }>
      }
    : unknown) &
  (AnswerOf<O> extends { readonly items: (infer T)[]; readonly next?: string }
    ? {
        /** Pages of the list, until the hub has no more or `limit` items were given. */
        pages(...input: [...Arguments<O, F>, limit?: number]): AsyncGenerator<readonly T[]>
      }
    : unknown)

export type Themes = Readonly<Record<string, Readonly<Record<string, Operation>>>>

export type Client<T extends Themes, F, B> = {
  readonly [K in keyof T]: { readonly [N in keyof T[K]]: Caller<T[K][N], F, B> }
}

/** @param operations by theme and name, as `OPERATIONS` has them. */
export function createClient<const T extends Themes, F, B>(operations: T, transport: Transport<F, B>): Client<T, F, B> {
  const themes = Object.entries(operations).map(([theme, named]) => [
    theme,
    Object.fromEntries(Object.entries(named).map(([name, operation]) => [name, callerOf(operation, transport)])),
  ])
  // What the entries were made from has the types that the compiler derives.
  return Object.fromEntries(themes) as Client<T, F, B>
}

interface AnyInput extends CallOptions {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly file?: unknown
}

function callerOf<F, B>(operation: Operation, transport: Transport<F, B>): unknown {
  const callOf = (input: AnyInput = {}): ClientCall<F> => clientCall<F>(operation, input)
  const json = async (input?: AnyInput): Promise<unknown> => (await transport.json(callOf(input))).value
  switch (operation.answer.kind) {
    case 'bytes':
      return async (input?: AnyInput) => transport.bytes(callOf(input))
    case 'lines':
    case 'events':
      return Object.assign((input?: AnyInput) => transport.lines(callOf(input)), {
        bytes: async (input?: AnyInput) => transport.bytes(callOf(input)),
      })
    case 'none':
      return async (input?: AnyInput): Promise<void> => void (await json(input))
    case 'json':
      return Object.assign(json, {
        versioned: async (input?: AnyInput) => transport.json(callOf(input)),
        pages: (input?: AnyInput, limit?: number) => pagesOf(operation, json, input, limit),
      })
  }
}

async function* pagesOf(
  operation: Operation,
  ask: (input: AnyInput) => Promise<unknown>,
  input: AnyInput = {},
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly unknown[]> {
  const isPaged = operation.query?.properties['after'] !== undefined
  let left = limit
  let after: string | undefined
  do {
    const place = isPaged ? { limit: Math.min(left, PAGE_ITEMS), after } : {}
    const page = pageOf(await ask({ ...input, query: { ...input.query, ...place } }))
    const items = page.items.slice(0, left)
    left -= items.length
    yield items
    // A hub that answers with the same place for ever must not hold us for ever.
    if (page.next === after) return
    after = page.next
  } while (isPaged && after !== undefined && left > 0)
}

function pageOf(value: unknown): { readonly items: readonly unknown[]; readonly next: string | undefined } {
  const { items, next } = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  return { items: Array.isArray(items) ? items : [], next: typeof next === 'string' ? next : undefined }
}

/** @throws NameError for a parameter of the path that is empty, `.` or `..`. */
function clientCall<F>(operation: Operation, input: AnyInput): ClientCall<F> {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
    segment(String(input.path?.[name] ?? '')),
  )
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(name, String(value))
  }
  return {
    operation,
    target: query.size === 0 ? path : `${path}?${query.toString()}`,
    body: operation.body === undefined ? undefined : input.body,
    // What the caller was asked for, since the operation takes a file.
    file: input.file as F | undefined,
    headers: {
      ...input.headers,
      ...(input.ifMatch !== undefined && { 'if-match': `"${input.ifMatch}"` }),
      ...(input.idempotencyKey !== undefined && { 'idempotency-key': input.idempotencyKey }),
    },
    waitMs: input.waitMs ?? 0,
  }
}

function segment(value: string): string {
  if (value === '' || value === '.' || value === '..') throw new NameError(`'${value}' is no name of anything`)
  return encodeURIComponent(value)
}

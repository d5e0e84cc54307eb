/**
 * Calls between threads: one side `serve`s an object, the other holds a proxy of it whose methods answer promises.
 * Calls of one turn of the event loop travel in one post. Arguments and results are cloned (structured clone).
 */

import type { MessagePort, Worker } from 'node:worker_threads'
import { Outbox } from './outbox.ts'

type Endpoint = MessagePort | Worker

/** The other thread's object, as seen from here. */
export type Remote<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never
}

interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
  /** Absent where the caller has none. */
  readonly context?: string
}

/** What travels beside calls: who asks, how they came in. Set by the caller, found again while the call is served. */
export interface ServeOptions {
  /** Runs a call that came with a context, e.g. in an `AsyncLocalStorage`. */
  readonly within?: <T>(context: string, call: () => T) => T
}

export interface ConnectOptions {
  /** What a call that is made now takes along. */
  readonly context?: () => string | undefined
}

type Answer =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number
      readonly failure: { readonly name: string; readonly message: string; readonly code?: string }
    }

/** What the other thread threw. `code` is that error's `code`, so that callers can tell cases apart. */
export class RemoteError extends Error {
  readonly code: string | undefined

  constructor(failure: { readonly name: string; readonly message: string; readonly code?: string }) {
    super(failure.message)
    this.name = failure.name
    this.code = failure.code
  }
}

/** Answers the other side's calls with `implementation`'s methods until the port closes. */
export function serve(port: Endpoint, implementation: object, { within }: ServeOptions = {}): void {
  const answers = new Outbox<Answer>(port)
  const answer = async (call: Call): Promise<void> => {
    try {
      const method: unknown = Reflect.get(implementation, call.method)
      if (typeof method !== 'function') throw new TypeError(`no method ${call.method} is served here`)
      const work = (): unknown => Reflect.apply(method, implementation, call.args)
      const value = call.context === undefined || within === undefined ? work() : within(call.context, work)
      answers.put({ id: call.id, value: await value })
    } catch (error) {
      answers.put({ id: call.id, failure: describe(error) })
    }
  }
  port.on('message', (calls: readonly Call[]) => {
    for (const call of calls) void answer(call)
  })
}

/** A proxy of what the other side `serve`s. Calls under way are rejected when the port closes. */
export function connect<T extends object>(port: Endpoint, options: ConnectOptions = {}): Remote<T> {
  const calls = new Outbox<Call>(port)
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let nextId = 0
  let closed = false
  port.on('message', (answers: readonly Answer[]) => {
    for (const answer of answers) {
      const waiter = pending.get(answer.id)
      pending.delete(answer.id)
      if (waiter === undefined) continue
      if ('failure' in answer) waiter.reject(new RemoteError(answer.failure))
      else waiter.resolve(answer.value)
    }
  })
  const end = (): void => {
    closed = true
    for (const waiter of pending.values()) waiter.reject(new Error('the other thread has ended'))
    pending.clear()
  }
  port.on('close', end)
  port.on('exit', end)
  const call = (method: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed) {
        reject(new Error('the other thread has ended'))
        return
      }
      const id = nextId++
      pending.set(id, { resolve, reject })
      const context = options.context?.()
      calls.put({ id, method, args, ...(context === undefined ? {} : { context }) })
    })
  const methods = new Map<string, (...args: unknown[]) => Promise<unknown>>()
  return new Proxy(Object.create(null) as Remote<T>, {
    get(_target, name): unknown {
      // `then` must be absent, or awaiting the proxy would call it.
      if (typeof name !== 'string' || name === 'then') return undefined
      let method = methods.get(name)
      if (method === undefined) {
        method = (...args) => call(name, args)
        methods.set(name, method)
      }
      return method
    },
  })
}

function describe(error: unknown): { name: string; message: string; code?: string } {
  if (!(error instanceof Error)) return { name: 'Error', message: 'something that is no Error was thrown' }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  return { name: error.name, message: error.message, ...code }
}

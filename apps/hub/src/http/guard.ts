/** What every HTTP route of the hub stands behind: bounds, the form of refusals, and the headers of every answer. */

import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { HttpEnvironment } from './environment.ts'
import { Problem, problemResponse } from '../core/problem.ts'
import { type RefusalListener, tellRefusal } from './told-refusals.ts'

/** Characters of path and query. A device and a module id, percent-encoded, and a query stay under 2 KiB. */
const TARGET_CHARACTERS_MAX = 4_096

/** Largest request body in bytes; the fronts hold every request to the same. */
export const BODY_BYTES_MAX = 1_048_576

/**
 * On every answer. Nothing here is a page, so that nothing may be run, framed, guessed at or kept by whoever sees it.
 * The browser is told to come by TLS only, although no other listener exists: it may meet somebody else's.
 */
const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
}

/** Handlers of the guard itself, which every address has; one with more is served. */
const GUARDS = 2

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

export interface GuardOptions extends RefusalListener {
  /** Told of errors that are nobody's fault but ours. MUST NOT throw. */
  readonly failed: (error: unknown, request: { readonly method: string; readonly path: string }) => void
  /** The answer to an error that this application knows. Problems are answered without it. */
  readonly explain?: (error: unknown) => Problem | undefined
  /** Largest request body, where another bound holds than for all others. */
  readonly bodyBytesMax?: number
  /** Writes a refusal, where the protocol has a form of its own; problem+json unless told. */
  readonly refuse?: (problem: Problem, context: Context<HttpEnvironment>) => Response
}

/**
 * Puts `app` behind the guard: to be called before its routes are added. Every error then ends as a refusal, an address
 * that it does not serve too. The guard covers all that reaches `app`: mount it nowhere, hand it its requests by `fetch`.
 */
export function guard(app: Hono<HttpEnvironment>, options: GuardOptions): void {
  const refuse = (error: unknown, context: Context<HttpEnvironment>): Response => {
    const problem = error instanceof Problem ? error : (options.explain?.(error) ?? internal())
    if (problem.facts.status === 500) options.failed(error, { method: context.req.method, path: context.req.path })
    tellRefusal(problem.facts.code, context, options)
    const response = options.refuse?.(problem, context) ?? problemResponse(problem.facts)
    return withHeaders(response)
  }
  app.use('*', async (context, next) => {
    await next()
    // Before anything is answered, a refusal too. What nobody could write down did not happen, as far as we say.
    try {
      await options.events.durable?.()
    } catch (error) {
      context.res = refuse(unrecorded(error), context)
    }
  })
  app.use('*', bounds(app, options.bodyBytesMax ?? BODY_BYTES_MAX))
  app.onError((error, context) => refuse(error, context))
  app.notFound((context) => refuse(unserved(app, context), context))
}

/** What is refused to a request without a route: its method, where another has one, or its address. */
function unserved(app: Hono<HttpEnvironment>, { req }: Context<HttpEnvironment>): Problem {
  const served = servedAt(app, req.path)
  return served.length === 0 || served.includes(req.method) ? notFound() : methodNotAllowed(served)
}

function servedAt(app: Hono<HttpEnvironment>, path: string): readonly string[] {
  return [...METHODS].filter((method) => app.router.match(method, path)[0].length > GUARDS)
}

const bounds =
  (app: Hono<HttpEnvironment>, bodyBytesMax: number): MiddlewareHandler<HttpEnvironment> =>
  async (context, next) => {
    const { method, url } = context.req.raw
    // HEAD would begin a stream that nobody reads, and OPTIONS has nothing to say: pages of others are allowed nothing.
    if (!METHODS.has(method)) {
      const served = servedAt(app, context.req.path)
      throw methodNotAllowed(served.length === 0 ? [...METHODS] : served)
    }
    if (url.length > TARGET_CHARACTERS_MAX) {
      throw new Problem({
        status: 414,
        code: 'target-too-long',
        title: 'the address of the request is too long',
        detail: `keep it under ${TARGET_CHARACTERS_MAX} characters`,
      })
    }
    const length = context.req.header('content-length')
    if (length !== undefined && !(Number(length) <= bodyBytesMax)) throw bodyTooLarge(bodyBytesMax)
    await next()
    withHeaders(context.res)
  }

/** For applications that stand behind no guard, because what they take is too long for it. */
export function withAnswerHeaders(response: Response): Response {
  return withHeaders(response)
}

function withHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(ANSWER_HEADERS)) response.headers.set(name, value)
  return response
}

export function bodyTooLarge(bytesMax: number = BODY_BYTES_MAX): Problem {
  return new Problem({
    status: 413,
    code: 'body-too-large',
    title: 'the body of the request is too large',
    detail: `send at most ${bytesMax} bytes`,
  })
}

/** RFC 9110 §15.5.6. */
function methodNotAllowed(served: readonly string[]): Problem {
  const allow = served.join(', ')
  return new Problem({
    status: 405,
    code: 'method-not-allowed',
    title: 'this method is not served',
    detail: `use one of ${allow}`,
    headers: { allow },
  })
}

function notFound(): Problem {
  return new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'nothing is served at this address',
    detail: 'check the address',
  })
}

/** Of an act whose events cannot be kept just now. */
export function unrecorded(cause: unknown): Problem {
  return new Problem(
    {
      status: 503,
      code: 'log-unavailable',
      title: 'what was asked cannot be written down in the audit log, so it is not answered',
      detail: 'see that the disk of the hub has room and is well, then try again; what was done already stays done',
      headers: { 'retry-after': '10' },
    },
    { cause },
  )
}

/** Says nothing of what went wrong: that is in the log. */
function internal(): Problem {
  return new Problem({
    status: 500,
    code: 'internal',
    title: 'the hub failed to answer',
    detail: "this is a fault of the hub; its log says more, under the request's time",
  })
}

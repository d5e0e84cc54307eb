import type { HttpAnswer, HttpHandler, HttpRequest } from './http-exchange.ts'

export interface WebBindings extends Pick<HttpRequest, 'peer'> {
  /** As received, with the case of their names. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** As `HttpHandler` is given it. */
  readonly signal?: AbortSignal
}

/** Anything that answers web-standard requests, as Hono does. */
export interface WebApplication {
  fetch(request: Request, bindings: WebBindings): Response | Promise<Response>
}

/** Serves plain requests with a web-standard application. `origin` makes the absolute URL that `Request` wants. */
export function webHandler(application: WebApplication, origin: string): HttpHandler {
  return async (plain, signal): Promise<HttpAnswer> => {
    const url = urlOf(plain.target, origin)
    // Both are the peer's doing and no fault of ours: nothing for the log.
    if (url === undefined) return refusal(400, 'The address of the request cannot be read.')
    if (UNSPOKEN.has(plain.method)) return refusal(501, 'This method is not spoken here.')
    const bodyless = plain.method === 'GET' || plain.method === 'HEAD'
    const headers = pairsOf(plain.headers)
    const request = new Request(url, {
      method: plain.method,
      headers,
      ...(bodyless ? {} : { body: plain.body, duplex: 'half' as const }),
    })
    const response = await application.fetch(request, { peer: plain.peer, headers, ...(signal && { signal }) })
    const { status } = response
    const answered = [...response.headers].flat()
    if (response.body === null) return { status, headers: answered, body: undefined }
    // Only what is said to be a stream is passed on as one: most answers are small and cross as bytes.
    if (STREAMS.test(response.headers.get('content-type') ?? '')) {
      return { status, headers: answered, body: response.body }
    }
    return { status, headers: answered, body: new Uint8Array(await response.arrayBuffer()) }
  }
}

const STREAMS = /^application\/(?:x-ndjson|octet-stream)\b/

function pairsOf(headers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < headers.length; at += 2) pairs.push([headers[at] ?? '', headers[at + 1] ?? ''])
  return pairs
}

/** `Request` does not take these (Fetch standard, forbidden methods). */
const UNSPOKEN: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])

/** RFC 9112 §3.2: a path, or a whole address, whose host is not looked at: this hub has one name, whatever it is called. */
function urlOf(target: string, origin: string): URL | undefined {
  if (target.startsWith('/')) return URL.parse(`${origin}${target}`) ?? undefined
  return /^https?:\/\//i.test(target) ? (URL.parse(target) ?? undefined) : undefined
}

function refusal(status: number, detail: string): HttpAnswer {
  const body = new TextEncoder().encode(JSON.stringify({ type: 'about:blank', title: 'Refused', status, detail }))
  return { status, headers: ['content-type', 'application/problem+json'], body }
}

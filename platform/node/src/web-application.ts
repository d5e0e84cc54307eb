import type { HttpAnswer, HttpHandler, HttpRequest } from './http-exchange.ts'

/** Anything that answers web-standard requests, as Hono does. */
export interface WebApplication {
  fetch(request: Request, bindings: Pick<HttpRequest, 'peer' | 'headers'>): Response | Promise<Response>
}

/** Serves plain requests with a web-standard application. `origin` makes the absolute URL that `Request` wants. */
export function webHandler(application: WebApplication, origin: string): HttpHandler {
  return async (plain): Promise<HttpAnswer> => {
    const url = urlOf(plain.target, origin)
    // Both are the peer's doing and no fault of ours: nothing for the log.
    if (url === undefined) return refusal(400, 'The address of the request cannot be read.')
    if (UNSPOKEN.has(plain.method)) return refusal(501, 'This method is not spoken here.')
    const bodyless = plain.method === 'GET' || plain.method === 'HEAD'
    const request = new Request(url, {
      method: plain.method,
      headers: plain.headers.map(([name, value]): [string, string] => [name, value]),
      ...(bodyless ? {} : { body: plain.body, duplex: 'half' as const }),
    })
    const response = await application.fetch(request, { peer: plain.peer, headers: plain.headers })
    const headers = [...response.headers]
    if (response.body === null) return { status: response.status, headers, body: undefined }
    // Only what is said to be a stream is passed on as one: most answers are small and cross as bytes.
    if (STREAMS.test(response.headers.get('content-type') ?? '')) {
      return { status: response.status, headers, body: response.body }
    }
    return { status: response.status, headers, body: new Uint8Array(await response.arrayBuffer()) }
  }
}

const STREAMS = /^application\/(?:x-ndjson|octet-stream)\b/

/** `Request` does not take these (Fetch standard, forbidden methods). */
const UNSPOKEN: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])

/** RFC 9112 §3.2: a path, or a whole address, whose host is not looked at: this hub has one name, whatever it is called. */
function urlOf(target: string, origin: string): URL | undefined {
  if (target.startsWith('/')) return URL.parse(`${origin}${target}`) ?? undefined
  return /^https?:\/\//i.test(target) ? (URL.parse(target) ?? undefined) : undefined
}

function refusal(status: number, detail: string): HttpAnswer {
  const body = new TextEncoder().encode(JSON.stringify({ type: 'about:blank', title: 'Refused', status, detail }))
  return { status, headers: [['content-type', 'application/problem+json']], body }
}

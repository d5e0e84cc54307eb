import type { HttpAnswer, HttpHandler, HttpRequest } from './http-exchange.ts'

/** Anything that answers web-standard requests, as Hono does. */
export interface WebApplication {
  fetch(request: Request, bindings: { readonly peer: HttpRequest['peer'] }): Response | Promise<Response>
}

/** Serves plain requests with a web-standard application. `origin` makes the absolute URL that `Request` wants. */
export function webHandler(application: WebApplication, origin: string): HttpHandler {
  return async (plain): Promise<HttpAnswer> => {
    const bodyless = plain.method === 'GET' || plain.method === 'HEAD'
    const request = new Request(new URL(plain.target, origin), {
      method: plain.method,
      headers: plain.headers.map(([name, value]): [string, string] => [name, value]),
      ...(bodyless ? {} : { body: plain.body }),
    })
    const response = await application.fetch(request, { peer: plain.peer })
    const headers = [...response.headers]
    if (response.body === null) return { status: response.status, headers, body: undefined }
    // Only what is said to be a stream is passed on as one: most answers are small and cross as bytes.
    if (response.headers.get('content-type')?.startsWith('application/x-ndjson')) {
      return { status: response.status, headers, body: response.body }
    }
    return { status: response.status, headers, body: new Uint8Array(await response.arrayBuffer()) }
  }
}

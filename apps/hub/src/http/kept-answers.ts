/** Answers that others may keep: the guard tells everybody to keep nothing, which suits secrets; these are public. */

import type { WebApplication } from '@holdfast/node'

/** Carries what a route says of caching past the guard; never leaves the hub. */
const KEEP = 'x-keep'

/** @param keep a `Cache-Control` (RFC 9111 §5.2). Takes effect in an application that is `withKeeping`. */
export function keepable(response: Response, keep: string): Response {
  response.headers.set(KEEP, keep)
  return response
}

/** To stand around an application behind the guard. */
export function withKeeping(app: Pick<WebApplication, 'fetch'>): WebApplication {
  return {
    async fetch(request, bindings) {
      const response = await app.fetch(request, bindings)
      const keep = response.headers.get(KEEP)
      if (keep === null) return response
      response.headers.delete(KEEP)
      response.headers.set('cache-control', keep)
      return response
    },
  }
}

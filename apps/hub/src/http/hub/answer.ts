/** Answers of the hub's REST interface in the form that its clients read (azure-iot.md §8, §9). */

import { formatMethodError, formatRestError, type RestError } from '@holdfast/iothub'
import type { HubError } from './errors.ts'
import type { HubServices } from './services.ts'

export type Headers = Readonly<Record<string, string>>

/** Node's SDK reads a body as JSON only when the header says so. */
export function json(body: unknown, status: 200 | 201 | 202 | 400 = 200, headers: Headers = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/json; charset=utf-8' },
  })
}

export function empty(): Response {
  return new Response(null, { status: 204 })
}

/** The header beside a document; the document has the same ETag without the quotes. */
export function etagHeader(etag: string): Headers {
  return { etag: `"${etag}"` }
}

export function refusal(error: HubError, services: Pick<HubServices, 'clock' | 'random'>): Response {
  const facts: RestError = {
    code: error.code,
    // Node's SDK takes the text up to the first semicolon.
    message: error.message.replaceAll(';', ','),
    trackingId: trackingId(services),
    at: services.clock.wall(),
  }
  const { status, headers, body } =
    error.methodInfo === undefined ? formatRestError(facts) : formatMethodError(facts, error.methodInfo)
  return new Response(body, { status, headers: { ...error.headers, ...headers } })
}

/** For finding the answer in a client's log; nothing is looked up by it. */
export function trackingId(services: Pick<HubServices, 'random'>): string {
  const hex = Buffer.from(services.random(16)).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/**
 * Answers that go on with what comes: objects one a line, or server-sent events (WHATWG HTML §9.2) where the request asks
 * for them by `Accept: text/event-stream`. Browsers then come back by themselves, with the id of the last event they had.
 */

import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { badRequest } from '../../core/problem.ts'
import { ndjson, streamed } from './ndjson.ts'
import type { Lease } from './open-streams.ts'

/** One of what comes. */
export interface Live {
  /** Where to go on after it; absent: it cannot be gone on from. */
  readonly id?: number | undefined
  readonly data: object
}

/** How long a client that lost the stream waits before it comes back, in milliseconds. */
const RETRY_MS = 2_000
/** A comment so often, in milliseconds, keeps what stands between from ending a silent connection. */
const QUIET_MS = 15_000

export function live(
  context: Context<HttpEnvironment>,
  pages: AsyncGenerator<readonly Live[]>,
  lease: Lease,
): Response {
  if (!wantsEvents(context)) return ndjson(dataOf(pages), lease)
  return streamed(eventsOf(pages), lease, 'text/event-stream')
}

/**
 * The id of the last event that the client had; undefined: it had none.
 * @throws Problem 400 for what this hub never gave as an id.
 */
export function lastEventId({ req }: Context<HttpEnvironment>): number | undefined {
  const header = req.header('last-event-id')
  if (header === undefined || header === '') return undefined
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(header)) return Number(header)
  throw badRequest([{ path: '', message: 'has a Last-Event-ID that is none of this hub: leave it away' }])
}

function wantsEvents({ req }: Context<HttpEnvironment>): boolean {
  const accept = req.header('accept') ?? ''
  return accept.split(',', 16).some((one) => /^\s*text\/event-stream\s*(?:;|$)/i.test(one))
}

async function* dataOf(pages: AsyncGenerator<readonly Live[]>): AsyncGenerator<readonly object[]> {
  for await (const page of pages) yield page.map(({ data }) => data)
}

async function* eventsOf(pages: AsyncGenerator<readonly Live[]>): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`
  try {
    let next = pages.next()
    for (;;) {
      const step = await orQuiet(next)
      if (step === 'quiet') {
        yield ':\n\n'
        continue
      }
      if (step.done === true) return
      if (step.value.length > 0) yield step.value.map(eventText).join('')
      next = pages.next()
    }
  } finally {
    await pages.return(undefined)
  }
}

/** JSON has no line breaks of its own, so that one line holds it. */
function eventText({ id, data }: Live): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}

async function orQuiet<T>(next: Promise<T>): Promise<T | 'quiet'> {
  let timer: NodeJS.Timeout | undefined
  const quiet = new Promise<'quiet'>((resolve) => {
    timer = setTimeout(() => resolve('quiet'), QUIET_MS).unref()
  })
  try {
    return await Promise.race([next, quiet])
  } finally {
    clearTimeout(timer)
  }
}

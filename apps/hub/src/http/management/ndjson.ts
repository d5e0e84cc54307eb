/** Objects one a line (application/x-ndjson), made no faster than they are read. */

import type { Lease } from './open-streams.ts'

const encoder = new TextEncoder()
/** Characters gathered before they are handed on. */
const CHUNK_CHARACTERS = 16_384

/**
 * A response whose body takes the next page of `pages` only when the one before has been read. It ends when they end,
 * when the lease does, or when the reader goes away; a failure of `pages` breaks it off.
 */
export function ndjson(pages: AsyncGenerator<readonly object[]>, lease: Lease): Response {
  return streamed(linesOf(pages), lease)
}

/** The same of lines that are written already, with their newlines. */
export function textLines(lines: AsyncGenerator<string>, lease: Lease): Response {
  return streamed(gathered(lines), lease)
}

async function* linesOf(pages: AsyncGenerator<readonly object[]>): AsyncGenerator<string> {
  for await (const page of pages) {
    if (page.length > 0) yield `${page.map((one) => JSON.stringify(one)).join('\n')}\n`
  }
}

async function* gathered(lines: AsyncGenerator<string>): AsyncGenerator<string> {
  let text = ''
  for await (const line of lines) {
    text += line
    if (text.length < CHUNK_CHARACTERS) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

/** The same of any text, of this type. */
export function streamed(texts: AsyncGenerator<string>, lease: Lease, contentType = 'application/x-ndjson'): Response {
  // What waits for something wakes up when the lease ends; only then can it be told to return.
  const finish = async (): Promise<void> => {
    lease.end()
    await texts.return(undefined)
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await texts.next()
          if (done !== true && !lease.signal.aborted) {
            controller.enqueue(encoder.encode(value))
            return
          }
          controller.close()
          await finish()
        } catch (error) {
          await finish()
          throw error
        }
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { 'content-type': contentType } })
}

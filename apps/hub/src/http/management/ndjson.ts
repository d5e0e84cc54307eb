/** Objects one a line (application/x-ndjson), made no faster than they are read. */

import type { Lease } from './open-streams.ts'

const encoder = new TextEncoder()

/**
 * A response whose body takes the next page of `pages` only when the one before has been read. It ends when they end,
 * when the lease does, or when the reader goes away; a failure of `pages` breaks it off.
 */
export function ndjson(pages: AsyncGenerator<readonly object[]>, lease: Lease): Response {
  // Pages that wait for something wake up when the lease ends; only then can they be told to return.
  const finish = async (): Promise<void> => {
    lease.end()
    await pages.return(undefined)
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const { done, value } = await pages.next()
            if (done === true || lease.signal.aborted) {
              controller.close()
              await finish()
              return
            }
            if (value.length === 0) continue
            controller.enqueue(encoder.encode(`${value.map((one) => JSON.stringify(one)).join('\n')}\n`))
            return
          }
        } catch (error) {
          await finish()
          throw error
        }
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } })
}

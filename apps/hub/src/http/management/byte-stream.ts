/** The body of an answer that is bytes. */

import type { Lease } from './open-streams.ts'

/** No faster than it is read; ends with the lease, and breaks off where `body` does. `body` is told when it is given up. */
export function byteStream(body: AsyncIterable<Uint8Array>, lease: Lease): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]()
  const finish = async (): Promise<void> => {
    lease.end()
    await chunks.return?.()
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next()
          if (done === true) {
            lease.end()
            controller.close()
          } else if (lease.signal.aborted) {
            await finish()
            controller.error(new Error('the credential that asked for it has ended'))
          } else controller.enqueue(value)
        } catch (error) {
          lease.end()
          throw error
        }
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  )
}

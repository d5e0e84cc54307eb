/** The body of a request as a stream, for the few addresses where it may be long: read no faster than it is taken. */

import type { IncomingMessage } from 'node:http'

/** What a client may still send of a body that nobody wants, in bytes: two of the largest blocks of its SDK. */
const DRAINED_BYTES_MAX = 8 * 1_048_576

export class StreamedBody {
  /** May be transferred to another thread. Fails when the client goes away in the middle. */
  readonly stream: ReadableStream<Uint8Array>
  readonly #request: IncomingMessage
  #wake: () => void = () => undefined
  #isOver = false

  constructor(request: IncomingMessage) {
    this.#request = request
    const wake = (): void => this.#wake()
    for (const event of ['readable', 'end', 'error', 'close'] as const) request.on(event, wake)
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => this.#pull(controller),
        cancel: () => this.end(),
      },
      { highWaterMark: 0 },
    )
  }

  /**
   * Nobody takes anything more. The rest is read and thrown away, within a bound, so that the client gets its answer
   * and not a connection that was reset.
   */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#wake()
    const request = this.#request
    request.removeAllListeners('readable')
    let drained = 0
    request.on('data', (chunk: Buffer) => {
      drained += chunk.length
      if (drained > DRAINED_BYTES_MAX) request.destroy()
    })
    request.resume()
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const request = this.#request
    while (!this.#isOver) {
      const chunk: unknown = request.read()
      if (chunk instanceof Uint8Array) {
        // A copy: what is posted to another thread takes all of the memory with it that the view is of.
        controller.enqueue(new Uint8Array(chunk))
        return
      }
      if (request.readableEnded) {
        this.#isOver = true
        controller.close()
        return
      }
      if (request.destroyed) throw new Error('the client has gone')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    controller.close()
  }
}

/** Which requests have bodies that are streams, and how many of them there may be at once. */
export class StreamCount {
  readonly isStreamed: (method: string, target: string) => boolean
  readonly #max: number
  #open = 0

  constructor(isStreamed: (method: string, target: string) => boolean, max: number) {
    this.isStreamed = isStreamed
    this.#max = max
  }

  /** One more begins; false when there are as many as may be. */
  open(): boolean {
    if (this.#open >= this.#max) return false
    this.#open += 1
    return true
  }

  close(): void {
    this.#open -= 1
  }
}

import type { MessagePort, Worker } from 'node:worker_threads'

/** Collects what is said to another thread in one turn of the event loop and posts it as one array. */
export class Outbox<T> {
  readonly #port: MessagePort | Worker
  #waiting: T[] = []

  constructor(port: MessagePort | Worker) {
    this.#port = port
  }

  put(message: T): void {
    this.#waiting.push(message)
    if (this.#waiting.length === 1) queueMicrotask(this.#post)
  }

  readonly #post = (): void => {
    const batch = this.#waiting
    this.#waiting = []
    this.#port.postMessage(batch, [])
  }
}

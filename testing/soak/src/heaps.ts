/**
 * The heaps of another Node process, thread by thread, after their garbage is collected: by the inspector's protocol
 * (Chrome DevTools Protocol 1.3, domains Runtime, HeapProfiler, and Node's own NodeWorker).
 */

const ANSWER_MS_MAX = 30_000

export interface Heap {
  /** `main`, or the worker's number. */
  readonly thread: string
  readonly usedBytes: number
}

interface Waiting {
  readonly resolve: (result: Record<string, unknown>) => void
  readonly reject: (error: Error) => void
}

export class Inspector {
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, Waiting>()
  /** Sessions of the workers, by the thread's title. */
  readonly #workers = new Map<string, string>()
  #calls = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#onMessage(String(data), ''))
    socket.addEventListener('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the inspector has gone'))
      this.#waiting.clear()
    })
  }

  /** @param url as `--inspect` prints it: `ws://127.0.0.1:…`. */
  static async attach(url: string): Promise<Inspector> {
    const socket = new WebSocket(url)
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true })
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)), { once: true })
    })
    const inspector = new Inspector(socket)
    await inspector.#call('', 'NodeWorker.enable', { waitForDebuggerOnStart: false })
    return inspector
  }

  /** Collects the garbage of every thread, twice: what finalizers let go is garbage only then. */
  async collect(): Promise<readonly Heap[]> {
    const sessions = [['main', ''] as const, ...this.#workers]
    const heaps: Heap[] = []
    for (const [thread, session] of sessions) {
      for (let round = 0; round < 2; round += 1) await this.#call(session, 'HeapProfiler.collectGarbage', {})
      const { usedSize } = await this.#call(session, 'Runtime.getHeapUsage', {})
      heaps.push({ thread, usedBytes: Number(usedSize) })
    }
    return heaps
  }

  close(): void {
    this.#socket.close()
  }

  #call(session: string, method: string, params: object): Promise<Record<string, unknown>> {
    this.#calls += 1
    const id = this.#calls
    const message = JSON.stringify({ id, method, params })
    const sent =
      session === ''
        ? message
        : JSON.stringify({
            id: -id,
            method: 'NodeWorker.sendMessageToWorker',
            params: { sessionId: session, message },
          })
    const name = `${session} ${id}`
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      this.#waiting.set(name, { resolve, reject })
      const timer = setTimeout(() => {
        this.#waiting.delete(name)
        reject(new Error(`${method} was not answered`))
      }, ANSWER_MS_MAX)
      timer.unref()
    })
    this.#socket.send(sent)
    return answer
  }

  #onMessage(text: string, session: string): void {
    const message: unknown = JSON.parse(text)
    if (!isRecord(message)) return
    const { id, method, params, result, error } = message
    if (typeof id === 'number') {
      const name = `${session} ${id}`
      const waiting = this.#waiting.get(name)
      this.#waiting.delete(name)
      if (isRecord(result)) waiting?.resolve(result)
      else waiting?.reject(new Error(JSON.stringify(error)))
      return
    }
    if (!isRecord(params)) return
    if (method === 'NodeWorker.attachedToWorker' && isRecord(params.workerInfo)) {
      this.#workers.set(`worker ${String(params.workerInfo.workerId)}`, String(params.sessionId))
    } else if (method === 'NodeWorker.detachedFromWorker') {
      for (const [thread, one] of this.#workers) if (one === params.sessionId) this.#workers.delete(thread)
    } else if (method === 'NodeWorker.receivedMessageFromWorker') {
      this.#onMessage(String(params.message), String(params.sessionId))
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

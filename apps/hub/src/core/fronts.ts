/** The front threads, as the core holds them. */

import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import type { CoreToFront, FrontToCore } from '@holdfast/messaging'
import {
  answerThrough,
  connect,
  type HttpHandler,
  type ListenerSettings,
  Outbox,
  type Remote,
  startThread,
  type TlsMaterial,
} from '@holdfast/node'
import type { FrontStatistics, FrontThread, FrontThreadData } from '../front-thread.ts'

/**
 * Young objects of a front live for one batch. A larger nursery lets them die there instead of being copied about;
 * megabytes of a semi-space.
 */
const YOUNG_GENERATION_MB = 32

interface Front {
  readonly worker: Worker
  readonly thread: Remote<FrontThread>
  readonly outbox: Outbox<CoreToFront>
}

export interface FrontsOptions {
  readonly partitions: number
  readonly listeners: ListenerSettings
  /** One end for each front; the other ends are the log thread's. */
  readonly logPorts: readonly MessagePort[]
  readonly received: (front: number, messages: readonly FrontToCore[]) => void
  readonly http: HttpHandler
  /** A request's handler threw: a bug, told in the log, answered 503. */
  readonly requestFailed: (error: unknown) => void
  readonly failed: (error: Error) => void
}

export class Fronts {
  readonly #fronts: readonly Front[]

  constructor(options: FrontsOptions) {
    this.#fronts = options.logPorts.map((log, index) => {
      const core = new MessageChannel()
      const http = new MessageChannel()
      const data: FrontThreadData = {
        partitions: options.partitions,
        listeners: options.listeners,
        core: core.port2,
        http: http.port2,
        log,
      }
      const worker = startThread(
        import.meta.resolve('../front-thread.ts'),
        {
          name: `front ${index}`,
          workerData: data,
          transferList: [core.port2, http.port2, log],
          resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
        },
        options.failed,
      )
      core.port1.on('message', (messages: readonly FrontToCore[]) => options.received(index, messages))
      answerThrough(http.port1, options.http, options.requestFailed)
      return { worker, thread: connect<FrontThread>(worker), outbox: new Outbox<CoreToFront>(core.port1) }
    })
  }

  /** Resolves when every listener of every front accepts connections. */
  async listen(): Promise<void> {
    await Promise.all(this.#fronts.map(({ thread }) => thread.listen()))
  }

  send(front: number, message: CoreToFront): void {
    this.#fronts[front]?.outbox.put(message)
  }

  broadcast(message: CoreToFront): void {
    for (const { outbox } of this.#fronts) outbox.put(message)
  }

  async renew(material: TlsMaterial): Promise<void> {
    await Promise.all(this.#fronts.map(({ thread }) => thread.renew(material)))
  }

  async stopListening(): Promise<void> {
    await Promise.all(this.#fronts.map(({ thread }) => thread.stopListening()))
  }

  async statistics(): Promise<readonly FrontStatistics[]> {
    return Promise.all(this.#fronts.map(({ thread }) => thread.statistics()))
  }

  async end(): Promise<void> {
    await Promise.all(this.#fronts.map(({ worker }) => worker.terminate()))
  }
}

/** The front threads, as the core holds them. */

import type { Worker } from 'node:worker_threads'
import type { CoreToFront, FrontToCore } from '@holdfast/messaging'
import { answerThrough, type HttpHandler, type ListenerSettings, type TlsMaterial } from '@holdfast/node'
import { connect, Outbox, type Remote } from '@holdfast/node/threads'
import type { FrontStatistics, FrontThread } from '../front-thread.ts'
import type { FrontEnds } from '../threads.ts'

interface Front {
  readonly worker: Worker
  readonly thread: Remote<FrontThread>
  readonly outbox: Outbox<CoreToFront>
}

export interface FrontsOptions {
  readonly threads: readonly FrontEnds[]
  readonly received: (front: number, messages: readonly FrontToCore[]) => void
  readonly http: HttpHandler
  /** A request's handler threw: a bug, told in the log, answered 503. */
  readonly requestFailed: (error: unknown) => void
}

export class Fronts {
  readonly #fronts: readonly Front[]

  constructor(options: FrontsOptions) {
    this.#fronts = options.threads.map(({ worker, core, http }, index) => {
      core.on('message', (messages: readonly FrontToCore[]) => options.received(index, messages))
      answerThrough(http, options.http, options.requestFailed)
      return { worker, thread: connect<FrontThread>(worker), outbox: new Outbox<CoreToFront>(core) }
    })
  }

  /** Resolves when every listener of every front accepts connections. */
  async listen(options: { readonly partitions: number; readonly listeners: ListenerSettings }): Promise<void> {
    await Promise.all(this.#fronts.map(({ thread }) => thread.listen(options)))
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

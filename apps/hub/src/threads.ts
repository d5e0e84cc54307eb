/**
 * The threads of the hub and the ports between them. They are started before the core loads its own code, so that all
 * load at the same time; each waits for its first call.
 */

import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { startThread } from '@holdfast/node/threads'
import type { HistoryThreadData, LogThreadData, StateThreadData } from '@holdfast/store'
import type { FrontThreadData } from './front-thread.ts'

/**
 * Young objects of a front live for one batch. A larger nursery lets them die there instead of being copied about;
 * megabytes of a semi-space.
 */
const FRONT_YOUNG_MB = 32

export interface Threads {
  readonly state: Worker
  /** Carries `readonly SecurityEvent[]`: what has come to be on disk, in its order. */
  readonly stateEvents: MessagePort
  readonly log: Worker
  /** Carries `LogProgress`. */
  readonly logEvents: MessagePort
  /** The core's own way to the log, as one of the fronts. Carries `FrontToLog` and `LogToFront`. */
  readonly telemetry: MessagePort
  readonly history: Worker
  /** Carries `HistoryEvent`. */
  readonly historyEvents: MessagePort
  readonly fronts: readonly FrontEnds[]
}

/** A front thread, and the core's ends of its ports. */
export interface FrontEnds {
  readonly worker: Worker
  /** Carries `FrontToCore[]` and `CoreToFront[]`. */
  readonly core: MessagePort
  readonly http: MessagePort
  /** The core serves `AmqpDesk` on the one, and calls `AmqpFront` on the other. */
  readonly amqpDesk: MessagePort
  readonly amqpFront: MessagePort
}

/** @param failed is told when a thread is lost; the process cannot go on then. */
export function startThreads(fronts: number, failed: (error: Error) => void): Threads {
  const between = new MessageChannel()
  const stateEvents = new MessageChannel()
  const logEvents = new MessageChannel()
  const historyEvents = new MessageChannel()
  const readers = Array.from({ length: fronts }, () => new MessageChannel())
  const logs = Array.from({ length: fronts }, () => new MessageChannel())
  const telemetry = new MessageChannel()
  const stateData: StateThreadData = { events: stateEvents.port2 }
  const logData: LogThreadData = {
    fronts: [...logs, telemetry].map(({ port1 }) => port1),
    history: between.port1,
    events: logEvents.port2,
  }
  const historyData: HistoryThreadData = {
    log: between.port2,
    events: historyEvents.port2,
    readers: readers.map(({ port1 }) => port1),
  }
  return {
    state: startThread(
      import.meta.resolve('@holdfast/store/state-thread'),
      { name: 'state', workerData: stateData, transferList: [stateEvents.port2] },
      failed,
    ),
    stateEvents: stateEvents.port1,
    log: startThread(
      import.meta.resolve('@holdfast/store/log-thread'),
      { name: 'log', workerData: logData, transferList: [...logData.fronts, between.port1, logEvents.port2] },
      failed,
    ),
    logEvents: logEvents.port1,
    telemetry: telemetry.port2,
    history: startThread(
      import.meta.resolve('@holdfast/store/history-thread'),
      {
        name: 'history',
        workerData: historyData,
        transferList: [between.port2, historyEvents.port2, ...historyData.readers],
      },
      failed,
    ),
    historyEvents: historyEvents.port1,
    fronts: logs.map(({ port2 }, index) => {
      const history = readers[index]?.port2
      if (history === undefined) throw new TypeError('each front has a port to the history')
      return startFront(index, { log: port2, history }, failed)
    }),
  }
}

function startFront(
  index: number,
  { log, history }: { readonly log: MessagePort; readonly history: MessagePort },
  failed: (error: Error) => void,
): FrontEnds {
  const core = new MessageChannel()
  const http = new MessageChannel()
  const desk = new MessageChannel()
  const front = new MessageChannel()
  const workerData: FrontThreadData = {
    core: core.port2,
    http: http.port2,
    log,
    history,
    amqpDesk: desk.port2,
    amqpFront: front.port2,
  }
  const worker = startThread(
    import.meta.resolve('./front-thread.ts'),
    {
      name: `front ${index}`,
      workerData,
      transferList: [core.port2, http.port2, log, history, desk.port2, front.port2],
      resourceLimits: { maxYoungGenerationSizeMb: FRONT_YOUNG_MB },
    },
    failed,
  )
  return { worker, core: core.port1, http: http.port1, amqpDesk: desk.port1, amqpFront: front.port1 }
}

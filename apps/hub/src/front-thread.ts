/** A front thread: sockets outside, the front machine inside, the core and the log at the ends of ports. */

import { randomFillSync } from 'node:crypto'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type CoreToFront, Front, type FrontCounters, type LogToFront } from '@holdfast/messaging'
import {
  askThrough,
  FrontDriver,
  Listeners,
  type ListenerSettings,
  serve,
  systemClock,
  type TlsMaterial,
} from '@holdfast/node'
import { certificateFacts } from '@holdfast/pki'

export interface FrontThreadData {
  readonly partitions: number
  readonly listeners: ListenerSettings
  /** Carries `FrontToCore[]` and `CoreToFront[]`. */
  readonly core: MessagePort
  /** Carries `FrontToLog` and `LogToFront`. */
  readonly log: MessagePort
  readonly http: MessagePort
}

/** The thread as the core calls it. */
export interface FrontThread {
  /** Resolves when every listener accepts connections. */
  listen(): Promise<void>
  renew(material: TlsMaterial): void
  /** Stops accepting; connections are closed by the `shutdown` message. */
  stopListening(): void
  statistics(): FrontStatistics
}

export interface FrontStatistics extends FrontCounters {
  readonly connections: number
  readonly pendingBytes: number
  readonly logUnavailable?: string
}

function run(data: FrontThreadData): FrontThread {
  const driver = new FrontDriver(systemClock)
  const front = new Front({
    partitions: data.partitions,
    clock: systemClock,
    random: (bytes) => randomFillSync(new Uint8Array(bytes)),
    effects: {
      write: (connection, bytes) => driver.write(connection, bytes),
      close: (connection) => driver.close(connection),
      pauseReading: (connection) => driver.pauseReading(connection),
      resumeReading: (connection) => driver.resumeReading(connection),
      toCore: (messages) => data.core.postMessage(messages),
      toLog: (append) =>
        data.log.postMessage(
          append,
          append.batches.map((batch) => batch.sealed.buffer),
        ),
    },
  })
  driver.drive(front)
  data.core.on('message', (messages: readonly CoreToFront[]) => {
    front.fromCore(messages, systemClock.monotonic())
    driver.scheduleTurn()
  })
  data.log.on('message', (message: LogToFront) => {
    front.fromLog(message, systemClock.monotonic())
    driver.scheduleTurn()
  })
  const listeners = new Listeners(data.listeners, {
    driver,
    http: askThrough(data.http),
    certificateFacts,
    turnedAway: (address, detail) => {
      front.turnedAway(address, detail, systemClock.monotonic())
      driver.scheduleTurn()
    },
  })
  return {
    listen: () => listeners.listen(),
    renew: (material) => listeners.renew(material),
    stopListening: () => listeners.close(),
    statistics: () => ({
      ...front.counters,
      connections: front.connections,
      pendingBytes: front.pendingBytes,
      ...(front.logUnavailable === undefined ? {} : { logUnavailable: front.logUnavailable }),
    }),
  }
}

if (parentPort !== null) serve(parentPort, run(workerData as FrontThreadData))

/** A front thread: sockets outside, the front machine inside, the core and the log at the ends of ports. */

import { randomFillSync } from 'node:crypto'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { isBlobUpload } from '@holdfast/iothub'
import { type CoreToFront, Front, type FrontCounters, type LogToFront } from '@holdfast/messaging'
import { askThrough, FrontDriver, Listeners, type ListenerSettings, type TlsMaterial } from '@holdfast/node'
import { systemClock } from '@holdfast/node/clock'
import { serve } from '@holdfast/node/threads'
import { FrontDoor } from './amqp/front-door.ts'
import { isManifestUpload } from './http/manifest-address.ts'
import { readPeerCertificate } from './peer-certificate.ts'

export interface FrontThreadData {
  /** Carries `FrontToCore[]` and `CoreToFront[]`. */
  readonly core: MessagePort
  /** Carries `FrontToLog` and `LogToFront`. */
  readonly log: MessagePort
  readonly http: MessagePort
  /** To be served a `TelemetryReader` on. */
  readonly history: MessagePort
  /** To call `AmqpDesk` on, and to serve `AmqpFront` on. */
  readonly amqpDesk: MessagePort
  readonly amqpFront: MessagePort
}

/** The thread as the core calls it. */
export interface FrontThread {
  /** First of all calls. Resolves when every listener accepts connections. */
  listen(options: FrontOptions): Promise<void>
  renew(material: TlsMaterial): void
  /** Stops accepting; connections are closed by the `shutdown` message. */
  stopListening(): void
  statistics(): FrontStatistics
}

export interface FrontOptions {
  readonly partitions: number
  readonly listeners: ListenerSettings
}

export interface FrontStatistics extends FrontCounters {
  readonly connections: number
  readonly pendingBytes: number
  readonly logUnavailable?: string
}

class FrontService implements FrontThread {
  readonly #data: FrontThreadData
  readonly #amqp: FrontDoor
  readonly #driver = new FrontDriver(systemClock)
  #running: { readonly front: Front; readonly listeners: Listeners } | undefined

  constructor(data: FrontThreadData) {
    this.#data = data
    const { amqpDesk, amqpFront, history } = data
    this.#amqp = new FrontDoor({ desk: amqpDesk, front: amqpFront, history, clock: systemClock })
  }

  async listen({ partitions, listeners: settings }: FrontOptions): Promise<void> {
    const driver = this.#driver
    const { core, log, http } = this.#data
    const front = new Front({
      partitions,
      clock: systemClock,
      random: (bytes) => randomFillSync(new Uint8Array(bytes)),
      effects: {
        write: (connection, bytes) => driver.write(connection, bytes),
        close: (connection) => driver.close(connection),
        pauseReading: (connection) => driver.pauseReading(connection),
        resumeReading: (connection) => driver.resumeReading(connection),
        toCore: (messages) => core.postMessage(messages),
        toLog: (append) => {
          const buffers = append.batches.map(({ sealed }) => sealed.buffer)
          log.postMessage(append, buffers)
        },
      },
    })
    driver.drive(front)
    core.on('message', (messages: readonly CoreToFront[]) => {
      front.fromCore(messages, systemClock.monotonic())
      driver.scheduleTurn()
    })
    log.on('message', (message: LogToFront) => {
      front.fromLog(message, systemClock.monotonic())
      driver.scheduleTurn()
    })
    const listeners = new Listeners(settings, {
      driver,
      http: askThrough(http),
      amqp: () => this.#amqp.enter(),
      certificateFacts: readPeerCertificate,
      isStreamed: (method, target) => isBlobUpload(method, target) || isManifestUpload(method, target),
      turnedAway: (address, detail) => {
        front.turnedAway(address, detail, systemClock.monotonic())
        driver.scheduleTurn()
      },
    })
    this.#running = { front, listeners }
    await listeners.listen()
  }

  renew(material: TlsMaterial): void {
    this.#running?.listeners.renew(material)
  }

  stopListening(): void {
    this.#running?.listeners.close()
  }

  statistics(): FrontStatistics {
    if (this.#running === undefined) throw new TypeError('a front that does not listen has no statistics')
    const { front } = this.#running
    return {
      ...front.counters,
      connections: front.connections,
      pendingBytes: front.pendingBytes,
      ...(front.logUnavailable === undefined ? {} : { logUnavailable: front.logUnavailable }),
    }
  }
}

if (parentPort === null) throw new TypeError('this is the entry of a worker')
serve(parentPort, new FrontService(workerData as FrontThreadData))

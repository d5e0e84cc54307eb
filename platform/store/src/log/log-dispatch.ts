/** What the log thread does between its ports and the log. */

import type { MessagePort } from 'node:worker_threads'
import { type FrontToLog, LogWriter } from '@holdfast/messaging'
import { systemClock } from '@holdfast/node/clock'
import { serve } from '@holdfast/node/threads'
import { StoreUnavailableError } from '../damaged.ts'
import { type LogStatistics, SqliteTelemetryLog, type TelemetryLogOptions } from './telemetry-log.ts'

/** Ports the worker is started with (`workerData` and `transferList`). */
export interface LogThreadData {
  /** One for each front, by its number. */
  readonly fronts: readonly MessagePort[]
  /** Calls of the history thread: `LogControl`. */
  readonly history: MessagePort
  /** Carries `LogProgress` to the core. */
  readonly events: MessagePort
}

/** The thread as the core calls it. */
export interface LogThread {
  /** Opens the log and starts to take appends. Rejects with `STORE_DAMAGED` or `STORE_UNAVAILABLE`. */
  open(options: TelemetryLogOptions): { readonly partitions: number }
  statistics(): LogThreadStatistics
  /**
   * Writes what the log holds to another file, which is not there yet, while appends go on: the copy is of the moment in
   * which this resolves. Rejects with `STORE_UNAVAILABLE` where there is no room, and leaves nothing then.
   */
  copyTo(file: string): Promise<void>
  /** Commits what has arrived and closes the log. Fronts that append later get no answer. */
  stop(): Promise<void>
}

export interface LogThreadStatistics extends LogStatistics {
  /** Appends that wait for the disk. */
  readonly waiting: number
  /** Why nothing is taken just now. */
  readonly unavailable?: string
}

/** The thread as the history calls it. Both go on in the background when the disk refuses, and may be repeated. */
export interface LogControl {
  trim(partition: number, belowSequence: number): void
  emptyEpoch(epoch: number): void
}

/** Told to the core at most every `PROGRESS_MS`, when something has changed. */
export interface LogProgress {
  readonly nextSequences: readonly number[]
  /** Since the log was opened. */
  readonly messages: number
  readonly plainBytes: number
  readonly commits: number
  /** Why nothing is taken just now. */
  readonly unavailable?: string
}

const PROGRESS_MS = 100
/** Pause of housekeeping when the disk refuses. */
const RETRY_MS = 1_000

export function connectLogThread(core: MessagePort, data: LogThreadData): void {
  const dispatch = new LogDispatch(data)
  serve(core, dispatch)
}

class LogDispatch implements LogThread {
  readonly #data: LogThreadData
  #log: SqliteTelemetryLog | undefined
  #writer: LogWriter | undefined
  #isRunScheduled = false
  #retry: NodeJS.Timeout | undefined
  #progress: NodeJS.Timeout | undefined
  #lastProgress = ''
  readonly #housekeeping = new Housekeeping()

  constructor(data: LogThreadData) {
    this.#data = data
  }

  open(options: TelemetryLogOptions): { readonly partitions: number } {
    if (this.#log !== undefined) throw new TypeError('the log is open already')
    const log = new SqliteTelemetryLog(options)
    this.#log = log
    const { fronts, history } = this.#data
    const writer = new LogWriter({ log, answer: (front, message) => fronts[front]?.postMessage(message) })
    this.#writer = writer
    for (const [front, port] of fronts.entries()) {
      writer.attach(front)
      port.on('message', (message: FrontToLog) => {
        writer.received(front, message)
        this.#scheduleRun()
      })
      port.on('close', () => writer.detach(front))
    }
    const control: LogControl = {
      trim: (partition, belowSequence) => {
        this.#housekeeping.add(`trim ${partition}`, () => log.trim(partition, belowSequence))
        // Asked after what was queued before it; does nothing as long as little is free.
        this.#housekeeping.add('shrink', () => log.shrink())
      },
      emptyEpoch: (epoch) => this.#housekeeping.add(`epoch ${epoch}`, () => log.dropEpoch(epoch).hasMore),
    }
    serve(history, control)
    return { partitions: log.partitionCount }
  }

  statistics(): LogThreadStatistics {
    const { log, writer } = this.#opened()
    const { unavailable, waiting } = writer
    return { ...log.statistics(), waiting, ...(unavailable === undefined ? {} : { unavailable }) }
  }

  copyTo(file: string): Promise<void> {
    return this.#opened().log.copyTo(file)
  }

  async stop(): Promise<void> {
    const { log, writer } = this.#opened()
    await log.endCopy()
    // One turn for what the fronts have posted already.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    while (writer.run(systemClock.monotonic())) continue
    this.#housekeeping.stop()
    clearTimeout(this.#retry)
    this.#tellProgress()
    clearTimeout(this.#progress)
    log.close()
    for (const port of [...this.#data.fronts, this.#data.history, this.#data.events]) port.close()
  }

  #opened(): { readonly log: SqliteTelemetryLog; readonly writer: LogWriter } {
    if (this.#log === undefined || this.#writer === undefined) throw new TypeError('the log is not open yet')
    return { log: this.#log, writer: this.#writer }
  }

  /** At the end of this turn of the event loop, when every port has been read: what came together commits together. */
  #scheduleRun(): void {
    if (this.#isRunScheduled) return
    this.#isRunScheduled = true
    setImmediate(() => {
      this.#isRunScheduled = false
      this.#run()
    })
  }

  #run(): void {
    const { writer } = this.#opened()
    if (writer.run(systemClock.monotonic())) this.#scheduleRun()
    const { deadline } = writer
    if (deadline !== undefined && this.#retry === undefined) {
      this.#retry = setTimeout(
        () => {
          this.#retry = undefined
          this.#run()
        },
        Math.max(1, deadline - systemClock.monotonic()),
      )
    }
    this.#progress ??= setTimeout(() => {
      this.#progress = undefined
      this.#tellProgress()
    }, PROGRESS_MS)
  }

  #tellProgress(): void {
    const { log, writer } = this.#opened()
    const { unavailable } = writer
    const progress: LogProgress = {
      ...log.totals,
      nextSequences: log.nextSequences,
      ...(unavailable === undefined ? {} : { unavailable }),
    }
    const text = `${progress.commits} ${unavailable ?? ''}`
    if (text === this.#lastProgress) return
    this.#lastProgress = text
    this.#data.events.postMessage(progress)
  }
}

/** Small steps that remove things from the log, one between two turns, so that no commit waits for them. */
class Housekeeping {
  /** By name, so that a newer request takes an older one's place. */
  readonly #steps = new Map<string, () => boolean>()
  #timer: NodeJS.Immediate | NodeJS.Timeout | undefined
  #isStopped = false

  /** @param step answers whether there is more to do */
  add(name: string, step: () => boolean): void {
    this.#steps.set(name, step)
    if (this.#timer === undefined && !this.#isStopped) this.#timer = setImmediate(() => this.#turn())
  }

  stop(): void {
    this.#isStopped = true
    this.#steps.clear()
  }

  #turn(): void {
    this.#timer = undefined
    const [next] = this.#steps
    if (next === undefined || this.#isStopped) return
    const [name, step] = next
    try {
      const hasMore = step()
      // To the end of the queue, unless a newer request has taken its place already.
      if (this.#steps.get(name) === step) {
        this.#steps.delete(name)
        if (hasMore) this.#steps.set(name, step)
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      this.#timer = setTimeout(() => this.#turn(), RETRY_MS)
      return
    }
    if (this.#steps.size > 0) this.#timer = setImmediate(() => this.#turn())
  }
}

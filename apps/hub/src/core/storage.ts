/** The threads that own the disk, and the ports between them and everybody else. */

import { existsSync } from 'node:fs'
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { connect, type Remote, startThread } from '@holdfast/node'
import type {
  HistoryEvent,
  HistoryThread,
  HistoryThreadData,
  LogProgress,
  LogThread,
  LogThreadData,
  Retention,
  StateKeys,
  StateThread,
} from '@holdfast/store'
import type { DataFolder } from '../data-folder.ts'
import type { KeyCopy } from './data-keys.ts'

const STATE_FILE = 'state.db'
const LOG_FILE = 'log.db'
const HISTORY_FILE = 'history.db'

export interface StorageOptions {
  readonly folder: DataFolder
  readonly fronts: number
  /** For a new log; an old one keeps what it has, and refuses another number. */
  readonly partitions: number
  readonly stateKeys: StateKeys
  readonly telemetryKeys: readonly KeyCopy[]
  readonly retention: Retention
  readonly onProgress: (progress: LogProgress) => void
  readonly onHistory: (event: HistoryEvent) => void
  readonly failed: (error: Error) => void
}

export class Storage {
  readonly state: Remote<StateThread>
  readonly log: Remote<LogThread>
  readonly history: Remote<HistoryThread>
  /** One end for each front; the other ends are the log thread's. */
  readonly logPorts: readonly MessagePort[]
  readonly #workers: readonly Worker[]

  private constructor(options: StorageOptions) {
    const { failed } = options
    const fronts = Array.from({ length: options.fronts }, () => new MessageChannel())
    const between = new MessageChannel()
    const progress = new MessageChannel()
    const events = new MessageChannel()
    const logData: LogThreadData = {
      fronts: fronts.map(({ port1 }) => port1),
      history: between.port1,
      events: progress.port2,
    }
    const historyData: HistoryThreadData = { log: between.port2, events: events.port2 }
    const state = startThread(import.meta.resolve('@holdfast/store/state-thread'), { name: 'state' }, failed)
    const log = startThread(
      import.meta.resolve('@holdfast/store/log-thread'),
      { name: 'log', workerData: logData, transferList: [...logData.fronts, between.port1, progress.port2] },
      failed,
    )
    const history = startThread(
      import.meta.resolve('@holdfast/store/history-thread'),
      { name: 'history', workerData: historyData, transferList: [between.port2, events.port2] },
      failed,
    )
    progress.port1.on('message', (message: LogProgress) => options.onProgress(message))
    events.port1.on('message', (message: HistoryEvent) => options.onHistory(message))
    this.state = connect<StateThread>(state)
    this.log = connect<LogThread>(log)
    this.history = connect<HistoryThread>(history)
    this.logPorts = fronts.map(({ port2 }) => port2)
    this.#workers = [state, log, history]
  }

  /**
   * Starts the threads and opens their files.
   * @throws RemoteError with the code STORE_DAMAGED or STORE_UNAVAILABLE, and a message that says what to do.
   */
  static async open(options: StorageOptions): Promise<{ readonly storage: Storage; readonly partitions: number }> {
    const storage = new Storage(options)
    const { folder } = options
    try {
      const [, opened] = await Promise.all([
        storage.state.open({ file: folder.at(STATE_FILE), keys: options.stateKeys }),
        storage.#openTelemetry(options),
      ])
      return { storage, partitions: opened }
    } catch (error) {
      await storage.#terminate()
      throw error
    }
  }

  /** Whether the folder holds something that data keys protect. */
  static isThere(folder: DataFolder): boolean {
    return [STATE_FILE, LOG_FILE, HISTORY_FILE].some((name) => existsSync(folder.at(name)))
  }

  /** Commits what has arrived and closes every file. */
  async close(): Promise<void> {
    await this.log.stop()
    await Promise.all([this.history.stop(), this.state.close()])
    await this.#terminate()
  }

  async #openTelemetry(options: StorageOptions): Promise<number> {
    const logFile = options.folder.at(LOG_FILE)
    const { partitions } = await this.log.open({ file: logFile, partitions: options.partitions })
    await this.history.open({ logFile, historyFile: options.folder.at(HISTORY_FILE), retention: options.retention })
    await this.history.setKeys(options.telemetryKeys)
    return partitions
  }

  async #terminate(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }
}

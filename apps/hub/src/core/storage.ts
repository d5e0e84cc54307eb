/** The threads that own the disk, and the ports between them and everybody else. */

import { existsSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { connect, type Remote } from '@holdfast/node/threads'
import type {
  HistoryEvent,
  HistoryThread,
  LogProgress,
  LogThread,
  Retention,
  StateKeys,
  StateThread,
} from '@holdfast/store'
import type { DataFolder } from '../data-folder.ts'
import type { Threads } from '../threads.ts'
import { currentAct } from './act-context.ts'
import type { KeyCopy } from './data-keys.ts'

const STATE_FILE = 'state.db'
const LOG_FILE = 'log.db'
const HISTORY_FILE = 'history.db'

export interface StorageOptions {
  readonly folder: DataFolder
  readonly threads: Threads
  /** For a new log; an old one keeps what it has, and refuses another number. */
  readonly partitions: number
  readonly stateKeys: StateKeys
  readonly telemetryKeys: readonly KeyCopy[]
  readonly retention: Retention
  /** The oldest message that is not sorted by device yet waits at most this long, in milliseconds. */
  readonly regroupAgeMs: number
  readonly onProgress: (progress: LogProgress) => void
  readonly onHistory: (event: HistoryEvent) => void
}

export class Storage {
  readonly state: Remote<StateThread>
  readonly log: Remote<LogThread>
  readonly history: Remote<HistoryThread>
  readonly #workers: readonly Worker[]

  private constructor(threads: Threads) {
    this.state = connect<StateThread>(threads.state, { context: () => currentAct()?.source })
    this.log = connect<LogThread>(threads.log)
    this.history = connect<HistoryThread>(threads.history)
    this.#workers = [threads.state, threads.log, threads.history]
  }

  /**
   * Opens the files of the threads.
   * @throws RemoteError with the code STORE_DAMAGED or STORE_UNAVAILABLE, and a message that says what to do.
   */
  static async open(options: StorageOptions): Promise<{ readonly storage: Storage; readonly partitions: number }> {
    const { threads } = options
    const storage = new Storage(threads)
    threads.logEvents.on('message', (message: LogProgress) => options.onProgress(message))
    threads.historyEvents.on('message', (message: HistoryEvent) => options.onHistory(message))
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
    const { folder, retention, regroupAgeMs } = options
    await this.history.open({ logFile, historyFile: folder.at(HISTORY_FILE), retention, regroupAgeMs })
    await this.history.setKeys(options.telemetryKeys)
    return partitions
  }

  async #terminate(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }
}

/** What the history thread does between its ports and the history. */

import type { MessagePort } from 'node:worker_threads'
import type { PartitionState, TelemetryReader } from '@holdfast/messaging'
import { systemClock } from '@holdfast/node/clock'
import { connect, type Remote, serve } from '@holdfast/node/threads'
import type { LogControl } from '../log/log-dispatch.ts'
import type { Told } from './digest-tables.ts'
import type { DigestVerification, TelemetryRecord } from './digest-verification.ts'
import { HistoryError } from './errors.ts'
import { History, type HistoryOptions, type HistoryStatistics } from './history.ts'
import type { DataKey } from './key-ring.ts'
import type { Retention } from './retention.ts'
import type { Verification } from './verification.ts'

/** Ports the worker is started with (`workerData` and `transferList`). */
export interface HistoryThreadData {
  /** The other end of the log thread's `history` port. */
  readonly log: MessagePort
  /** Carries `HistoryEvent` to the core. */
  readonly events: MessagePort
  /** Others who read: each is served a `TelemetryReader`. */
  readonly readers: readonly MessagePort[]
}

/** Tellings that are under way at once, some 300 bytes each. */
const TELLINGS_MAX = 100

export type HistoryThreadOptions = Omit<HistoryOptions, 'trim' | 'emptyEpoch' | 'onDropped'>

/** The thread as the core calls it; a `TelemetryReader` through `connect`. */
export interface HistoryThread extends TelemetryReader {
  /** Opens the history. Rejects with `STORE_DAMAGED` or `STORE_UNAVAILABLE`. */
  open(options: HistoryThreadOptions): { readonly partitions: number }
  /** The complete ring of telemetry keys; called again whenever it changes. */
  setKeys(keys: readonly DataKey[]): void
  setRetention(retention: Retention): void
  dropEpoch(epoch: number): { readonly messages: number }
  /** Regroups what there is without waiting for more. */
  regroupNow(): void
  /** The audit log has on its disk what was told up to this number. */
  confirm(id: number): void
  /** Background work rests until `release`; see `History.hold`. */
  hold(): void
  release(): void
  /** Writes what the history holds to another file, which is not there yet; rejects with `STORE_UNAVAILABLE`. */
  copyTo(file: string): Promise<void>
  /** What is stored against what the audit log says of it. */
  verifyDigests(record: TelemetryRecord): Promise<DigestVerification>
  statistics(): HistoryStatistics
  verify(): Promise<Verification>
  stop(): Promise<void>
}

export type HistoryEvent =
  /** For the audit log; told again until it is confirmed (`confirm`), also after a restart. At most `TELLINGS_MAX`. */
  | { readonly kind: 'tellings'; readonly tellings: readonly Told[] }
  /** Share of a verification that is done, 0 to 1. */
  | { readonly kind: 'verifying'; readonly share: number }
  /** Told when it changes: why regrouping or merging cannot go on; empty when it can. */
  | { readonly kind: 'blocked'; readonly blocked: HistoryStatistics['blocked']; readonly unavailable?: string }

export function connectHistoryThread(core: MessagePort, data: HistoryThreadData): void {
  const dispatch = new HistoryDispatch(data)
  serve(core, dispatch)
  // Readers may read, and nothing else.
  const reader: TelemetryReader = {
    readPartition: (request) => dispatch.readPartition(request),
    readDevice: (request) => dispatch.readDevice(request),
    partitions: () => dispatch.partitions(),
  }
  for (const port of data.readers) serve(port, reader)
}

class HistoryDispatch implements HistoryThread {
  readonly #data: HistoryThreadData
  #history: History | undefined
  #timer: NodeJS.Immediate | NodeJS.Timeout | undefined
  #lastBlocked = '[]'
  /** Number of the last telling that the core has and has not confirmed. */
  #awaited: number | undefined

  constructor(data: HistoryThreadData) {
    this.#data = data
  }

  open(options: HistoryThreadOptions): { readonly partitions: number } {
    if (this.#history !== undefined) throw new TypeError('the history is open already')
    const log: Remote<LogControl> = connect<LogControl>(this.#data.log)
    // A log thread that has ended is trimmed at the next start.
    const ignoreEnd = (): void => {}
    const history = new History({
      ...options,
      trim: (partition, belowSequence) => void log.trim(partition, belowSequence).catch(ignoreEnd),
      emptyEpoch: (epoch) => void log.emptyEpoch(epoch).catch(ignoreEnd),
    })
    this.#history = history
    this.#schedule(0)
    return { partitions: history.partitionCount }
  }

  setKeys(keys: readonly DataKey[]): void {
    this.#opened().setKeys(keys)
    this.#schedule(0)
  }

  setRetention(retention: Retention): void {
    this.#opened().setRetention(retention)
    this.#schedule(0)
  }

  dropEpoch(epoch: number): { readonly messages: number } {
    const dropped = this.#opened().dropEpoch(epoch)
    this.#schedule(0)
    return dropped
  }

  regroupNow(): void {
    this.#opened().regroupNow()
    this.#schedule(0)
  }

  async readPartition(request: Parameters<TelemetryReader['readPartition']>[0]) {
    return this.#opened().reader.readPartition(request)
  }

  async readDevice(request: Parameters<TelemetryReader['readDevice']>[0]) {
    return this.#opened().reader.readDevice(request)
  }

  async partitions(): Promise<readonly PartitionState[]> {
    return this.#opened().reader.partitions()
  }

  confirm(id: number): void {
    this.#opened().confirm(id)
    this.#awaited = undefined
    this.#tellWhatWasNotTold()
  }

  hold(): void {
    this.#opened().hold()
  }

  release(): void {
    this.#opened().release()
    this.#schedule(0)
  }

  copyTo(file: string): Promise<void> {
    return this.#opened().copyTo(file)
  }

  verifyDigests(record: TelemetryRecord): Promise<DigestVerification> {
    const tell = (share: number): void => this.#tell({ kind: 'verifying', share })
    return this.#opened().verifyDigests(record, systemClock.wall(), tell)
  }

  statistics(): HistoryStatistics {
    return this.#opened().statistics()
  }

  verify(): Promise<Verification> {
    return this.#opened().verify((share) => this.#tell({ kind: 'verifying', share }))
  }

  async stop(): Promise<void> {
    const history = this.#opened()
    await history.endCopy()
    this.#unschedule()
    this.#history = undefined
    history.close()
    this.#data.log.close()
    this.#data.events.close()
    for (const port of this.#data.readers) port.close()
  }

  #opened(): History {
    if (this.#history === undefined) throw new HistoryError('closed', 'the history is not open')
    return this.#history
  }

  #schedule(milliseconds: number): void {
    this.#unschedule()
    const turn = (): void => this.#turn()
    this.#timer = milliseconds === 0 ? setImmediate(turn) : setTimeout(turn, milliseconds)
  }

  #unschedule(): void {
    if (this.#timer === undefined) return
    if ('refresh' in this.#timer) clearTimeout(this.#timer)
    else clearImmediate(this.#timer)
    this.#timer = undefined
  }

  #turn(): void {
    if (this.#history === undefined) return
    const pause = this.#history.step(systemClock.wall())
    this.#tellBlocked(this.#history)
    this.#tellWhatWasNotTold()
    this.#schedule(pause)
  }

  #tellBlocked(history: History): void {
    const { blocked, unavailable } = history.troubles
    const text = JSON.stringify([blocked, unavailable])
    if (text === this.#lastBlocked) return
    this.#lastBlocked = text
    this.#tell({ kind: 'blocked', blocked, ...(unavailable === undefined ? {} : { unavailable }) })
  }

  /** One lot at a time: the next when this one is confirmed. */
  #tellWhatWasNotTold(): void {
    if (this.#history === undefined || this.#awaited !== undefined) return
    const tellings = this.#history.tellings(TELLINGS_MAX)
    this.#awaited = tellings.at(-1)?.id
    if (tellings.length > 0) this.#tell({ kind: 'tellings', tellings })
  }

  #tell(event: HistoryEvent): void {
    this.#data.events.postMessage(event)
  }
}

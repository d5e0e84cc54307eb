/**
 * The history of telemetry: reading across log and segments, and the background work that turns one into the other.
 * One object, one thread. `step` does a slice of background work; between two slices readers have their turn.
 */

import type { Timestamp } from '@holdfast/base'
import type { TelemetryReader } from '@holdfast/messaging'
import { LogTail } from '../log/log-tail.ts'
import { StoreUnavailableError } from '../damaged.ts'
import { shortageOfRoom } from '../disk-room.ts'
import { faultOf, storeErrorOf } from '../sqlite/database.ts'
import { BlockSource, breathe } from './block-source.ts'
import { Catalog } from './catalog.ts'
import type { Told } from './digest-tables.ts'
import { type DigestVerification, type TelemetryRecord, verifyDigests } from './digest-verification.ts'
import { type Block, BlockedError, type Job } from './job.ts'
import { type DataKey, KeyRing } from './key-ring.ts'
import {
  IDLE_MS,
  REGROUP_AGE_MS,
  RETRY_MS,
  SEGMENT_BATCHES,
  SEGMENT_MESSAGES,
  SEGMENT_PLAIN_BYTES,
  SLICE_MS,
} from './limits.ts'
import { findNeighbours, merge } from './merge.ts'
import { HistoryReader } from './reader.ts'
import { regroup } from './regroup.ts'
import { checkRetention, type Dropped, retain, type Retention } from './retention.ts'
import { type Verification, verify } from './verification.ts'

export interface HistoryOptions {
  /** Paths of `log.db`, which its owner has opened, and `history.db`. */
  readonly logFile: string
  readonly historyFile: string
  readonly retention?: Retention
  /** When a partition's backlog becomes a segment: at so many plain bytes, messages, or milliseconds of age. */
  readonly regroupBytes?: number
  readonly regroupMessages?: number
  readonly regroupAgeMs?: number
  /** Asks the log's owner to remove what lies below; may be called again with the same or a higher number. */
  readonly trim: (partition: number, belowSequence: number) => void
  /** Asks the log's owner to empty the batches of a dropped epoch. */
  readonly emptyEpoch: (epoch: number) => void
  /** Hears what retention dropped. */
  readonly onDropped?: (dropped: Dropped) => void
}

export interface HistoryStatistics {
  readonly segments: number
  /** Messages in segments, and still in the log alone. */
  readonly messages: number
  readonly backlogMessages: number
  readonly backlogBytes: number
  /** Sealed bytes in segments; size of the file; what of it is in use. */
  readonly sealedBytes: number
  readonly fileBytes: number
  readonly usedBytes: number
  readonly pagesOpened: number
  readonly batchesOpened: number
  readonly unreadable: number
  /** What retention has dropped since the start. */
  readonly droppedMessages: number
  /** Why regrouping cannot go on, by partition. */
  readonly blocked: readonly Block[]
  /** Why nothing can be written just now. */
  readonly unavailable?: string
}

export class History {
  readonly reader: TelemetryReader
  readonly #options: HistoryOptions
  readonly #tail: LogTail
  readonly #catalog: Catalog
  readonly #ring: KeyRing
  readonly #source: BlockSource
  /** By work and partition. */
  readonly #blocked = new Map<string, Block>()
  /** Where each partition's search for neighbours goes on; absent: nothing to find until the next segment. */
  readonly #mergeFrom = new Map<number, number>()
  readonly #mergedTo = new Map<number, number>()
  #retention: Retention
  #job: Job | undefined
  #building: number | undefined
  #isForced = false
  #holds = 0
  #nextLook = 0
  #unavailable: string | undefined
  #droppedMessages = 0
  #epochsToDelete: number[]

  /**
   * Opens both files and checks that they fit together.
   * @throws StoreDamagedError, StoreUnavailableError
   */
  constructor(options: HistoryOptions) {
    this.#options = options
    this.#retention = options.retention ?? {}
    checkRetention(this.#retention)
    this.#tail = new LogTail(options.logFile)
    try {
      const log = this.#tail.readEnds()
      this.#catalog = new Catalog(options.historyFile, log.length)
      this.#checkSeam(log)
      const dropped = this.#catalog.droppedEpochs()
      this.#epochsToDelete = [...dropped]
      this.#ring = new KeyRing(dropped)
      this.#resume(log, dropped)
    } catch (error) {
      this.#tail.close()
      throw error
    }
    const context = { catalog: this.#catalog, tail: this.#tail, ring: this.#ring }
    this.#source = new BlockSource(context)
    this.reader = new HistoryReader({ ...context, source: this.#source })
  }

  /** The complete key ring; replaces what was here. Until the first call nothing is read or regrouped. */
  setKeys(keys: readonly DataKey[]): void {
    this.#ring.replace(keys)
    this.#unblock('awaited-key')
    this.#unblock('missing-key')
    this.#nextLook = 0
  }

  setRetention(retention: Retention): void {
    checkRetention(retention)
    this.#retention = retention
    this.#nextLook = 0
  }

  /**
   * Makes everything of an epoch unreadable, at once and for good; deletes it, and has the log's batches emptied, in
   * the background. The caller destroys the key, and has made sure that nobody seals with it any more.
   * @returns how many messages that was.
   */
  dropEpoch(epoch: number): { readonly messages: number } {
    this.#abandonJob()
    let messages = 0
    if (!this.#ring.isDropped(epoch)) {
      messages = this.#catalog.messagesOfEpoch(epoch)
      for (let partition = 0; partition < this.#catalog.partitionCount; partition++) {
        messages += this.#tail.messagesOfEpoch(partition, this.#catalog.ends(partition).nextSequence, epoch)
      }
    }
    try {
      this.#catalog.noteDropped(epoch)
    } catch (error) {
      throw storeErrorOf(error, this.#catalog.file, 'restore the data folder from a backup')
    }
    this.#ring.drop(epoch)
    this.#source.clear()
    this.#epochsToDelete.push(epoch)
    this.#unblock('missing-key')
    this.#options.emptyEpoch(epoch)
    return { messages }
  }

  /**
   * Does at most about `SLICE_MS` of background work.
   * @param now civil time, for ages
   * @returns after how many milliseconds to call again; 0 when there is more to do.
   */
  step(now: Timestamp): number {
    if (this.#holds > 0) return IDLE_MS
    const until = performance.now() + SLICE_MS
    try {
      do {
        this.#job ??= this.#nextJob(now)
        if (this.#job === undefined) return IDLE_MS
        if (this.#job.next().done === true) this.#job = undefined
        this.#unavailable = undefined
      } while (performance.now() < until)
      return 0
    } catch (error) {
      this.#abandonJob()
      if (error instanceof BlockedError) {
        this.#blocked.set(`${error.block.work} ${error.block.partition}`, error.block)
        return 0
      }
      const fault = error instanceof StoreUnavailableError ? error.reason : faultOf(error)
      if (fault === undefined || !(error instanceof Error)) throw error
      this.#unavailable = `${fault}: ${error.message}`
      return RETRY_MS
    }
  }

  /** Regroups whatever there is, however little, at the next steps; for a stop before a backup, and for tests. */
  regroupNow(): void {
    this.#isForced = true
    this.#nextLook = 0
  }

  /**
   * Until it is released, nothing is regrouped, merged, retired or deleted, so that copies of `log.db` and `history.db` made
   * one after the other fit together. Reading goes on.
   */
  hold(): void {
    this.#holds += 1
  }

  release(): void {
    if (this.#holds === 0) throw new TypeError('nothing holds the history')
    this.#holds -= 1
  }

  copyTo(file: string): Promise<void> {
    return this.#catalog.copyTo(file)
  }

  /** To be awaited before `close`. */
  endCopy(): Promise<void> {
    return this.#catalog.endCopy()
  }

  /** What the audit log has not confirmed, oldest first. */
  tellings(most: number): readonly Told[] {
    return this.#catalog.digests.tellings(most)
  }

  /** @throws StoreUnavailableError: then it is told again. */
  confirm(id: number): void {
    try {
      this.#catalog.digests.confirm(id)
    } catch (error) {
      throw storeErrorOf(error, this.#catalog.file, 'restore the data folder from a backup')
    }
  }

  get partitionCount(): number {
    return this.#catalog.partitionCount
  }

  /** Why background work cannot go on, if so. */
  get troubles(): Pick<HistoryStatistics, 'blocked' | 'unavailable'> {
    const blocked = [...this.#blocked.values()]
    return { blocked, ...(this.#unavailable === undefined ? {} : { unavailable: this.#unavailable }) }
  }

  statistics(): HistoryStatistics {
    const totals = this.#catalog.totals()
    const bytes = this.#catalog.bytes()
    let backlogMessages = 0
    let backlogBytes = 0
    for (let partition = 0; partition < this.#catalog.partitionCount; partition++) {
      const backlog = this.#tail.backlog(partition, this.#catalog.ends(partition).nextSequence)
      backlogMessages += backlog.messages
      backlogBytes += backlog.plainBytes
    }
    return {
      ...totals,
      backlogMessages,
      backlogBytes,
      fileBytes: bytes.file,
      usedBytes: bytes.used,
      ...this.#source.counters,
      droppedMessages: this.#droppedMessages,
      ...this.troubles,
    }
  }

  /** Opens everything there is and says what is wrong with it; takes its time, in slices. */
  async verify(onProgress?: (share: number) => void): Promise<Verification> {
    const context = { catalog: this.#catalog, tail: this.#tail, ring: this.#ring, source: this.#source }
    return verify(context, { breathe, ...(onProgress === undefined ? {} : { onProgress }) })
  }

  /** What is stored against what the audit log says of it; takes its time, in slices. */
  verifyDigests(
    record: TelemetryRecord,
    now: Timestamp,
    onProgress?: (share: number) => void,
  ): Promise<DigestVerification> {
    return verifyDigests(this.#catalog, record, { now, breathe, ...(onProgress === undefined ? {} : { onProgress }) })
  }

  close(): void {
    this.#abandonJob()
    this.#catalog.close()
    this.#tail.close()
  }

  #nextJob(now: Timestamp): Job | undefined {
    if (this.#catalog.deleteUnused(this.#building)) return repeat(() => this.#catalog.deleteUnused(this.#building))
    const epoch = this.#epochsToDelete.at(-1)
    if (epoch !== undefined) {
      if (this.#catalog.deleteEpoch(epoch)) return repeat(() => this.#catalog.deleteEpoch(epoch))
      this.#epochsToDelete.pop()
    }
    if (performance.now() < this.#nextLook) return undefined
    const isChanged = this.#retain(now)
    if (isChanged) return repeat(() => false)
    // What is older than digests is told as it was found, before it becomes part of something else.
    const job = this.#nextRegrouping(now) ?? this.#nextAdoption() ?? this.#nextMerging()
    if (job !== undefined) return this.#whileThereIsRoom(job)
    if (this.#catalog.shrink()) return repeat(() => this.#catalog.shrink())
    this.#isForced = false
    this.#nextLook = performance.now() + IDLE_MS / 2
    return undefined
  }

  #retain(now: Timestamp): boolean {
    const dropped = retain({ catalog: this.#catalog, tail: this.#tail }, this.#retention, now)
    for (const drop of dropped) {
      this.#droppedMessages += drop.messages
      // What was damaged may be among it; if not, it is found again.
      this.#blocked.delete(`regrouping ${drop.partition}`)
      this.#blocked.delete(`merging ${drop.partition}`)
      this.#options.trim(drop.partition, this.#catalog.ends(drop.partition).nextSequence)
      this.#options.onDropped?.(drop)
    }
    return dropped.length > 0
  }

  #nextRegrouping(now: Timestamp): Job | undefined {
    if (!this.#ring.isFilled) return undefined
    const { regroupAgeMs = REGROUP_AGE_MS } = this.#options
    const limits = this.#limits()
    for (let partition = 0; partition < this.#catalog.partitionCount; partition++) {
      if (this.#blocked.has(`regrouping ${partition}`)) continue
      const { nextSequence } = this.#catalog.ends(partition)
      const backlog = this.#tail.backlog(partition, nextSequence)
      if (backlog.messages === 0) continue
      const isDue =
        this.#isForced ||
        backlog.messages >= limits.messages ||
        backlog.plainBytes >= limits.plainBytes ||
        (backlog.earliest !== undefined && now - backlog.earliest >= regroupAgeMs)
      if (isDue) return this.#regroup(partition)
    }
    return undefined
  }

  /** Retention and cleaning give room back and go on; what takes room stops in time. */
  *#whileThereIsRoom(job: Job): Job {
    for (;;) {
      const shortage = shortageOfRoom(this.#catalog.file)
      if (shortage !== undefined) throw new StoreUnavailableError('disk-full', shortage)
      if (job.next().done === true) return
      yield
    }
  }

  *#regroup(partition: number): Job {
    yield* regroup(partition, {
      catalog: this.#catalog,
      tail: this.#tail,
      ring: this.#ring,
      limits: this.#limits(),
      building: (segment) => {
        this.#building = segment
      },
    })
    this.#options.trim(partition, this.#catalog.ends(partition).nextSequence)
    this.#mergeFrom.set(partition, this.#mergedTo.get(partition) ?? 0)
  }

  #nextAdoption(): Job | undefined {
    return this.#catalog.digests.adopt() ? repeat(() => this.#catalog.digests.adopt()) : undefined
  }

  #nextMerging(): Job | undefined {
    if (!this.#ring.isFilled) return undefined
    for (const [partition, from] of this.#mergeFrom) {
      const context = { catalog: this.#catalog, limits: this.#limits() }
      if (this.#blocked.has(`merging ${partition}`)) continue
      const { sources, nextSequence } = findNeighbours(partition, from, context)
      if (sources.length > 0) {
        const building = (segment: number | undefined): void => {
          this.#building = segment
        }
        return merge(sources, { ...context, ring: this.#ring, building })
      }
      if (nextSequence === undefined) this.#mergeFrom.delete(partition)
      else this.#mergeFrom.set(partition, nextSequence)
      this.#mergedTo.set(partition, nextSequence ?? from)
      if (nextSequence !== undefined) return repeat(() => false)
    }
    return undefined
  }

  #limits(): { readonly plainBytes: number; readonly messages: number; readonly batches: number } {
    const { regroupBytes = SEGMENT_PLAIN_BYTES, regroupMessages = SEGMENT_MESSAGES } = this.#options
    return { plainBytes: regroupBytes, messages: regroupMessages, batches: SEGMENT_BATCHES }
  }

  /** What was half done is deleted by the next cleaning. */
  #abandonJob(): void {
    this.#job = undefined
    this.#building = undefined
  }

  #unblock(reason: Block['reason']): void {
    for (const [key, block] of this.#blocked) {
      if (block.reason === reason) this.#blocked.delete(key)
    }
  }

  /** A crash may have come between a segment or a dropped epoch here and what the log was to do about it. */
  #resume(log: readonly { readonly floorSequence: number }[], dropped: readonly number[]): void {
    for (const [partition, { floorSequence }] of log.entries()) {
      this.#mergeFrom.set(partition, 0)
      const { nextSequence } = this.#catalog.ends(partition)
      if (floorSequence < nextSequence) this.#options.trim(partition, nextSequence)
    }
    if (dropped.length === 0) return
    const present = new Set(this.#tail.epochs())
    for (const epoch of dropped) if (present.has(epoch)) this.#options.emptyEpoch(epoch)
  }

  /** The log must go on where the history ends, or before; else one of the two is older than the other. */
  #checkSeam(log: readonly { readonly floorSequence: number; readonly nextSequence: number }[]): void {
    for (const [partition, ends] of log.entries()) {
      const { nextSequence } = this.#catalog.ends(partition)
      if (ends.floorSequence > nextSequence) {
        throw this.#catalog.damaged(
          `partition ${partition} ends at sequence ${nextSequence}, the log begins at ${ends.floorSequence}: messages between are missing`,
        )
      }
      if (ends.nextSequence < nextSequence) {
        throw this.#tail.damaged(
          `partition ${partition} ends at sequence ${ends.nextSequence}, but the history already holds messages up to ${nextSequence}: the end of the log is missing`,
        )
      }
    }
  }
}

/** A job that repeats a small step while it answers true; with `() => false` it only asks for another look. */
function* repeat(step: () => boolean): Job {
  while (step()) yield
}

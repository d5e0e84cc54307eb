/**
 * The audit log in `state.db`. It takes the events of each group of writes as part of its transaction, and holds the tree's
 * right edge in memory; whatever it holds was on disk first.
 */

import type { DatabaseSync } from 'node:sqlite'
import { type Because, type BundleEntry, eventsOf, type RecordedEvent, type SecurityEvent } from '@holdfast/audit'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { Random } from '@holdfast/keys'
import {
  encodeEntryBundle,
  type Hash,
  type Subtree,
  TILE_WIDTH,
  type TileAddress,
  type TileBuilder,
  tileWidth,
} from '@holdfast/tlog'
import { StoreDamagedError } from '../../damaged.ts'
import { storeErrorOf } from '../../sqlite/database.ts'
import type { ValueSealer } from '../value-sealer.ts'
import type { KeepEvents, StateTransaction, WriteGroup } from '../write-group.ts'
import { AuditAppender } from './append.ts'
import { checkStep, checkWhole } from './check.ts'
import { bundleEntryOf, ENTRY_COLUMNS, eventOf, leafBytesOf } from './entries.ts'
import {
  CHECKPOINTS_EVERY_MS,
  CHECKPOINTS_PRUNED_MS,
  CHECKPOINTS_WHOLE_MS,
  GAP_ENTRIES_MAX,
  NOTE_CHARACTERS_MAX,
  PAGE_CHECKPOINTS_MAX,
  PAGE_ENTRIES_MAX,
  SUBTREES_MAX,
} from './limits.ts'
import type { AuditCheckpoint, AuditHead, AuditPage, AuditQuery, AuditStore, Contradiction, ShredWish } from './port.ts'
import { searchEntries } from './search.ts'
import { AuditSecrets } from './secrets.ts'
import { countBodies, shredBodies } from './shred.ts'
import { AuditTree } from './tree.ts'

const REMEDY = 'restore state.db from a backup'
/** Recent events are looked for among so many of the newest entries: those that were destroyed are none. */
const RECENT_MAX = 1_000

export interface SqlAuditParts {
  readonly database: DatabaseSync
  readonly sealer: ValueSealer
  readonly random: Random
  /** Told of events once they are on disk, in their order. MUST NOT throw. */
  readonly told: (events: readonly RecordedEvent[]) => void
}

export class SqlAudit implements AuditStore {
  readonly #parts: SqlAuditParts
  readonly #tree: AuditTree
  readonly #secrets: AuditSecrets
  readonly #appender: AuditAppender
  #writes: WriteGroup | undefined
  /** What is on disk; read at the first use. */
  #builder: TileBuilder | undefined
  #contradiction: Contradiction | undefined
  #pruned = 0

  constructor(parts: SqlAuditParts) {
    this.#parts = parts
    this.#tree = new AuditTree(parts.database)
    this.#secrets = new AuditSecrets(parts.database, parts.sealer, parts.random)
    this.#appender = new AuditAppender(parts.database, this.#secrets, parts.random)
  }

  /** The group whose events it keeps, which in turn needs `keep`. */
  writeThrough(writes: WriteGroup): void {
    this.#writes = writes
  }

  readonly keep: KeepEvents = async (_transaction, events) => {
    return this.#guarded(() => {
      const before = this.#loaded()
      const builder = before.clone()
      this.#secrets.begin()
      const recorded = this.#appender.append(events, builder)
      return () => {
        this.#builder = builder
        this.#secrets.committed()
        this.#parts.told(recorded)
      }
    })
  }

  async auditHead(): Promise<AuditHead> {
    return this.#guarded(() => {
      const builder = this.#loaded()
      const checkpoint = this.#latestCheckpoint()
      return { size: builder.size, root: builder.root(), checkpoint, contradiction: this.#contradiction }
    })
  }

  async writeAuditCheckpoint({ size, root, time, note }: AuditCheckpoint): Promise<boolean> {
    if (note.length > NOTE_CHARACTERS_MAX) throw new TypeError('a note is shorter')
    if (this.#contradiction !== undefined) return false
    return this.#write(() => {
      const { database } = this.#parts
      database
        .prepare(
          'INSERT INTO audit_checkpoint (size, time, root, cosigned, note) VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING',
        )
        .run(size, time, root, note)
      this.#prune(time)
      return true
    })
  }

  async cosignAuditCheckpoint(size: number, note: string): Promise<boolean> {
    if (note.length > NOTE_CHARACTERS_MAX) throw new TypeError('a note is shorter')
    return this.#write(
      () =>
        this.#parts.database
          .prepare('UPDATE audit_checkpoint SET note = ?, cosigned = cosigned + 1 WHERE size = ?')
          .run(note, size).changes > 0,
    )
  }

  async listAuditCheckpoints({
    first,
    last,
  }: {
    readonly first: number
    readonly last: number
  }): Promise<readonly AuditCheckpoint[]> {
    return this.#guarded(() =>
      this.#parts.database
        .prepare(
          `SELECT size, time, root, note FROM audit_checkpoint WHERE size >= ? AND size <= ?
           ORDER BY size LIMIT ${PAGE_CHECKPOINTS_MAX}`,
        )
        .all(first, Math.min(last, Number.MAX_SAFE_INTEGER))
        .map(checkpointOf),
    )
  }

  async readAuditTile(tile: TileAddress): Promise<Uint8Array | undefined> {
    return this.#guarded(() => this.#tree.tile(tile, this.#loaded()))
  }

  async readAuditLeaves({
    index,
    width,
  }: {
    readonly index: number
    readonly width: number
  }): Promise<Uint8Array | undefined> {
    return this.#guarded(() => {
      if (width > tileWidth(0, index, this.#loaded().size)) return undefined
      const first = index * TILE_WIDTH
      const rows = this.#rows(first, width)
      // A bundle has no place for one that is lost.
      return rows.length === width ? encodeEntryBundle(rows.map(leafBytesOf)) : undefined
    })
  }

  async readAuditHashes(subtrees: readonly Subtree[]): Promise<readonly Hash[]> {
    if (subtrees.length > SUBTREES_MAX) throw new RangeError('fewer subtrees at once')
    return this.#guarded(() => {
      const builder = this.#loaded()
      return subtrees.map((subtree) => this.#tree.subtree(subtree, builder))
    })
  }

  async listAuditEntries(query: AuditQuery): Promise<AuditPage> {
    const { database } = this.#parts
    return this.#guarded(() => searchEntries({ database, secrets: this.#secrets, size: this.#loaded().size }, query))
  }

  async readAuditEntries({
    first,
    count,
    hasBodies,
  }: {
    readonly first: number
    readonly count: number
    readonly hasBodies: boolean
  }): Promise<readonly BundleEntry[]> {
    return this.#guarded(() =>
      this.#rows(first, Math.min(count, PAGE_ENTRIES_MAX)).map((row) => bundleEntryOf(row, this.#secrets, hasBodies)),
    )
  }

  async readRecentEvents(limit: number): Promise<readonly RecordedEvent[]> {
    const { database } = this.#parts
    return this.#guarded(() => {
      const { size } = this.#loaded()
      const events: RecordedEvent[] = []
      for (let after: number | undefined; events.length < Math.min(limit, RECENT_MAX); ) {
        const page: AuditPage = searchEntries(
          { database, secrets: this.#secrets, size },
          { order: 'newest', limit: PAGE_ENTRIES_MAX, ...(after === undefined ? {} : { after }) },
        )
        events.push(...page.entries.flatMap((entry) => eventOf(entry) ?? []))
        after = page.next
        if (after === undefined || after < size - 2 * RECENT_MAX) break
      }
      return events.slice(0, limit).reverse()
    })
  }

  async shredAuditBodies(
    wish: ShredWish,
    because?: Because,
  ): Promise<{ readonly entries: number; readonly isDone: boolean }> {
    return this.#write(
      () => shredBodies({ database: this.#parts.database, secrets: this.#secrets }, wish),
      eventsOf(because),
    )
  }

  async countAuditBodies(wish: ShredWish): Promise<number> {
    return this.#guarded(() => countBodies({ database: this.#parts.database, secrets: this.#secrets }, wish))
  }

  async checkAuditLog(from: number): Promise<{ readonly next?: number; readonly contradiction?: Contradiction }> {
    if (this.#contradiction !== undefined) return { contradiction: this.#contradiction }
    const { database } = this.#parts
    return this.#guarded(() => {
      let step: { readonly next?: number; readonly contradiction?: Contradiction }
      try {
        step = checkStep({ database, tree: this.#tree, secrets: this.#secrets, builder: this.#loaded() }, from)
      } catch (error) {
        // A number that is none of ours, a value that does not open: what was written over what we wrote.
        if (!(error instanceof RangeError || error instanceof TypeError || isOfAValue(error))) throw error
        step = { contradiction: { what: 'an entry cannot be read', entry: from } }
      }
      this.#contradiction ??= step.contradiction
      return step
    })
  }

  #rows(first: number, count: number): readonly Readonly<Record<string, unknown>>[] {
    return this.#parts.database
      .prepare(`SELECT ${ENTRY_COLUMNS} FROM audit_entry WHERE n >= ? AND n < ? ORDER BY n`)
      .all(first, first + count)
  }

  #loaded(): TileBuilder {
    if (this.#builder === undefined) {
      const { database } = this.#parts
      const checkpoint = this.#latestCheckpoint()
      const builder = this.#tree.builder(nextIndex(this.#tree.size(), checkpoint))
      this.#contradiction ??= checkWhole({ database, tree: this.#tree, builder }, checkpoint)
      this.#builder = builder
    }
    return this.#builder
  }

  #latestCheckpoint(): AuditCheckpoint | undefined {
    const row = this.#parts.database
      .prepare('SELECT size, time, root, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1')
      .get()
    return row && checkpointOf(row)
  }

  /** Of each hour that is over, the last stays, and the last that others cosigned. */
  #prune(now: Timestamp): void {
    if (Math.abs(now - this.#pruned) < CHECKPOINTS_PRUNED_MS) return
    const before = Math.floor((now - CHECKPOINTS_WHOLE_MS) / CHECKPOINTS_EVERY_MS) * CHECKPOINTS_EVERY_MS
    // Once since the start all of them, then those of the last hours.
    const after = this.#pruned === 0 ? 0 : before - 2 * CHECKPOINTS_EVERY_MS
    this.#parts.database
      .prepare(
        `DELETE FROM audit_checkpoint WHERE time >= ?1 AND time < ?2 AND size NOT IN (
           SELECT max(size) FROM audit_checkpoint WHERE time >= ?1 AND time < ?2
           GROUP BY time / ${CHECKPOINTS_EVERY_MS}, cosigned > 0)`,
      )
      .run(after, before)
    this.#pruned = now
  }

  async #write<T>(work: () => T, because: readonly SecurityEvent[] = []): Promise<T> {
    if (this.#writes === undefined) throw new TypeError('the log writes through a group')
    return this.#writes.run(async (_transaction: StateTransaction, record) => {
      const value = this.#guarded(work)
      record(because)
      return value
    })
  }

  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw storeErrorOf(error, this.#parts.database.location() ?? 'state.db', REMEDY)
    }
  }
}

/** Places that were signed for are not given again: what was cut off there stays a gap, and does not get other entries. */
function nextIndex(end: number, checkpoint: AuditCheckpoint | undefined): number {
  const signed = checkpoint?.size ?? 0
  return signed > end && signed - end <= GAP_ENTRIES_MAX ? signed : end
}

function checkpointOf(row: Readonly<Record<string, unknown>>): AuditCheckpoint {
  const { size, time, root, note } = row
  return {
    size: Number(size),
    time: timestampOf(Number(time)),
    root: root instanceof Uint8Array ? root : new Uint8Array(),
    note: String(note),
  }
}

function isOfAValue(error: unknown): boolean {
  return error instanceof StoreDamagedError && error.cause === undefined
}

/** The audit log as the hub sees it, beside `recordEvents` and the events that writes bring. */

import type { BundleEntry, RecordedEvent, SecurityEvent } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { Hash, Subtree, TileAddress } from '@holdfast/tlog'

export interface AuditHead {
  readonly size: number
  readonly root: Hash
  /** The last that was signed. */
  readonly checkpoint: AuditCheckpoint | undefined
  /** Why nothing may be signed any more: the log does not agree with itself, or with what was signed of it. */
  readonly contradiction: Contradiction | undefined
}

export interface Contradiction {
  /** One clause for people. */
  readonly what: string
  /** The first entry that is not as it was, where it is known. */
  readonly entry?: number
}

export interface AuditCheckpoint {
  readonly size: number
  readonly root: Hash
  readonly time: Timestamp
  /** The signed note, with the cosignatures that have come. */
  readonly note: string
}

export interface AuditQuery {
  /** A device's are its modules' too. */
  readonly subject?: string
  readonly actor?: string
  readonly type?: string
  /** Not before, and before. */
  readonly from?: Timestamp
  readonly to?: Timestamp
  readonly order: 'oldest' | 'newest'
  /** Begins after this index, in that order. */
  readonly after?: number
  readonly limit: number
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[]
  /** Where to go on (`after`); there may be more even where this page is empty. Absent at the end. */
  readonly next?: number
}

/** An entry to be read by people: what happened, or that it was destroyed or altered. */
export interface AuditEntry {
  readonly index: number
  readonly type: string
  readonly version: number
  readonly time: Timestamp
  readonly content:
    | ({ readonly kind: 'body' } & Pick<SecurityEvent, 'subject' | 'actor' | 'source' | 'detail'>)
    | { readonly kind: 'shredded' | 'unreadable' }
}

export type ShredWish =
  /** Bodies of these entries, at most 500. */
  | { readonly kind: 'entries'; readonly indices: readonly number[] }
  /** All about a subject: its secret, and every body in which it is the subject. */
  | { readonly kind: 'subject'; readonly subject: string }

export interface AuditStore {
  auditHead(): Promise<AuditHead>
  /** Keeps a signed checkpoint, and thins out old ones. @returns false if the log has contradicted itself meanwhile. */
  writeAuditCheckpoint(checkpoint: AuditCheckpoint): Promise<boolean>
  /** Replaces the note of a checkpoint that is kept by the same with more signatures; false if it is not kept. */
  cosignAuditCheckpoint(size: number, note: string): Promise<boolean>
  /** By size; at most 1,000. */
  listAuditCheckpoints(range: { readonly first: number; readonly last: number }): Promise<readonly AuditCheckpoint[]>
  readAuditTile(tile: TileAddress): Promise<Uint8Array | undefined>
  /** Leaves of a tile of level 0, in the form of C2SP tlog-tiles. */
  readAuditLeaves(tile: { readonly index: number; readonly width: number }): Promise<Uint8Array | undefined>
  /** For proofs, in the order asked for. Rejects with RangeError where the log has none. */
  readAuditHashes(subtrees: readonly Subtree[]): Promise<readonly Hash[]>
  listAuditEntries(query: AuditQuery): Promise<AuditPage>
  /** As bundles have them, those that are there with an index in `[first, first + count)`; at most 500. */
  readAuditEntries(range: {
    readonly first: number
    readonly count: number
    readonly hasBodies: boolean
  }): Promise<readonly BundleEntry[]>
  /** The newest that can be read, oldest of them first; at most 1,000. */
  readRecentEvents(limit: number): Promise<readonly RecordedEvent[]>
  /** One step of destroying bodies; call until it says that it is done. The leaves stay, and with them every proof. */
  shredAuditBodies(
    wish: ShredWish,
    because?: SecurityEvent | readonly SecurityEvent[],
  ): Promise<{ readonly entries: number; readonly isDone: boolean }>
  /** How many bodies a wish would destroy. */
  countAuditBodies(wish: ShredWish): Promise<number>
  /** One step of comparing entries with their leaves, tiles and tree; call again with `next` until there is none. */
  checkAuditLog(from: number): Promise<{ readonly next?: number; readonly contradiction?: Contradiction }>
}

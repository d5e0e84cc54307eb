/** What people ask of the log: entries, exports, proofs by way of its tiles, and the destruction of bodies. */

import { type BundleSource, type EventSink, writeBundle } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { AuditEntry, AuditHead, AuditPage, AuditQuery, AuditStore, ShredWish } from '@holdfast/store'
import { openCheckpoint, TlogError, type VerifierKey } from '@holdfast/tlog'

export interface AuditOfficeParts {
  readonly key: VerifierKey
  readonly store: AuditStore
  /** Overwrites what was deleted from the state. */
  readonly scrub: () => Promise<void>
  readonly clock: Clock
  readonly events: EventSink
}

export class AuditOffice {
  readonly #parts: AuditOfficeParts

  constructor(parts: AuditOfficeParts) {
    this.#parts = parts
  }

  /** As vkey; its name is the origin. */
  get key(): VerifierKey {
    return this.#parts.key
  }

  get tiles(): Pick<AuditStore, 'readAuditTile' | 'readAuditLeaves'> {
    return this.#parts.store
  }

  head(): Promise<AuditHead> {
    return this.#parts.store.auditHead()
  }

  list(query: AuditQuery): Promise<AuditPage> {
    return this.#parts.store.listAuditEntries(query)
  }

  async read(index: number): Promise<AuditEntry | undefined> {
    const { entries } = await this.#parts.store.listAuditEntries({
      order: 'oldest',
      limit: 1,
      ...(index === 0 ? {} : { after: index - 1 }),
    })
    return entries.find((entry) => entry.index === index)
  }

  /** Who signed a checkpoint beside the log itself, by name: nobody, where it is none of this log any more. */
  cosignersOf(note: string): readonly string[] {
    try {
      const { note: signed } = openCheckpoint(Buffer.from(note, 'utf8'), { log: this.key })
      return signed.signatures.filter(({ name }) => name !== this.key.name).map(({ name }) => name)
    } catch (error) {
      // Whoever has the disk can write another there. It is told as a contradiction, and the log can be asked all the same.
      if (error instanceof TlogError) return []
      throw error
    }
  }

  /** The log as it is now, as the lines of a bundle. That it was taken away is an event itself. */
  async export(hasBodies: boolean, actor: string): Promise<AsyncGenerator<string>> {
    const { store, events, clock, key } = this.#parts
    const { size, checkpoint } = await store.auditHead()
    const source: BundleSource = {
      key: key.toString(),
      size,
      lastCheckpoint: checkpoint?.size ?? -1,
      hasBodies,
      entries: (first, count) => store.readAuditEntries({ first, count, hasBodies }),
      tile: (address) => store.readAuditTile(address),
      checkpoints: (first, last) => store.listAuditCheckpoints({ first, last }),
    }
    const detail = { from: 0, size, bodies: hasBodies }
    events({ type: 'audit.exported', at: clock.wall(), subject: 'hub', actor, detail })
    return writeBundle(source)
  }

  /**
   * Destroys bodies for good; what is left are leaves, and with them every proof.
   * Asked for again, it finishes what a stop broke off.
   */
  async shred(wish: ShredWish, by: { readonly actor: string; readonly reason: string }): Promise<number> {
    const { store, scrub, clock } = this.#parts
    const entries = await store.countAuditBodies(wish)
    const { size } = await store.auditHead()
    const indices = wish.kind === 'entries' ? wish.indices.filter((index) => index < size) : []
    const range = indices.length === 0 ? {} : { first: Math.min(...indices), last: Math.max(...indices) }
    const event = {
      type: 'audit.shredded',
      at: clock.wall(),
      // Who it was about is what is to be forgotten.
      subject: 'hub',
      actor: by.actor,
      detail: {
        scope: wish.kind,
        entries,
        reason: by.reason,
        ...range,
      },
    } as const
    // The first step tells of all: after a stop in the middle, what was begun is known, and may be asked for again.
    for (let step = await store.shredAuditBodies(wish, event); !step.isDone; ) step = await store.shredAuditBodies(wish)
    await scrub()
    return entries
  }
}

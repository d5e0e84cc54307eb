/** Digests of stored pages and segments, and what the audit log has to hear of them: the SQL of `digest-tables.ts`. */

import { createHash } from 'node:crypto'
import type { StatementSync } from 'node:sqlite'
import { systemClock } from '@holdfast/node/clock'
import { bytesOf, integerOf, type Row, textOf } from '../sqlite/row.ts'
import type { Telling, Told } from './digest-tables.ts'
import type { PageRow } from './page.ts'
import { STATE_IN_USE } from './schema.ts'
import { SEGMENT_COLUMNS, segmentOf } from './segment.ts'

type PagedTelling = Extract<Telling, { readonly kind: 'paged' }>

/** What is kept of a page, also when it is gone. */
export interface PageDigest {
  readonly page: number
  readonly epoch: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly messages: number
  readonly sealedBytes: number
  readonly sha256: Uint8Array
}

/** The connection that all of `history.db` goes through. */
interface Connection {
  readonly prepare: (sql: string) => StatementSync
  /** One transaction, in which `stop` is kept right; see `Catalog`. */
  readonly write: (synchronous: 'FULL' | 'NORMAL', bytes: number, work: () => void) => void
}

/** Pages whose digests are made by one step: 2 MiB, some milliseconds. */
const ADOPT_PAGES = 32
/** Bytes that a row of a digest takes in the file, with its index. */
const DIGEST_BYTES = 128

export class Digests {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Within the transaction that adds a page. */
  keep({
    page,
    segment,
    row,
    sealed,
  }: {
    readonly page: number
    readonly segment: number
    readonly row: Pick<PageRow, 'epoch' | 'firstSequence' | 'lastSequence' | 'messages'>
    readonly sealed: Uint8Array
  }): void {
    const { epoch, firstSequence, lastSequence, messages } = row
    const sha256 = createHash('sha256').update(sealed).digest()
    this.#prepare('INSERT INTO page_digest VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      page,
      segment,
      epoch,
      firstSequence,
      lastSequence,
      messages,
      sealed.length,
      sha256,
    )
  }

  /** Within the transaction that puts a segment in use. */
  tellPaged(id: number, facts: Pick<PagedTelling, 'batches' | 'merged' | 'adopted'>): void {
    const row = this.#prepare(`SELECT ${SEGMENT_COLUMNS} FROM segment WHERE id = ?`).get(id)
    if (row === undefined) throw new TypeError('a segment that is put in use is there')
    const { partition, firstSequence, nextSequence } = segmentOf(row)
    this.#prepare('INSERT INTO segment_digest VALUES (?, ?)').run(id, systemClock.wall())
    this.tell({
      kind: 'paged',
      partition,
      firstSequence,
      lastSequence: nextSequence - 1,
      ...this.#digestOf(id),
      ...facts,
    })
  }

  /** Within the transaction of what is told. */
  tell(what: Telling): void {
    this.#prepare('INSERT INTO telling (what) VALUES (?)').run(JSON.stringify(what))
  }

  /** Within the transaction that removes the last of a segment. */
  forget(segment: number): void {
    for (const table of ['page_digest', 'segment_digest']) {
      this.#prepare(`DELETE FROM ${table} WHERE segment = ?`).run(segment)
    }
  }

  /** What the audit log has not confirmed, oldest first. */
  tellings(most: number): readonly Told[] {
    return this.#prepare('SELECT id, what FROM telling ORDER BY id LIMIT ?')
      .all(most)
      .map((row) => ({ id: integerOf(row, 'id'), what: JSON.parse(textOf(row, 'what')) as Telling }))
  }

  /** The audit log has everything up to this one on its disk. */
  confirm(id: number): void {
    this.#connection.write('NORMAL', 0, () => this.#prepare('DELETE FROM telling WHERE id <= ?').run(id))
  }

  /** Digests of a segment's pages after the page `after`, in the order of their numbers. */
  pagesOf(segment: number, after: number, most: number): readonly PageDigest[] {
    return this.#prepare('SELECT * FROM page_digest WHERE segment = ? AND page > ? ORDER BY page LIMIT ?')
      .all(segment, after, most)
      .map(pageDigestOf)
  }

  /** Sealed bytes of a page by its number; undefined where there is none in this segment. */
  sealedAt(segment: number, page: number): Uint8Array | undefined {
    const row = this.#prepare('SELECT sealed FROM page WHERE id = ? AND segment = ?').get(page, segment)
    return row === undefined ? undefined : bytesOf(row, 'sealed')
  }

  /** The first page of a segment that nobody kept a digest of. */
  pageWithout(segment: number): number | undefined {
    const row = this.#prepare(
      `SELECT id FROM page WHERE segment = ?1 AND id NOT IN (SELECT page FROM page_digest WHERE segment = ?1)
       ORDER BY id LIMIT 1`,
    ).get(segment)
    return row === undefined ? undefined : integerOf(row, 'id')
  }

  /** When a segment came into use, in milliseconds since 1970; undefined where it is older than digests are. */
  inUseSince(segment: number): number | undefined {
    const row = this.#prepare('SELECT in_use_since FROM segment_digest WHERE segment = ?').get(segment)
    return row === undefined ? undefined : integerOf(row, 'in_use_since')
  }

  /**
   * Makes digests of what was there before digests were kept: some pages a call, and at the end of a segment its telling.
   * @returns true when there is more to do.
   */
  adopt(): boolean {
    const row = this.#prepare(
      `SELECT id FROM segment WHERE state = ${STATE_IN_USE} AND id NOT IN (SELECT segment FROM segment_digest)
       ORDER BY id LIMIT 1`,
    ).get()
    if (row === undefined) return false
    const segment = integerOf(row, 'id')
    const pages = this.#prepare(
      `SELECT id, epoch, first_sequence, last_sequence, messages, sealed FROM page WHERE segment = ?1
       AND id > coalesce((SELECT max(page) FROM page_digest WHERE segment = ?1), -1) ORDER BY id LIMIT ?2`,
    ).all(segment, ADOPT_PAGES)
    const isLast = pages.length < ADOPT_PAGES
    this.#connection.write(isLast ? 'FULL' : 'NORMAL', pages.length * DIGEST_BYTES, () => {
      for (const page of pages) {
        const facts = {
          epoch: integerOf(page, 'epoch'),
          firstSequence: integerOf(page, 'first_sequence'),
          lastSequence: integerOf(page, 'last_sequence'),
          messages: integerOf(page, 'messages'),
        }
        this.keep({ page: integerOf(page, 'id'), segment, row: facts, sealed: bytesOf(page, 'sealed') })
      }
      if (isLast) this.tellPaged(segment, { adopted: true })
    })
    return true
  }

  /** The digest of a segment, as its pages' kept digests give it, and what they add up to. */
  #digestOf(segment: number): Pick<PagedTelling, 'messages' | 'pages' | 'bytes' | 'sha256'> {
    const hash = createHash('sha256')
    let [messages, pages, bytes] = [0, 0, 0]
    for (const row of this.#prepare('SELECT * FROM page_digest WHERE segment = ? ORDER BY page').iterate(segment)) {
      const page = pageDigestOf(row)
      hash.update(page.sha256)
      messages += page.messages
      bytes += page.sealedBytes
      pages += 1
    }
    return { messages, pages, bytes, sha256: hash.digest('hex') }
  }

  #prepare(sql: string): StatementSync {
    return this.#connection.prepare(sql)
  }
}

function pageDigestOf(row: Row): PageDigest {
  return {
    page: integerOf(row, 'page'),
    epoch: integerOf(row, 'epoch'),
    firstSequence: integerOf(row, 'first_sequence'),
    lastSequence: integerOf(row, 'last_sequence'),
    messages: integerOf(row, 'messages'),
    sealedBytes: integerOf(row, 'sealed_bytes'),
    sha256: bytesOf(row, 'sha256'),
  }
}

/** The audit log as forwarding, reviews and timelines read it: its entries with their bodies, and whose they are. */

import { type BundleEntry, decodeBody, decodeLeaf } from '@holdfast/audit'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { EntryBody, EntryReader, LogEntry } from '@holdfast/review'
import type { AuditEntry, AuditStore } from '@holdfast/store'

/** Entries asked for at once. */
const PAGE_ENTRIES = 500

export interface LogReaderParts {
  readonly store: Pick<AuditStore, 'auditHead' | 'readAuditEntries' | 'listAuditEntries'>
  /** To which organisation a subject belongs now; undefined where it is the hub's own or nobody's. */
  readonly organisationOf: (subject: string) => Promise<string | undefined>
}

export class LogReader implements EntryReader {
  readonly #parts: LogReaderParts

  constructor(parts: LogReaderParts) {
    this.#parts = parts
  }

  async readSize(): Promise<number> {
    return (await this.#parts.store.auditHead()).size
  }

  async readEntries(from: number, limit: number): Promise<readonly LogEntry[]> {
    const entries: LogEntry[] = []
    while (entries.length < limit) {
      const first = from + entries.length
      const page = await this.#parts.store.readAuditEntries({ first, count: limit - entries.length, hasBodies: true })
      if (page.length === 0) break
      for (const [at, entry] of page.entries()) entries.push(entryOf(entry, first + at))
    }
    return this.#owned(entries)
  }

  /**
   * Entries about a subject, a device's modules among them, or of a type, that happened until `asOf`: the newest `limit`, in
   * the order of the log. `isCut`: there are older ones.
   */
  async readAbout(
    what: { readonly subject: string } | { readonly type: string },
    { asOf, limit }: { readonly asOf: Timestamp; readonly limit: number },
  ): Promise<{ readonly entries: readonly LogEntry[]; readonly isCut: boolean }> {
    const newest: LogEntry[] = []
    let after: number | undefined
    do {
      const place = { ...(after === undefined ? {} : { after }), limit: Math.min(PAGE_ENTRIES, limit - newest.length) }
      const page = await this.#parts.store.listAuditEntries({
        ...what,
        to: timestampOf(asOf + 1),
        order: 'newest',
        ...place,
      })
      newest.push(...page.entries.map(shownEntryOf))
      after = page.next
    } while (after !== undefined && newest.length < limit)
    return { entries: newest.toReversed(), isCut: after !== undefined }
  }

  /** The organisation of each, every subject asked for once. */
  async #owned(entries: readonly LogEntry[]): Promise<readonly LogEntry[]> {
    const owners = new Map<string, string | undefined>()
    for (const { body } of entries) {
      if (body === undefined || owners.has(body.subject)) continue
      owners.set(body.subject, await this.#parts.organisationOf(body.subject))
    }
    return entries.map((entry) => {
      const organisation = entry.body === undefined ? undefined : owners.get(entry.body.subject)
      return organisation === undefined ? entry : { ...entry, organisation }
    })
  }
}

function shownEntryOf({ index, type, version, time, content }: AuditEntry): LogEntry {
  if (content.kind !== 'body') {
    const isUnreadable = content.kind === 'unreadable' ? { isUnreadable: true as const } : {}
    return { index, type, version, at: time, body: undefined, ...isUnreadable }
  }
  const { kind: _kind, ...body } = content
  return { index, type, version, at: time, body }
}

/**
 * An entry of the store.
 * @throws Error where there is a gap: nobody shall go on as if an entry that is missing had never been.
 */
function entryOf({ index, leaf, content }: BundleEntry, expected: number): LogEntry {
  if (index !== expected) throw new Error(`entry ${expected} is missing in the audit log; see 'holdfast audit verify'`)
  const known = decodeLeaf(Buffer.from(leaf, 'latin1'))
  const body = content.kind === 'body' ? decodeBody(Buffer.from(content.body, 'utf8')) : undefined
  return {
    index,
    // A leaf that was altered so that it is none tells nothing; that it is one too many does.
    type: known?.type ?? 'unknown',
    version: known?.version ?? 0,
    at: known?.time ?? timestampOf(0),
    body: body satisfies EntryBody | undefined,
    ...(body === undefined && content.kind !== 'shredded' ? { isUnreadable: true } : {}),
  }
}

/** The audit log as forwarding, reviews and timelines read it: its entries with their bodies, and whose they are. */

import { type BundleEntry, decodeBody, decodeLeaf } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import type { EntryBody, EntryReader, LogEntry } from '@holdfast/review'
import type { AuditStore } from '@holdfast/store'

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

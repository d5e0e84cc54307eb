/** An entry of the audit log as reviews, timelines and forwarding read it. */

import type { SecurityEvent } from '@holdfast/audit'
import { formatTimestamp, type Timestamp } from '@holdfast/base'

export interface LogEntry {
  /** Its place in the log, from 0. */
  readonly index: number
  readonly type: string
  /** Of the schema of its type. */
  readonly version: number
  readonly at: Timestamp
  /** Undefined where it was destroyed, or altered: the leaf stands, and says no more than the above. */
  readonly body: EntryBody | undefined
  /** It is there and was altered, so that nobody can open it. */
  readonly isUnreadable?: true
  /** To which organisation its subject belongs when it is read; absent where it is the hub's own or nobody's. */
  readonly organisation?: string
}

export type EntryBody = Pick<SecurityEvent, 'subject' | 'actor' | 'detail' | 'source'>

/** A page of the log: entries in their order, without gaps unless they were asked for by something else than their place. */
export interface EntryReader {
  /**
   * Entries from `from` on, `limit` (1 to 1,000) at the most; empty where the log ends. MUST give only what is on disk,
   * and MUST leave out nothing.
   */
  readEntries(from: number, limit: number): Promise<readonly LogEntry[]>
  /** Entries in the log. */
  readSize(): Promise<number>
}

/** As documents for others show it. */
export interface EntryDocument {
  index: number
  type: string
  version: number
  time: string
  subject?: string
  actor?: string
  source?: string
  detail?: Record<string, string | number | boolean>
  /** Its body was destroyed. */
  shredded?: true
  /** Its body was altered. */
  unreadable?: true
}

export function entryDocument({ index, type, version, at, body, isUnreadable }: LogEntry): EntryDocument {
  const head = { index, type, version, time: formatTimestamp(at) }
  if (body === undefined) return { ...head, ...(isUnreadable === true ? { unreadable: true } : { shredded: true }) }
  const { subject, actor, source, detail } = body
  return { ...head, subject, actor, ...(source === undefined ? {} : { source }), detail: { ...detail } }
}

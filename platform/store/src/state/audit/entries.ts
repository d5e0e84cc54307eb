/** Rows of the log as entries: their leaves, and their bodies where they still open. */

import {
  type BundleEntry,
  decodeBody,
  encodeLeaf,
  entryKeys,
  isCommitted,
  isEventType,
  type Leaf,
  openBody,
  type RecordedEvent,
} from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import type { AuditEntry } from './port.ts'
import type { AuditSecrets } from './secrets.ts'

export const ENTRY_COLUMNS = 'n, type, version, time, commitment, hash, secret, salt, body'

/** As SQLite gives it; `STRICT` holds the types. */
export type EntryRow = Readonly<Record<string, unknown>>

type Content =
  | { readonly kind: 'body'; readonly body: Uint8Array; readonly opening: Uint8Array }
  | { readonly kind: 'shredded' | 'unreadable' }

/** The leaf that a row says; its bytes are derived, so that no row can say one thing and hash another. */
export function leafOf(row: EntryRow): Leaf {
  const { n, type, version, time, commitment } = row
  return {
    index: Number(n),
    type: String(type),
    version: Number(version),
    time: timestampOf(Number(time)),
    commitment: commitment instanceof Uint8Array ? commitment : new Uint8Array(),
  }
}

/** The bytes of the leaf. A row with times or texts that no leaf has gives bytes all the same: they match no hash. */
export function leafBytesOf(row: EntryRow): Uint8Array {
  try {
    return encodeLeaf(leafOf(row))
  } catch {
    return new Uint8Array()
  }
}

export function contentOf(row: EntryRow, secrets: AuditSecrets): Content {
  const { salt, body: sealed, secret: id, commitment } = row
  if (!(salt instanceof Uint8Array) || !(sealed instanceof Uint8Array)) return { kind: 'shredded' }
  const secret = secrets.byId(Number(id))
  if (secret === undefined) return { kind: 'shredded' }
  const { key, opening } = entryKeys(secret, salt)
  const body = openBody(sealed, key, leafBytesOf(row))
  if (body === undefined || !(commitment instanceof Uint8Array) || !isCommitted(commitment, body, opening)) {
    return { kind: 'unreadable' }
  }
  return { kind: 'body', body, opening }
}

export function bundleEntryOf(row: EntryRow, secrets: AuditSecrets, hasBodies: boolean): BundleEntry {
  const index = Number(row['n'])
  const leaf = Buffer.from(leafBytesOf(row)).toString('latin1')
  if (!hasBodies) return { kind: 'entry', index, leaf, content: { kind: 'withheld' } }
  const content = contentOf(row, secrets)
  if (content.kind !== 'body') return { kind: 'entry', index, leaf, content: { kind: content.kind } }
  const { body, opening } = content
  return { kind: 'entry', index, leaf, content: { kind: 'body', body: Buffer.from(body).toString('utf8'), opening } }
}

export function auditEntryOf(row: EntryRow, secrets: AuditSecrets): AuditEntry {
  const { index, type, version, time } = leafOf(row)
  const content = contentOf(row, secrets)
  const body = content.kind === 'body' ? decodeBody(content.body) : undefined
  const shown =
    body === undefined
      ? { kind: content.kind === 'shredded' ? ('shredded' as const) : ('unreadable' as const) }
      : { kind: 'body' as const, ...body }
  return { index, type, version, time, content: shown }
}

/** As it was told; `undefined` for what was destroyed or altered, or is of a type that the catalogue has no more. */
export function eventOf({ index, type, time, content }: AuditEntry): RecordedEvent | undefined {
  if (content.kind !== 'body' || !isEventType(type)) return undefined
  const { kind: _kind, ...body } = content
  return { index, type, at: time, ...body }
}

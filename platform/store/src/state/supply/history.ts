/** The history of what became of devices: lines are added, and nothing else. */

import type { HistoryDraft, HistoryEntry, Stamp } from '@holdfast/supply'
import type { Kysely } from 'kysely'
import { pageLimit } from '../page.ts'
import type { StateSchema } from '../schema.ts'
import type { StateTransaction } from '../write-group.ts'

export function entrySubject(manufacturer: string, serial: string): string {
  return `supply/${manufacturer}/${serial}`
}

export function deviceSubject(deviceId: string): string {
  return `device/${deviceId}`
}

export async function writeHistory(
  transaction: StateTransaction,
  subject: string,
  lines: readonly HistoryDraft[],
  { at, actor }: Stamp,
): Promise<void> {
  if (lines.length === 0) return
  await transaction
    .insertInto('life_history')
    .values(
      lines.map(({ move, from, to, detail }) => ({
        subject,
        at,
        actor,
        move,
        from_state: from ?? null,
        to_state: to ?? null,
        detail: JSON.stringify(detail),
      })),
    )
    .execute()
}

export async function listHistory(
  db: Kysely<StateSchema>,
  subject: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly HistoryEntry[]> {
  const rows = await db
    .selectFrom('life_history')
    .selectAll()
    .where('subject', '=', subject)
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(pageLimit(limit))
    .execute()
  return rows.map((row) => ({
    sequence: row.sequence,
    subject: row.subject,
    at: row.at,
    actor: row.actor,
    // Written by `writeHistory` alone, from a draft.
    move: row.move as HistoryDraft['move'],
    ...(row.from_state === null ? {} : { from: row.from_state }),
    ...(row.to_state === null ? {} : { to: row.to_state }),
    detail: JSON.parse(row.detail) as Readonly<Record<string, string>>,
  }))
}

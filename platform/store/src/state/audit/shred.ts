/** Destroying bodies. The leaves stay, and the tree; what they commit to can be neither read nor guessed any more. */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { HUB_OWNER, ownerOf } from '@holdfast/audit'
import { SHREDDED_ENTRIES_MAX } from './limits.ts'
import type { ShredWish } from './port.ts'
import type { AuditSecrets } from './secrets.ts'

/** What says that something was destroyed is not destroyed with it. */
const KEPT = ['audit.shredded', 'identity.shredded'] as const

/** One step, within a transaction. */
export function shredBodies(
  { database, secrets }: { readonly database: DatabaseSync; readonly secrets: AuditSecrets },
  wish: ShredWish,
): { readonly entries: number; readonly isDone: boolean } {
  // First of all: from here on nothing that was sealed under it opens, whatever becomes of the rest. But the hub's own: it
  // seals what says that something was destroyed, and what strangers caused about others.
  const owner = wish.kind === 'subject' ? ownerOf(wish.subject) : HUB_OWNER
  if (owner !== HUB_OWNER) secrets.destroy(owner)
  const { where, values } = conditionOf(secrets, wish)
  const { changes } = database
    .prepare(
      `UPDATE audit_entry SET salt = NULL, body = NULL, subject_tag = NULL, actor_tag = NULL
       WHERE n IN (SELECT n FROM audit_entry WHERE ${where} LIMIT ${SHREDDED_ENTRIES_MAX})`,
    )
    .run(...values)
  return { entries: Number(changes), isDone: changes < SHREDDED_ENTRIES_MAX }
}

export function countBodies(
  { database, secrets }: { readonly database: DatabaseSync; readonly secrets: AuditSecrets },
  wish: ShredWish,
): number {
  const { where, values } = conditionOf(secrets, wish)
  return Number(database.prepare(`SELECT count(*) AS n FROM audit_entry WHERE ${where}`).get(...values)?.['n'])
}

function conditionOf(
  secrets: AuditSecrets,
  wish: ShredWish,
): { readonly where: string; readonly values: readonly SQLInputValue[] } {
  const kept = KEPT.map((type) => `'${type}'`).join(', ')
  const common = `body IS NOT NULL AND +type NOT IN (${kept})`
  if (wish.kind === 'subject') {
    return { where: `subject_tag = ? AND ${common}`, values: [secrets.tag('subject', ownerOf(wish.subject))] }
  }
  const indices = wish.indices.slice(0, SHREDDED_ENTRIES_MAX)
  return { where: `n IN (${indices.map(() => '?').join(', ')}) AND ${common}`, values: indices }
}

/**
 * Moving sealed values to the current key after a rotation, some rows at a time. Every step is a transaction of its
 * own: it may stop anywhere, by a crash too, and goes on where it was.
 */

import type { Kysely } from 'kysely'
import { secretPlace } from './audit/secrets.ts'
import { backupPlace } from './backups.ts'
import { commandPlace } from './commands.ts'
import { enrollmentPlace } from './enrollments.ts'
import { feedbackPlace } from './feedback-records.ts'
import { sinkPlace } from './forwarding.ts'
import { identityPlace } from './identities.ts'
import { RESEAL_CONTENTS_MAX, RESEAL_ROWS_MAX } from './limits.ts'
import { peoplePlace } from './operators.ts'
import { policyPlace } from './policies.ts'
import { reviewPlace } from './reviews.ts'
import type { StateSchema } from './schema.ts'
import { serviceMessagePlace } from './service-queues.ts'
import { tokenPlace } from './tokens.ts'
import { hubKeyPlace, uploadPlace } from './uploads.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

const SEALED_TABLES = [
  'identity',
  'policy',
  'enrollment',
  'command',
  'feedback_record',
  'service_message',
  'upload',
  'hub_key',
  'audit_secret',
  'people_record',
  'sink',
  'review_record',
  'backup',
  'access_token',
] as const
type SealedTable = (typeof SEALED_TABLES)[number]

export interface ResealOutcome {
  /** Rows moved by this step. */
  readonly rows: number
  /** True when nothing is sealed under another key than the current one any more. */
  readonly isDone: boolean
}

/** The epochs under which something is sealed, ascending: a key of these cannot be dropped without loss. */
export async function readSealEpochs(db: Kysely<StateSchema>): Promise<readonly number[]> {
  const epochs = new Set<number>()
  for (const table of SEALED_TABLES) {
    // From one epoch to the next by the index: the rows are many, the epochs are few.
    for (let last = -1; ; ) {
      const row = await db
        .selectFrom(table)
        .select('seal_epoch')
        .where('seal_epoch', '>', last)
        .orderBy('seal_epoch')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined || row.seal_epoch === null) break
      last = row.seal_epoch
      epochs.add(last)
    }
  }
  return [...epochs].sort((a, b) => a - b)
}

/** @throws StoreDamagedError naming the record when a value does not open: it has to be replaced by hand. */
export async function reseal(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer): Promise<ResealOutcome> {
  const stale = (await readSealEpochs(db)).find((epoch) => epoch !== sealer.epoch)
  if (stale === undefined) return { rows: 0, isDone: true }
  const rows = await writes.run(async (transaction) => {
    let moved = 0
    for (const table of SEALED_TABLES) {
      if (moved < RESEAL_ROWS_MAX)
        moved += await MOVES[table](transaction, { epoch: stale, sealer, left: RESEAL_ROWS_MAX - moved })
    }
    return moved
  })
  return { rows, isDone: false }
}

interface Move {
  readonly epoch: number
  readonly sealer: ValueSealer
  readonly left: number
}

/** Moves at most `left` rows of one table away from `epoch`; how many it were. */
const MOVES: Readonly<Record<SealedTable, (transaction: StateTransaction, move: Move) => Promise<number>>> = {
  identity: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('identity')
      .select(['device_id', 'module_id', 'primary_key', 'secondary_key'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const row of rows) {
      await transaction
        .updateTable('identity')
        .set(moved(row, move, (column) => identityPlace(row, column)))
        .where('device_id', '=', row.device_id)
        .where('module_id', '=', row.module_id)
        .execute()
    }
    return rows.length
  },
  policy: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('policy')
      .select(['name', 'rights', 'primary_key', 'secondary_key'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const row of rows) {
      await transaction
        .updateTable('policy')
        .set(moved(row, move, (column) => policyPlace(row, column)))
        .where('name', '=', row.name)
        .execute()
    }
    return rows.length
  },
  enrollment: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('enrollment')
      .select(['scope', 'id', 'primary_key', 'secondary_key'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const row of rows) {
      await transaction
        .updateTable('enrollment')
        .set(moved(row, move, (column) => enrollmentPlace(row, column)))
        .where('scope', '=', row.scope)
        .where('id', '=', row.id)
        .execute()
    }
    return rows.length
  },
  upload: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('upload')
      .select(['id', 'file', 'content_key'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const row of rows) {
      if (row.content_key === null) throw new TypeError('the table checks this')
      const place = uploadPlace(row)
      await transaction
        .updateTable('upload')
        .set({
          content_key: move.sealer.seal(move.sealer.open(row.content_key, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('id', '=', row.id)
        .execute()
    }
    return rows.length
  },
  hub_key: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('hub_key')
      .select(['name', 'value'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const { name, value } of rows) {
      const place = hubKeyPlace(name)
      await transaction
        .updateTable('hub_key')
        .set({
          value: move.sealer.seal(move.sealer.open(value, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('name', '=', name)
        .execute()
    }
    return rows.length
  },
  people_record: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('people_record')
      .select(['kind', 'id', 'document'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const { kind, id, document } of rows) {
      const place = peoplePlace({ kind, id })
      await transaction
        .updateTable('people_record')
        .set({
          document: move.sealer.seal(move.sealer.open(document, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('kind', '=', kind)
        .where('id', '=', id)
        .execute()
    }
    return rows.length
  },
  sink: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('sink')
      .select(['name', 'created_time', 'document'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const row of rows) {
      const place = sinkPlace(row)
      await transaction
        .updateTable('sink')
        .set({
          document: move.sealer.seal(move.sealer.open(row.document, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('name', '=', row.name)
        .execute()
    }
    return rows.length
  },
  review_record: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('review_record')
      .select(['kind', 'id', 'document'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const { kind, id, document } of rows) {
      const place = reviewPlace({ kind, id })
      await transaction
        .updateTable('review_record')
        .set({
          document: move.sealer.seal(move.sealer.open(document, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('kind', '=', kind)
        .where('id', '=', id)
        .execute()
    }
    return rows.length
  },
  backup: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('backup')
      .select(['id', 'document'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const { id, document } of rows) {
      const place = backupPlace(id)
      await transaction
        .updateTable('backup')
        .set({
          document: move.sealer.seal(move.sealer.open(document, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('id', '=', id)
        .execute()
    }
    return rows.length
  },
  access_token: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('access_token')
      .select(['id', 'document'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const { id, document } of rows) {
      const place = tokenPlace(id)
      await transaction
        .updateTable('access_token')
        .set({
          document: move.sealer.seal(move.sealer.open(document, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('id', '=', id)
        .execute()
    }
    return rows.length
  },
  audit_secret: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('audit_secret')
      .select(['id', 'owner_tag', 'secret'])
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const row of rows) {
      const place = secretPlace(row.owner_tag)
      await transaction
        .updateTable('audit_secret')
        .set({
          secret: move.sealer.sealBytes(move.sealer.openBytes(row.secret, move.epoch, place), place),
          seal_epoch: move.sealer.epoch,
        })
        .where('id', '=', row.id)
        .execute()
    }
    return rows.length
  },
  command: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('command')
      .selectAll()
      .where('seal_epoch', '=', move.epoch)
      .limit(Math.min(move.left, RESEAL_CONTENTS_MAX))
      .execute()
    for (const row of rows) {
      await transaction
        .updateTable('command')
        .set(movedContent(row, move, commandPlace(row)))
        .where('sequence', '=', row.sequence)
        .execute()
    }
    return rows.length
  },
  feedback_record: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('feedback_record')
      .selectAll()
      .where('seal_epoch', '=', move.epoch)
      .limit(move.left)
      .execute()
    for (const row of rows) {
      await transaction
        .updateTable('feedback_record')
        .set(movedContent(row, move, feedbackPlace(row)))
        .where('sequence', '=', row.sequence)
        .execute()
    }
    return rows.length
  },
  service_message: async (transaction, move) => {
    const rows = await transaction
      .selectFrom('service_message')
      .selectAll()
      .where('seal_epoch', '=', move.epoch)
      .limit(Math.min(move.left, RESEAL_CONTENTS_MAX))
      .execute()
    for (const row of rows) {
      await transaction
        .updateTable('service_message')
        .set(movedContent(row, move, serviceMessagePlace(row)))
        .where('sequence', '=', row.sequence)
        .execute()
    }
    return rows.length
  },
}

/** As `moved`, of the tables whose sealed column is the content of a message. */
function movedContent(
  row: { readonly content: Uint8Array },
  { sealer, epoch }: Move,
  place: Place,
): { readonly content: Uint8Array; readonly seal_epoch: number } {
  return { content: sealer.sealBytes(sealer.openBytes(row.content, epoch, place), place), seal_epoch: sealer.epoch }
}

function moved(
  row: { readonly primary_key: Uint8Array | null; readonly secondary_key: Uint8Array | null },
  move: Move,
  placeOf: (column: string) => Place,
): { readonly primary_key: Uint8Array; readonly secondary_key: Uint8Array; readonly seal_epoch: number } {
  const { primary_key: primary, secondary_key: secondary } = row
  if (primary === null || secondary === null) throw new TypeError('the table checks these')
  const again = (value: Uint8Array, column: string): Uint8Array =>
    move.sealer.seal(move.sealer.open(value, move.epoch, placeOf(column)), placeOf(column))
  return {
    primary_key: again(primary, 'primary_key'),
    secondary_key: again(secondary, 'secondary_key'),
    seal_epoch: move.sealer.epoch,
  }
}

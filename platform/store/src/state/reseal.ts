/**
 * Moving sealed values to the current key after a rotation, some rows at a time. Every step is a transaction of its
 * own: it may stop anywhere, by a crash too, and goes on where it was.
 */

import { type Kysely, type Selectable, sql } from 'kysely'
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

/** How a table holds what is sealed. */
interface Sealed<T extends SealedTable> {
  readonly key: readonly Column<T>[]
  readonly columns: readonly Column<T>[]
  /** Where the value of a column stands. */
  place(row: Row<T>, column: string): Place
  /** Rows moved in one step, where they are long; otherwise as many as the step has left. */
  readonly rowsMax?: number
}

type SealedTable = (typeof SEALED_TABLES)[number]
type Row<T extends SealedTable> = Selectable<StateSchema[T]>
type Column<T extends SealedTable> = string & keyof Row<T>

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

const KEYS = ['primary_key', 'secondary_key'] as const

const SEALED: { readonly [T in SealedTable]: Sealed<T> } = {
  identity: { key: ['device_id', 'module_id'], columns: KEYS, place: identityPlace },
  policy: { key: ['name'], columns: KEYS, place: policyPlace },
  enrollment: { key: ['scope', 'id'], columns: KEYS, place: enrollmentPlace },
  command: { key: ['sequence'], columns: ['content'], place: commandPlace, rowsMax: RESEAL_CONTENTS_MAX },
  feedback_record: { key: ['sequence'], columns: ['content'], place: feedbackPlace },
  service_message: {
    key: ['sequence'],
    columns: ['content'],
    place: serviceMessagePlace,
    rowsMax: RESEAL_CONTENTS_MAX,
  },
  upload: { key: ['id'], columns: ['content_key'], place: uploadPlace },
  hub_key: { key: ['name'], columns: ['value'], place: ({ name }) => hubKeyPlace(name) },
  audit_secret: { key: ['id'], columns: ['secret'], place: (row) => secretPlace(row.owner_tag) },
  people_record: { key: ['kind', 'id'], columns: ['document'], place: peoplePlace },
  sink: { key: ['name'], columns: ['document'], place: sinkPlace },
  review_record: { key: ['kind', 'id'], columns: ['document'], place: reviewPlace },
  backup: { key: ['id'], columns: ['document'], place: ({ id }) => backupPlace(id) },
  access_token: { key: ['id'], columns: ['document'], place: ({ id }) => tokenPlace(id) },
}

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
      if (moved === RESEAL_ROWS_MAX) break
      moved += await move(transaction, table, { epoch: stale, sealer, left: RESEAL_ROWS_MAX - moved })
    }
    return moved
  })
  return { rows, isDone: false }
}

/** Moves at most `left` rows of one table away from `epoch`; how many it were. */
async function move<T extends SealedTable>(
  transaction: StateTransaction,
  table: T,
  { epoch, sealer, left }: { readonly epoch: number; readonly sealer: ValueSealer; readonly left: number },
): Promise<number> {
  const { key, columns, place, rowsMax = left }: Sealed<T> = SEALED[table]
  const { rows } = await sql<Row<T>>`
    SELECT * FROM ${sql.table(table)} WHERE seal_epoch = ${epoch} LIMIT ${Math.min(left, rowsMax)}`.execute(transaction)
  for (const row of rows) {
    const changes = columns.map((column) => {
      const value: unknown = row[column]
      if (!(value instanceof Uint8Array)) throw new TypeError('the table checks this')
      const at = place(row, column)
      return sql`${sql.ref(column)} = ${sealer.sealBytes(sealer.openBytes(value, epoch, at), at)}`
    })
    const isRow = key.map((column) => sql`${sql.ref(column)} = ${row[column]}`)
    await sql`
      UPDATE ${sql.table(table)} SET ${sql.join([...changes, sql`seal_epoch = ${sealer.epoch}`])}
      WHERE ${sql.join(isRow, sql` AND `)}`.execute(transaction)
  }
  return rows.length
}

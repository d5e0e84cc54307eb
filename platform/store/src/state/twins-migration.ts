/** From twins that nobody was served to those of `domain/twins`: ETags, metadata of what is there, and who is connected. */

import { randomBytes } from 'node:crypto'
import { timestampOf } from '@holdfast/base'
import { newSection, type TwinObject } from '@holdfast/iothub'
import { CompiledQuery, type Kysely, sql } from 'kysely'

/** Rows held at once. */
const ROWS = 500

const PRESENCE = `CREATE TABLE presence (
  device_id     TEXT NOT NULL,
  module_id     TEXT NOT NULL,
  connected     INTEGER NOT NULL CHECK (connected IN (0, 1)),
  since         INTEGER,
  last_activity INTEGER NOT NULL,
  model_id      TEXT,
  CHECK (connected = 0 OR since IS NOT NULL),
  PRIMARY KEY (device_id, module_id),
  FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
) STRICT, WITHOUT ROWID`

interface OldTwin {
  readonly id: number
  readonly desired: string
  readonly desired_version: number
  readonly reported: string
  readonly created_time: number
}

export async function migrateTwins(db: Kysely<unknown>): Promise<void> {
  await sql.raw(`ALTER TABLE twin ADD COLUMN etag TEXT NOT NULL DEFAULT ''`).execute(db)
  await sql.raw(PRESENCE).execute(db)
  for (let after = -1; ; ) {
    const { rows } = await db.executeQuery<OldTwin>(
      CompiledQuery.raw(
        `SELECT twin.rowid AS id, desired, desired_version, reported, created_time
         FROM twin JOIN identity USING (device_id, module_id) WHERE twin.rowid > ? ORDER BY twin.rowid LIMIT ${ROWS}`,
        [after],
      ),
    )
    for (const row of rows) await migrateTwin(db, row)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

/** Nobody wrote down when properties came; the identity's own time is the nearest that is known. */
async function migrateTwin(db: Kysely<unknown>, row: OldTwin): Promise<void> {
  const at = timestampOf(row.created_time)
  const content = JSON.parse(row.desired) as TwinObject
  // An empty section was never written, as that of a new twin.
  const isEmpty = Object.keys(content).length === 0
  const desired = newSection(content, isEmpty ? { at } : { at, version: row.desired_version })
  const reported = newSection(JSON.parse(row.reported) as TwinObject, { at })
  await db.executeQuery(
    CompiledQuery.raw(
      'UPDATE twin SET etag = ?, desired = ?, desired_metadata = ?, reported = ?, reported_metadata = ? WHERE rowid = ?',
      [
        randomBytes(8).toString('base64'),
        JSON.stringify(desired.properties),
        JSON.stringify(desired.metadata),
        JSON.stringify(reported.properties),
        JSON.stringify(reported.metadata),
        row.id,
      ],
    ),
  )
}

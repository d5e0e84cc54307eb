/** Which devices have been seen to trust the root that authorities roll over to, beside when they were last active. */

import type { Timestamp } from '@holdfast/base'
import { CompiledQuery, type Kysely } from 'kysely'
import { PAGE_RECORDS_MAX, PRESENCE_RECORDS_MAX } from './limits.ts'
import type { MoveEvidenceTable } from './move-evidence-schema.ts'
import type { StateSchema } from './schema.ts'
import type { WriteGroup } from './write-group.ts'

export type MoveEvidenceKind = MoveEvidenceTable['kind']

export interface MoveEvidence {
  readonly deviceId: string
  readonly kind: MoveEvidenceKind
  readonly at: Timestamp
}

/** A device that was ever active. */
export interface ActiveDevice {
  readonly deviceId: string
  readonly isConnected: boolean
  readonly lastActivity: Timestamp
  /** The strongest that was seen. */
  readonly evidence?: MoveEvidenceKind
}

export interface MoveEvidenceStore {
  /** Keeps the strongest of each device that exists. At most 500 records, written as one. */
  writeMoveEvidence(records: readonly MoveEvidence[]): Promise<void>
  /** Of earlier roll-overs: nothing is known of the next. */
  clearMoveEvidence(): Promise<void>
  /** Devices that were ever active, by id, behind `after`; at most 1,000. */
  listActiveDevices(page: { readonly after?: string; readonly limit: number }): Promise<readonly ActiveDevice[]>
}

const RANK = `CASE %.kind WHEN 'connected' THEN 3 WHEN 'renewed' THEN 2 ELSE 1 END`
const rankOf = (table: string): string => RANK.replace('%', table)

const WRITE = `INSERT INTO move_evidence (device_id, kind, at)
  SELECT device_id, ?, ? FROM identity WHERE device_id = ? AND module_id = ''
  ON CONFLICT (device_id) DO UPDATE SET kind = excluded.kind, at = excluded.at
    WHERE ${rankOf('excluded')} >= ${rankOf('move_evidence')}`
/** From one device to the next, over its modules. */
const LIST = `SELECT presence.device_id, connected, last_activity, kind FROM presence
  LEFT JOIN move_evidence ON move_evidence.device_id = presence.device_id
  WHERE presence.module_id = '' AND presence.device_id > ? ORDER BY presence.device_id LIMIT ?`

interface Row {
  readonly device_id: string
  readonly connected: 0 | 1
  readonly last_activity: Timestamp
  readonly kind: MoveEvidenceKind | null
}

export class SqlMoveEvidence implements MoveEvidenceStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async writeMoveEvidence(records: readonly MoveEvidence[]): Promise<void> {
    if (records.length > PRESENCE_RECORDS_MAX) throw new TypeError(`at most ${PRESENCE_RECORDS_MAX} records at once`)
    if (records.length === 0) return
    await this.#writes.run(async (transaction) => {
      for (const { deviceId, kind, at } of records) {
        await transaction.executeQuery(CompiledQuery.raw(WRITE, [kind, at, deviceId]))
      }
    })
  }

  async clearMoveEvidence(): Promise<void> {
    await this.#writes.run(async (transaction) => {
      await transaction.executeQuery(CompiledQuery.raw('DELETE FROM move_evidence'))
    })
  }

  async listActiveDevices(page: { readonly after?: string; readonly limit: number }): Promise<readonly ActiveDevice[]> {
    const limit = Math.min(page.limit, PAGE_RECORDS_MAX)
    const { rows } = await this.#db.executeQuery<Row>(CompiledQuery.raw(LIST, [page.after ?? '', limit]))
    return rows.map((row) => ({
      deviceId: row.device_id,
      isConnected: row.connected === 1,
      lastActivity: row.last_activity,
      ...(row.kind === null ? {} : { evidence: row.kind }),
    }))
  }
}

/** Who is connected, as queries and restarts know it. The core knows better and writes here what has changed. */

import type { Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import { CompiledQuery, type Kysely, type Selectable } from 'kysely'
import { PAGE_RECORDS_MAX, PRESENCE_RECORDS_MAX } from './limits.ts'
import type { PresenceTable, StateSchema } from './schema.ts'
import type { WriteGroup } from './write-group.ts'

export interface PresenceRecord extends IdentityKey {
  readonly isConnected: boolean
  /** When it connected, or disconnected; absent for what never held a connection. */
  readonly since?: Timestamp
  readonly lastActivity: Timestamp
  /** What it said of itself at its latest connection. */
  readonly modelId?: string
}

export interface PresenceWrite extends IdentityKey {
  readonly lastActivity: Timestamp
  /** Absent where nothing but the activity is new. */
  readonly connection?: {
    readonly isConnected: boolean
    readonly since: Timestamp
    readonly modelId?: string
    /** Of the identity that is or was connected: one of its name that was made later is another. */
    readonly generationId: string
  }
}

export interface PresenceStore {
  /** Of each key, in order; undefined for what has never been connected. At most 1,000 keys. */
  readPresence(keys: readonly IdentityKey[]): Promise<readonly (PresenceRecord | undefined)[]>
  /** Keeps what is of an identity that exists. At most 500 records, written as one. */
  writePresence(records: readonly PresenceWrite[]): Promise<void>
}

const READ = `SELECT device_id, module_id, connected, since, last_activity, model_id FROM presence
  WHERE device_id = ? AND module_id = ?`
const CONNECTION = `INSERT INTO presence (device_id, module_id, connected, since, last_activity, model_id)
  SELECT device_id, module_id, ?, ?, ?, ? FROM identity WHERE device_id = ? AND module_id = ? AND generation_id = ?
  ON CONFLICT (device_id, module_id) DO UPDATE SET connected = excluded.connected, since = excluded.since,
    last_activity = excluded.last_activity, model_id = excluded.model_id`
const ACTIVITY = `INSERT INTO presence (device_id, module_id, connected, last_activity)
  SELECT device_id, module_id, 0, ? FROM identity WHERE device_id = ? AND module_id = ?
  ON CONFLICT (device_id, module_id) DO UPDATE SET last_activity = excluded.last_activity`
/** When it went is not known; it was still there at its last activity. */
const DISCONNECT_ALL = `UPDATE presence SET connected = 0, since = max(since, last_activity) WHERE connected = 1`

export class SqlPresence implements PresenceStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async readPresence(keys: readonly IdentityKey[]): Promise<readonly (PresenceRecord | undefined)[]> {
    if (keys.length > PAGE_RECORDS_MAX) throw new TypeError(`at most ${PAGE_RECORDS_MAX} keys are asked for at once`)
    const records: (PresenceRecord | undefined)[] = []
    for (const { deviceId, moduleId } of keys) {
      const query = CompiledQuery.raw(READ, [deviceId, moduleId ?? ''])
      const { rows } = await this.#db.executeQuery<Selectable<PresenceTable>>(query)
      const [row] = rows
      records.push(row && recordOf(row))
    }
    return records
  }

  async writePresence(records: readonly PresenceWrite[]): Promise<void> {
    if (records.length > PRESENCE_RECORDS_MAX) throw new TypeError(`at most ${PRESENCE_RECORDS_MAX} records at once`)
    if (records.length === 0) return
    await this.#writes.run(async (transaction) => {
      for (const record of records) await transaction.executeQuery(writeOf(record))
    })
  }
}

function writeOf({ deviceId, moduleId = '', lastActivity, connection }: PresenceWrite): CompiledQuery {
  if (connection === undefined) return CompiledQuery.raw(ACTIVITY, [lastActivity, deviceId, moduleId])
  const { isConnected, since, modelId = null, generationId } = connection
  const values = [isConnected ? 1 : 0, since, lastActivity, modelId]
  return CompiledQuery.raw(CONNECTION, [...values, deviceId, moduleId, generationId])
}

/** At the opening: whoever was connected to an earlier run is not any more. */
export async function disconnectAll(db: Kysely<StateSchema>): Promise<void> {
  await db.executeQuery(CompiledQuery.raw(DISCONNECT_ALL))
}

function recordOf(row: Selectable<PresenceTable>): PresenceRecord {
  return {
    deviceId: row.device_id,
    ...(row.module_id === '' ? {} : { moduleId: row.module_id }),
    isConnected: row.connected === 1,
    ...(row.since === null ? {} : { since: row.since }),
    lastActivity: row.last_activity,
    ...(row.model_id === null ? {} : { modelId: row.model_id }),
  }
}

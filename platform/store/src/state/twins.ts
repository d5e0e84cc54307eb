/** Twins as they are stored. Every identity has one, made and deleted with it. */

import { type Because, completed } from '@holdfast/audit'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import type { Twin } from '@holdfast/iothub'
import type { Random } from '@holdfast/keys'
import {
  applyTwinChange,
  type ChangeStamp,
  newTwin,
  resetChange,
  type TwinChange,
  type TwinOutcome,
  type TwinStore,
} from '@holdfast/twins'
import { CompiledQuery, type Kysely, type Selectable } from 'kysely'
import type { StateSchema, TwinTable } from './schema.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

/** Bytes of randomness in an ETag. */
const ETAG_BYTES = 8

export class SqlTwins implements TwinStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #random: Random

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, random: Random) {
    this.#db = db
    this.#writes = writes
    this.#random = random
  }

  async readTwin(key: IdentityKey): Promise<Twin | undefined> {
    return read(this.#db, key)
  }

  async changeTwin(
    key: IdentityKey,
    change: TwinChange,
    stamp: ChangeStamp,
    because?: Because,
  ): Promise<TwinOutcome | { readonly kind: 'missing' }> {
    return this.#writes.run(async (transaction, record) => {
      const outcome = await this.#change(transaction, key, change, stamp)
      if (outcome.kind === 'changed' && because !== undefined) {
        record(completed(because, { version: outcome.twin.version }))
      }
      return outcome
    })
  }

  /**
   * The twin anew, as `Twins.reset` has it; for those who write identities and have no `Twins`.
   * @throws TypeError for sections larger than a twin's: the caller has checked them.
   */
  async resetTwin(
    key: IdentityKey,
    initial: { readonly tags: string; readonly desired: string },
    because?: Because,
  ): Promise<void> {
    return this.#writes.run(async (transaction, record) => {
      const stamp = this.#stamp(timestampOf(Date.now()))
      const outcome = await this.#change(transaction, key, resetChange(initial), stamp)
      if (outcome.kind === 'too-large') throw new TypeError(`${outcome.section} is too large for a twin`)
      if (outcome.kind === 'changed') record(completed(because, { version: outcome.twin.version }))
    })
  }

  /** Gives an identity that has just been written its first twin. */
  async insertTwin(transaction: StateTransaction, key: IdentityKey, at: Timestamp): Promise<void> {
    await transaction.executeQuery(
      CompiledQuery.raw(INSERT, [...valuesOf(newTwin(this.#stamp(at)), COLUMNS), ...idOf(key)]),
    )
  }

  async #change(
    transaction: StateTransaction,
    key: IdentityKey,
    change: TwinChange,
    stamp: ChangeStamp,
  ): Promise<TwinOutcome | { readonly kind: 'missing' }> {
    const before = await read(transaction, key)
    if (before === undefined) return { kind: 'missing' }
    const outcome = applyTwinChange(before, change, stamp)
    if (outcome.kind !== 'changed' || outcome.twin === before) return outcome
    const { twin } = outcome
    // What devices report is most of what is written: their twins' other columns are neither checked nor indexed again.
    const isReport = change.tags === undefined && change.desired === undefined
    const columns = isReport ? REPORT_COLUMNS : COLUMNS
    await transaction.executeQuery(
      CompiledQuery.raw(isReport ? REPORT : UPDATE, [...valuesOf(twin, columns), ...idOf(key)]),
    )
    return outcome
  }

  #stamp(at: Timestamp): ChangeStamp {
    return { at, etag: Buffer.from(this.#random(ETAG_BYTES)).toString('base64') }
  }
}

const COLUMNS = [
  'version',
  'etag',
  'tags',
  'desired',
  'desired_metadata',
  'desired_version',
  'reported',
  'reported_metadata',
  'reported_version',
] as const satisfies readonly (keyof TwinTable)[]
type Column = (typeof COLUMNS)[number]
const REPORT_COLUMNS: readonly Column[] = ['version', 'reported', 'reported_metadata', 'reported_version']

// Texts and not built by Kysely: a twin is written thousands of times a second.
const KEY = 'device_id = ? AND module_id = ?'
const READ = `SELECT ${COLUMNS.join(', ')} FROM twin WHERE ${KEY}`
const UPDATE = `UPDATE twin SET ${COLUMNS.map((column) => `${column} = ?`).join(', ')} WHERE ${KEY}`
const REPORT = `UPDATE twin SET ${REPORT_COLUMNS.map((column) => `${column} = ?`).join(', ')} WHERE ${KEY}`
const INSERT = `INSERT INTO twin (${COLUMNS.join(', ')}, device_id, module_id) VALUES (${COLUMNS.map(() => '?').join(', ')}, ?, ?)`

async function read(db: Kysely<StateSchema>, key: IdentityKey): Promise<Twin | undefined> {
  const { rows } = await db.executeQuery<TwinColumns>(CompiledQuery.raw(READ, idOf(key)))
  const [row] = rows
  return row === undefined ? undefined : twinOf(row)
}

type TwinColumns = Pick<Selectable<TwinTable>, Column>

function twinOf(row: TwinColumns): Twin {
  return {
    version: row.version,
    etag: row.etag,
    tags: row.tags,
    desired: { properties: row.desired, metadata: row.desired_metadata, version: row.desired_version },
    reported: { properties: row.reported, metadata: row.reported_metadata, version: row.reported_version },
  }
}

function valuesOf(twin: Twin, columns: readonly Column[]): readonly (string | number)[] {
  const { desired, reported } = twin
  const row: TwinColumns = {
    version: twin.version,
    etag: twin.etag,
    tags: twin.tags,
    desired: desired.properties,
    desired_metadata: desired.metadata,
    desired_version: desired.version,
    reported: reported.properties,
    reported_metadata: reported.metadata,
    reported_version: reported.version,
  }
  return columns.map((column) => row[column])
}

function idOf({ deviceId, moduleId }: IdentityKey): [string, string] {
  return [deviceId, moduleId ?? '']
}

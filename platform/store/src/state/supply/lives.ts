/** Lives of devices, their transfers and their tombstones. */

import type { Because } from '@holdfast/audit'
import {
  applyLifeChange,
  type DeviceLife,
  type KeyDigest,
  type LifeChange,
  lifeEvents,
  type LifeOutcome,
  type Stamp,
  type SupplyStore,
  type Tombstone,
  type Transfer,
} from '@holdfast/supply'
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import { pageLimit } from '../page.ts'
import type { StateSchema } from '../schema.ts'
import type { StateTransaction, WriteGroup } from '../write-group.ts'
import { deviceSubject, entrySubject, listHistory, writeHistory } from './history.ts'
import type { DeviceLifeTable, TransferTable } from './schema.ts'

/** Keys of one question: those of one device. */
const KEYS_MAX = 16

type LivesPart = Pick<
  SupplyStore,
  | 'readLife'
  | 'changeLife'
  | 'listHistory'
  | 'offerTransfer'
  | 'readTransfer'
  | 'acceptTransfer'
  | 'endTransfer'
  | 'listAcceptedTransfers'
  | 'retireDevice'
  | 'listLives'
  | 'listTombstones'
  | 'areRetired'
>

export class SqlLives implements LivesPart {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async readLife(deviceId: string): Promise<DeviceLife | undefined> {
    return readLife(this.#db, deviceId)
  }

  async changeLife(
    deviceId: string,
    change: Exclude<LifeChange, { kind: 'retire' }>,
    stamp: Stamp,
    because?: Because,
  ): Promise<LifeOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const outcome = applyLifeChange(deviceId, await readLife(transaction, deviceId), change, stamp.at)
      if (outcome.kind !== 'changed') return outcome
      const { life, history } = outcome
      await writeLife(transaction, life)
      await writeHistory(transaction, deviceSubject(deviceId), history, stamp)
      await followEntry(transaction, change, life, stamp)
      record(lifeEvents(deviceId, history, stamp))
      record(because)
      return outcome
    })
  }

  listHistory(...[subject, page]: Parameters<SupplyStore['listHistory']>): ReturnType<SupplyStore['listHistory']> {
    return listHistory(this.#db, subject, page)
  }

  async offerTransfer(transfer: Transfer, stamp: Stamp, because?: Because): Promise<'offered' | 'busy'> {
    return this.#writes.run(async (transaction, record) => {
      const { deviceId } = transfer
      const current = await transaction
        .selectFrom('transfer')
        .select('state')
        .where('device_id', '=', deviceId)
        .executeTakeFirst()
      if (current?.state === 'accepted') return 'busy'
      const row = transferRow(transfer)
      await transaction
        .insertInto('transfer')
        .values(row)
        .onConflict((conflict) => conflict.column('device_id').doUpdateSet(row))
        .execute()
      const detail = { to: transfer.to, ...(transfer.from === undefined ? {} : { from: transfer.from }) }
      await writeHistory(transaction, deviceSubject(deviceId), [{ move: 'offer', detail }], stamp)
      record(because)
      return 'offered'
    })
  }

  async readTransfer(by: Parameters<SupplyStore['readTransfer']>[0]): Promise<Transfer | undefined> {
    const row = await this.#db
      .selectFrom('transfer')
      .selectAll()
      .where('deviceId' in by ? 'device_id' : 'code_digest', '=', 'deviceId' in by ? by.deviceId : by.codeDigest)
      .executeTakeFirst()
    return row && transferOf(row)
  }

  async acceptTransfer(deviceId: string, codeDigest: string): Promise<boolean> {
    return this.#writes.run(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('transfer')
        .set({ state: 'accepted' })
        .where('device_id', '=', deviceId)
        .where('code_digest', '=', codeDigest)
        .where('state', '=', 'offered')
        .executeTakeFirst()
      return numUpdatedRows > 0n
    })
  }

  async endTransfer(deviceId: string, stamp: Stamp, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, record) => {
      const row = await transaction
        .selectFrom('transfer')
        .selectAll()
        .where('device_id', '=', deviceId)
        .executeTakeFirst()
      if (row === undefined) return
      await transaction.deleteFrom('transfer').where('device_id', '=', deviceId).execute()
      if (row.state !== 'offered') return
      const line = { move: 'withdraw', detail: { to: row.to_owner } } as const
      await writeHistory(transaction, deviceSubject(deviceId), [line], stamp)
      record(because)
    })
  }

  async listAcceptedTransfers(limit: number): Promise<readonly Transfer[]> {
    const rows = await this.#db
      .selectFrom('transfer')
      .selectAll()
      .where('state', '=', sql.lit('accepted'))
      .limit(pageLimit(limit))
      .execute()
    return rows.map(transferOf)
  }

  async retireDevice(tombstone: Tombstone, because?: Because): Promise<LifeOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const { deviceId, generationId, reason, at, actor, manufacturer, serial } = tombstone
      const identity = await transaction
        .selectFrom('identity')
        .select('generation_id')
        .where('device_id', '=', deviceId)
        .where('module_id', '=', '')
        .executeTakeFirst()
      // Retired or deleted by another meanwhile, made anew, or made at all: its keys are not those that were looked at.
      if ((identity?.generation_id ?? '') !== generationId) {
        return { kind: 'refused', reason: 'the device was made, made anew or ended just now; look again' }
      }
      const change = { kind: 'retire', generationId, reason } as const
      const outcome = applyLifeChange(deviceId, await readLife(transaction, deviceId), change, at)
      if (outcome.kind !== 'changed') return outcome
      await writeTombstone(transaction, tombstone)
      // Without an identity nothing would ever take the record away.
      if (identity !== undefined) await writeLife(transaction, outcome.life)
      else await transaction.deleteFrom('device_life').where('device_id', '=', deviceId).execute()
      await transaction.deleteFrom('transfer').where('device_id', '=', deviceId).execute()
      await writeHistory(transaction, deviceSubject(deviceId), outcome.history, { at, actor })
      if (manufacturer !== undefined && serial !== undefined) {
        await transaction
          .updateTable('supply_entry')
          .set({ state: 'retired' })
          .where('manufacturer', '=', manufacturer)
          .where('serial', '=', serial)
          .execute()
        await writeHistory(transaction, entrySubject(manufacturer, serial), outcome.history, { at, actor })
      }
      record(lifeEvents(deviceId, outcome.history, { at, actor }))
      record(because)
      return outcome
    })
  }

  async listLives(state: 'retired' | 'quarantined', limit: number): Promise<readonly DeviceLife[]> {
    const rows = await this.#db
      .selectFrom('device_life')
      .selectAll()
      .where('state', '=', sql.lit(state))
      .limit(pageLimit(limit))
      .execute()
    return rows.map(lifeOf)
  }

  async listTombstones({
    deviceId,
    after,
    limit,
  }: Parameters<SupplyStore['listTombstones']>[0]): ReturnType<SupplyStore['listTombstones']> {
    let query = this.#db.selectFrom('tombstone').selectAll().where('sequence', '>', after)
    if (deviceId !== undefined) query = query.where('device_id', '=', deviceId)
    const rows = await query.orderBy('sequence').limit(pageLimit(limit)).execute()
    if (rows.length === 0) return []
    const sequences = rows.map(({ sequence }) => sequence)
    const keys = await this.#db.selectFrom('tombstone_key').selectAll().where('tombstone', 'in', sequences).execute()
    return rows.map((row) => ({
      sequence: row.sequence,
      deviceId: row.device_id,
      generationId: row.generation_id,
      at: row.at,
      actor: row.actor,
      reason: row.reason,
      ...(row.model === null ? {} : { model: row.model }),
      ...(row.owner === null ? {} : { owner: row.owner }),
      ...(row.manufacturer === null ? {} : { manufacturer: row.manufacturer }),
      ...(row.serial === null ? {} : { serial: row.serial }),
      keys: keys.filter((key) => key.tombstone === row.sequence).map(({ kind, digest }) => ({ kind, digest })),
    }))
  }

  async areRetired(keys: readonly KeyDigest[]): Promise<boolean> {
    if (keys.length > KEYS_MAX) throw new TypeError(`at most ${KEYS_MAX} keys are asked for at once`)
    if (keys.length === 0) return false
    const digests = keys.map(({ digest }) => digest)
    const rows = await this.#db
      .selectFrom('tombstone_key')
      .select(['digest', 'kind'])
      .where('digest', 'in', digests)
      .execute()
    return rows.some((row) => keys.some(({ kind, digest }) => kind === row.kind && digest === row.digest))
  }
}

/** The entry goes with the device that came of it. */
async function followEntry(
  transaction: StateTransaction,
  change: LifeChange,
  life: DeviceLife,
  stamp: Stamp,
): Promise<void> {
  const { manufacturer, serial } = life
  if (manufacturer === undefined || serial === undefined) return
  if (change.kind !== 'provisioned' && change.kind !== 'transfer') return
  await transaction
    .updateTable('supply_entry')
    .set(
      change.kind === 'provisioned'
        ? { state: 'provisioned' }
        : { state: 'claimed', owner: change.owner, claimed_time: stamp.at },
    )
    .where('manufacturer', '=', manufacturer)
    .where('serial', '=', serial)
    .where('state', 'in', ['claimed', 'provisioned'])
    .execute()
}

async function writeTombstone(transaction: StateTransaction, tombstone: Tombstone): Promise<void> {
  const { insertId } = await transaction
    .insertInto('tombstone')
    .values({
      device_id: tombstone.deviceId,
      generation_id: tombstone.generationId,
      at: tombstone.at,
      actor: tombstone.actor,
      reason: tombstone.reason,
      model: tombstone.model ?? null,
      owner: tombstone.owner ?? null,
      manufacturer: tombstone.manufacturer ?? null,
      serial: tombstone.serial ?? null,
    })
    .executeTakeFirstOrThrow()
  const sequence = Number(insertId)
  if (tombstone.keys.length > 0) {
    await transaction
      .insertInto('tombstone_key')
      .values(tombstone.keys.map(({ kind, digest }) => ({ kind, digest, tombstone: sequence })))
      .execute()
  }
  // What the device and its modules proved themselves by, certificates of authorities and of the hub among it.
  await transaction
    .insertInto('tombstone_key')
    .columns(['digest', 'kind', 'tombstone'])
    .expression((query) =>
      query
        .selectFrom('key_use')
        .select(['spki_sha256', sql.lit('public-key').as('kind'), sql.val(sequence).as('tombstone')])
        .where('device_id', '=', tombstone.deviceId)
        .where('freed_time', 'is', null),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function readLife(db: Kysely<StateSchema>, deviceId: string): Promise<DeviceLife | undefined> {
  const row = await db.selectFrom('device_life').selectAll().where('device_id', '=', deviceId).executeTakeFirst()
  return row && lifeOf(row)
}

async function writeLife(transaction: StateTransaction, life: DeviceLife): Promise<void> {
  const row: Insertable<DeviceLifeTable> = {
    device_id: life.deviceId,
    generation_id: life.generationId ?? null,
    state: life.state,
    before: life.before ?? null,
    since: life.since,
    reason: life.reason ?? null,
    model: life.model ?? null,
    hardware_revision: life.hardwareRevision ?? null,
    key_storage: life.keyStorage ?? null,
    key_kind: life.keyKind ?? null,
    owner: life.owner ?? null,
    manufacturer: life.manufacturer ?? null,
    serial: life.serial ?? null,
  }
  await transaction
    .insertInto('device_life')
    .values(row)
    .onConflict((conflict) => conflict.column('device_id').doUpdateSet(row))
    .execute()
}

function lifeOf(row: Selectable<DeviceLifeTable>): DeviceLife {
  return {
    deviceId: row.device_id,
    ...(row.generation_id === null ? {} : { generationId: row.generation_id }),
    state: row.state,
    ...(row.before === null ? {} : { before: row.before }),
    since: row.since,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.model === null ? {} : { model: row.model }),
    ...(row.hardware_revision === null ? {} : { hardwareRevision: row.hardware_revision }),
    ...(row.key_storage === null ? {} : { keyStorage: row.key_storage }),
    ...(row.key_kind === null ? {} : { keyKind: row.key_kind }),
    ...(row.owner === null ? {} : { owner: row.owner }),
    ...(row.manufacturer === null ? {} : { manufacturer: row.manufacturer }),
    ...(row.serial === null ? {} : { serial: row.serial }),
  }
}

function transferRow(transfer: Transfer): Insertable<TransferTable> {
  return {
    device_id: transfer.deviceId,
    generation_id: transfer.generationId,
    from_owner: transfer.from ?? null,
    to_owner: transfer.to,
    code_digest: transfer.codeDigest,
    offered_time: transfer.offeredTime,
    expires: transfer.expires,
    clears_tags: transfer.clearsTags ? 1 : 0,
    state: transfer.state,
  }
}

function transferOf(row: Selectable<TransferTable>): Transfer {
  return {
    deviceId: row.device_id,
    generationId: row.generation_id,
    ...(row.from_owner === null ? {} : { from: row.from_owner }),
    to: row.to_owner,
    codeDigest: row.code_digest,
    offeredTime: row.offered_time,
    expires: row.expires,
    clearsTags: row.clears_tags === 1,
    state: row.state,
  }
}

/** Entries of manifests: taken in many at a time, claimed one by one. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import {
  expiryEvent,
  type ImportOutcome,
  judgeNewEntry,
  type NewEntry,
  planClaim,
  type Stamp,
  type SupplyEntry,
  type SupplyStore,
} from '@holdfast/supply'
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import { pageLimit } from '../page.ts'
import type { StateSchema } from '../schema.ts'
import type { StateTransaction, WriteGroup } from '../write-group.ts'
import { entrySubject, writeHistory } from './history.ts'
import type { SupplyEntryTable } from './schema.ts'

/** Entries of one call: some milliseconds of the thread. */
const IMPORT_MAX = 256
/** Entries of one serial number that are shown, of whichever manufacturers. */
const NAMESAKES_MAX = 10

type Entries = Pick<
  SupplyStore,
  | 'importEntries'
  | 'readEntry'
  | 'findEntries'
  | 'readEntryByCode'
  | 'readBinding'
  | 'listEntries'
  | 'claimEntry'
  | 'expireEntries'
>

export class SqlEntries implements Entries {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async importEntries(entries: readonly NewEntry[]): Promise<readonly ImportOutcome[]> {
    if (entries.length > IMPORT_MAX) throw new TypeError(`at most ${IMPORT_MAX} entries are taken at once`)
    if (entries.length === 0) return []
    return this.#writes.run(async (transaction) => {
      const there = await neighbourhood(transaction, entries)
      const outcomes: ImportOutcome[] = []
      const taken: SupplyEntry[] = []
      for (const entry of entries) {
        const outcome = judgeNewEntry(entry, there.of(entry))
        outcomes.push(outcome)
        if (outcome.kind !== 'imported') continue
        const stored: SupplyEntry = { ...entry, state: 'manufactured' }
        there.add(stored)
        taken.push(stored)
      }
      if (taken.length > 0) {
        await transaction
          .insertInto('supply_entry')
          .values(taken.map(rowOf))
          // One that had expired begins anew.
          .onConflict((conflict) =>
            conflict.columns(['manufacturer', 'serial']).doUpdateSet((row) => ({
              state: row.ref('excluded.state'),
              manifest: row.ref('excluded.manifest'),
              imported_time: row.ref('excluded.imported_time'),
              expires: row.ref('excluded.expires'),
            })),
          )
          .execute()
      }
      return outcomes
    })
  }

  async readEntry(manufacturer: string, serial: string): Promise<SupplyEntry | undefined> {
    return readOne(this.#db, manufacturer, serial)
  }

  async findEntries(serial: string): Promise<readonly SupplyEntry[]> {
    const rows = await this.#db
      .selectFrom('supply_entry')
      .selectAll()
      .where('serial', '=', serial)
      .orderBy('manufacturer')
      .limit(NAMESAKES_MAX)
      .execute()
    return rows.map(entryOf)
  }

  async readEntryByCode(codeDigest: string): Promise<SupplyEntry | undefined> {
    const row = await this.#db
      .selectFrom('supply_entry')
      .selectAll()
      .where('code_digest', '=', codeDigest)
      .executeTakeFirst()
    return row && entryOf(row)
  }

  async readBinding(registrationId: string): Promise<SupplyEntry | undefined> {
    const row = await binding(this.#db, registrationId)
    return row && entryOf(row)
  }

  async listEntries({
    after,
    limit,
    state,
    owner,
  }: Parameters<SupplyStore['listEntries']>[0]): Promise<readonly SupplyEntry[]> {
    const [manufacturer = '', serial = ''] = after.split(' ')
    let query = this.#db
      .selectFrom('supply_entry')
      .selectAll()
      .where(sql<boolean>`(manufacturer, serial) > (${manufacturer}, ${serial})`)
    if (state !== undefined) query = query.where('state', '=', state)
    if (owner !== undefined) query = query.where('owner', '=', owner)
    const rows = await query.orderBy('manufacturer').orderBy('serial').limit(pageLimit(limit)).execute()
    return rows.map(entryOf)
  }

  async claimEntry(
    { manufacturer, serial, owner, registrationId }: Parameters<SupplyStore['claimEntry']>[0],
    stamp: Stamp,
    because?: Because,
  ): ReturnType<SupplyStore['claimEntry']> {
    return this.#writes.run(async (transaction, record) => {
      const entry = await readOne(transaction, manufacturer, serial)
      if (entry === undefined) return { kind: 'refused', code: 'missing', reason: 'no manifest has it' }
      const plan = planClaim(entry, stamp.at)
      if (plan.kind === 'refused') return plan
      if ((await binding(transaction, registrationId)) !== undefined) {
        return { kind: 'refused', code: 'id-taken', reason: 'another entry is claimed under this id' }
      }
      await transaction
        .updateTable('supply_entry')
        .set({ state: 'claimed', owner, claimed_time: stamp.at, registration_id: registrationId })
        .where('manufacturer', '=', manufacturer)
        .where('serial', '=', serial)
        .execute()
      const detail = { owner, registrationId }
      const line = { move: 'claim', from: 'manufactured', to: 'claimed', detail } as const
      await writeHistory(transaction, entrySubject(manufacturer, serial), [line], stamp)
      record(because)
      return { kind: 'claimed', entry: { ...entry, state: 'claimed', owner, claimedTime: stamp.at, registrationId } }
    })
  }

  async expireEntries(stamp: Stamp, limit: number): Promise<readonly SupplyEntry[]> {
    const due = (from: Kysely<StateSchema>): Promise<readonly Selectable<SupplyEntryTable>[]> =>
      from
        .selectFrom('supply_entry')
        .selectAll()
        .where('state', '=', sql.lit('manufactured'))
        .where('expires', '<=', stamp.at)
        .limit(pageLimit(limit))
        .execute()
    // Nearly always there is none, and then no transaction is worth it.
    if ((await due(this.#db)).length === 0) return []
    return this.#writes.run(async (transaction, record) => {
      const rows = await due(transaction)
      for (const { manufacturer, serial, manifest, model } of rows) {
        await transaction
          .updateTable('supply_entry')
          .set({ state: 'expired' })
          .where('manufacturer', '=', manufacturer)
          .where('serial', '=', serial)
          .execute()
        const line = { move: 'expire', from: 'manufactured', detail: { manifest } } as const
        await writeHistory(transaction, entrySubject(manufacturer, serial), [line], stamp)
        record(expiryEvent({ manufacturer, serial, manifest, model }, stamp))
      }
      return rows.map((row) => ({ ...entryOf(row), state: 'expired' as const }))
    })
  }
}

/** What new entries can meet, read at once for all of them and kept up as they are taken. */
async function neighbourhood(
  transaction: StateTransaction,
  entries: readonly NewEntry[],
): Promise<{ of(entry: NewEntry): Parameters<typeof judgeNewEntry>[1]; add(entry: SupplyEntry): void }> {
  const bySerial = new Map<string, SupplyEntry>()
  const byKey = new Map<string, SupplyEntry>()
  const byCode = new Map<string, SupplyEntry>()
  const add = (entry: SupplyEntry): void => {
    bySerial.set(`${entry.manufacturer} ${entry.serial}`, entry)
    byKey.set(entry.key.digest, entry)
    if (entry.codeDigest !== undefined) byCode.set(entry.codeDigest, entry)
  }
  const serials = entries.map(({ serial }) => serial)
  const digests = entries.map(({ key }) => key.digest)
  const codes = entries.flatMap(({ codeDigest }) => (codeDigest === undefined ? [] : [codeDigest]))
  const lists = [
    await transaction.selectFrom('supply_entry').selectAll().where('serial', 'in', serials).execute(),
    await transaction.selectFrom('supply_entry').selectAll().where('key_digest', 'in', digests).execute(),
    codes.length === 0
      ? []
      : await transaction.selectFrom('supply_entry').selectAll().where('code_digest', 'in', codes).execute(),
  ]
  for (const row of lists.flat()) add(entryOf(row))
  const dead = await transaction
    .selectFrom('tombstone_key')
    .select('digest')
    .where('digest', 'in', digests)
    .where('kind', 'in', ['public-key', 'endorsement-key'])
    .execute()
  const retired = new Set(dead.map(({ digest }) => digest))
  return {
    of: (entry) => {
      const same = bySerial.get(`${entry.manufacturer} ${entry.serial}`)
      const key = byKey.get(entry.key.digest)
      const code = entry.codeDigest === undefined ? undefined : byCode.get(entry.codeDigest)
      return {
        ...(same === undefined ? {} : { bySerial: same }),
        ...(key === undefined ? {} : { byKey: key }),
        ...(code === undefined ? {} : { byCode: code }),
        isKeyRetired: retired.has(entry.key.digest),
      }
    },
    add,
  }
}

async function readOne(
  db: Kysely<StateSchema>,
  manufacturer: string,
  serial: string,
): Promise<SupplyEntry | undefined> {
  const row = await db
    .selectFrom('supply_entry')
    .selectAll()
    .where('manufacturer', '=', manufacturer)
    .where('serial', '=', serial)
    .executeTakeFirst()
  return row && entryOf(row)
}

function binding(db: Kysely<StateSchema>, registrationId: string): Promise<Selectable<SupplyEntryTable> | undefined> {
  return (
    db
      .selectFrom('supply_entry')
      .selectAll()
      .where('registration_id', '=', registrationId)
      // In the text and not bound, so that SQLite sees that the partial index applies.
      .where('state', 'in', [sql.lit<'claimed'>('claimed'), sql.lit<'provisioned'>('provisioned')])
      .executeTakeFirst()
  )
}

function rowOf(entry: SupplyEntry): Insertable<SupplyEntryTable> {
  return {
    manufacturer: entry.manufacturer,
    serial: entry.serial,
    model: entry.model,
    hardware_revision: entry.hardwareRevision,
    key_kind: entry.key.kind,
    key_digest: entry.key.digest,
    key_bytes: entry.key.bytes,
    key_storage: entry.keyStorage,
    code_digest: entry.codeDigest ?? null,
    state: entry.state,
    manifest: entry.manifest,
    imported_time: entry.importedTime,
    expires: entry.expires,
    owner: entry.owner ?? null,
    claimed_time: entry.claimedTime ?? null,
    registration_id: entry.registrationId ?? null,
  }
}

function entryOf(row: Selectable<SupplyEntryTable>): SupplyEntry {
  const claimedTime: Timestamp | null = row.claimed_time
  return {
    manufacturer: row.manufacturer,
    serial: row.serial,
    model: row.model,
    hardwareRevision: row.hardware_revision,
    key: { kind: row.key_kind, digest: row.key_digest, bytes: row.key_bytes },
    keyStorage: row.key_storage,
    ...(row.code_digest === null ? {} : { codeDigest: row.code_digest }),
    state: row.state,
    manifest: row.manifest,
    importedTime: row.imported_time,
    expires: row.expires,
    ...(row.owner === null ? {} : { owner: row.owner }),
    ...(claimedTime === null ? {} : { claimedTime }),
    ...(row.registration_id === null ? {} : { registrationId: row.registration_id }),
  }
}

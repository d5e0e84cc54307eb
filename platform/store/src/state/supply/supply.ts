/** Everything of supply that `state.db` keeps: manufacturers, owners and manifests here, the rest in parts of its own. */

import type { Because } from '@holdfast/audit'
import type { ManifestRecord, Manufacturer, Owner, Page, SupplyStore } from '@holdfast/supply'
import type { Kysely, Selectable } from 'kysely'
import { pageLimit } from '../page.ts'
import type { StateSchema } from '../schema.ts'
import { hubKeyPlace } from '../uploads.ts'
import type { ValueSealer } from '../value-sealer.ts'
import type { WriteGroup } from '../write-group.ts'
import { SqlEntries } from './entries.ts'
import { SqlLives } from './lives.ts'
import type { ManifestTable } from './schema.ts'

/** Enrolments and registrations that lead to one device: one of each, unless somebody plays. */
const ORIGINS_MAX = 1_000

const CODE_KEY = 'supply-codes'

/** The ports of `SupplyStore` that stand in this file. */
export class SqlSupply {
  readonly entries: SqlEntries
  readonly lives: SqlLives
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
    this.entries = new SqlEntries(db, writes)
    this.lives = new SqlLives(db, writes)
  }

  /** The whole port. */
  get port(): SupplyStore {
    const { entries, lives } = this
    return {
      listManufacturers: () => this.#listManufacturers(),
      writeManufacturer: (...given) => this.#writeManufacturer(...given),
      deleteManufacturer: (...given) => this.#deleteManufacturer(...given),
      listOwners: (page) => this.#listOwners(page),
      writeOwner: (...given) => this.#writeOwner(...given),
      hasOwner: (name) => this.#hasOwner(name),
      deleteOwner: (...given) => this.#deleteOwner(...given),
      writeManifest: (...given) => this.#writeManifest(...given),
      readManifest: (sha256) => this.#readManifest(sha256),
      listManifests: (page) => this.#listManifests(page),
      readOrigins: (deviceId) => this.#readOrigins(deviceId),
      supplyKey: (candidate) => this.#supplyKey(candidate),
      importEntries: (list) => entries.importEntries(list),
      readEntry: (manufacturer, serial) => entries.readEntry(manufacturer, serial),
      findEntries: (serial) => entries.findEntries(serial),
      readEntryByCode: (digest) => entries.readEntryByCode(digest),
      readBinding: (registrationId) => entries.readBinding(registrationId),
      listEntries: (page) => entries.listEntries(page),
      claimEntry: (...given) => entries.claimEntry(...given),
      expireEntries: (stamp, limit) => entries.expireEntries(stamp, limit),
      readLife: (deviceId) => lives.readLife(deviceId),
      changeLife: (...given) => lives.changeLife(...given),
      listHistory: (subject, page) => lives.listHistory(subject, page),
      offerTransfer: (...given) => lives.offerTransfer(...given),
      readTransfer: (by) => lives.readTransfer(by),
      acceptTransfer: (deviceId, digest) => lives.acceptTransfer(deviceId, digest),
      endTransfer: (...given) => lives.endTransfer(...given),
      listAcceptedTransfers: (limit) => lives.listAcceptedTransfers(limit),
      retireDevice: (...given) => lives.retireDevice(...given),
      listLives: (state, limit) => lives.listLives(state, limit),
      listTombstones: (page) => lives.listTombstones(page),
      areRetired: (keys) => lives.areRetired(keys),
    }
  }

  /** There are few. */
  async #listManufacturers(): Promise<readonly Manufacturer[]> {
    const rows = await this.#db.selectFrom('manufacturer').selectAll().orderBy('name').execute()
    return rows.map((row) => ({ name: row.name, publicKey: row.public_key, addedTime: row.added_time }))
  }

  async #writeManufacturer(
    { name, publicKey, addedTime }: Manufacturer,
    because?: Because,
  ): Promise<'written' | 'exists'> {
    return this.#writes.run(async (transaction, record) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto('manufacturer')
        .values({ name, public_key: publicKey, added_time: addedTime })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirst()
      if ((numInsertedOrUpdatedRows ?? 0n) === 0n) return 'exists'
      record(because)
      return 'written'
    })
  }

  async #deleteManufacturer(name: string, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('manufacturer')
        .where('name', '=', name)
        .executeTakeFirst()
      if (numDeletedRows === 0n) return false
      record(because)
      return true
    })
  }

  async #listOwners({ after, limit }: Page): Promise<readonly Owner[]> {
    const rows = await this.#db
      .selectFrom('owner')
      .selectAll()
      .where('name', '>', after)
      .orderBy('name')
      .limit(pageLimit(limit))
      .execute()
    return rows.map((row) => ({ name: row.name, addedTime: row.added_time }))
  }

  async #writeOwner(
    { name, addedTime }: Owner,
    { ownersMax }: { readonly ownersMax: number },
    because?: Because,
  ): Promise<'written' | 'exists' | 'too-many'> {
    return this.#writes.run(async (transaction, record) => {
      const found = await transaction.selectFrom('owner').select('name').where('name', '=', name).executeTakeFirst()
      if (found !== undefined) return 'exists'
      const { owners } = await transaction
        .selectFrom('owner')
        .select(({ fn }) => fn.countAll<number>().as('owners'))
        .executeTakeFirstOrThrow()
      if (owners >= ownersMax) return 'too-many'
      await transaction.insertInto('owner').values({ name, added_time: addedTime }).execute()
      record(because)
      return 'written'
    })
  }

  async #hasOwner(name: string): Promise<boolean> {
    return (await this.#db.selectFrom('owner').select('name').where('name', '=', name).executeTakeFirst()) !== undefined
  }

  async #deleteOwner(name: string, because?: Because): Promise<'deleted' | 'missing' | 'in-use'> {
    return this.#writes.run(async (transaction, record) => {
      const lives = await transaction
        .selectFrom('device_life')
        .select('device_id')
        .where('owner', '=', name)
        .limit(1)
        .execute()
      const entries = await transaction
        .selectFrom('supply_entry')
        .select('serial')
        .where('owner', '=', name)
        .where('state', '!=', 'retired')
        .limit(1)
        .execute()
      const offers = await transaction
        .selectFrom('transfer')
        .select('device_id')
        .where('to_owner', '=', name)
        .limit(1)
        .execute()
      if (lives.length > 0 || entries.length > 0 || offers.length > 0) return 'in-use'
      const { numDeletedRows } = await transaction.deleteFrom('owner').where('name', '=', name).executeTakeFirst()
      if (numDeletedRows === 0n) return 'missing'
      record(because)
      return 'deleted'
    })
  }

  async #writeManifest(manifest: ManifestRecord, because?: Because): Promise<void> {
    const row = {
      sha256: manifest.sha256,
      name: manifest.name,
      manufacturer: manifest.manufacturer,
      imported_time: manifest.importedTime,
      actor: manifest.actor,
      ...manifest.counts,
      is_complete: manifest.isComplete ? (1 as const) : (0 as const),
    }
    await this.#writes.run(async (transaction, record) => {
      await transaction
        .insertInto('manifest')
        .values(row)
        .onConflict((conflict) => conflict.column('sha256').doUpdateSet(row))
        .execute()
      record(because)
    })
  }

  async #readManifest(sha256: string): Promise<ManifestRecord | undefined> {
    const row = await this.#db.selectFrom('manifest').selectAll().where('sha256', '=', sha256).executeTakeFirst()
    return row && manifestOf(row)
  }

  async #listManifests({ after, limit }: Page): Promise<readonly ManifestRecord[]> {
    const rows = await this.#db
      .selectFrom('manifest')
      .selectAll()
      .where('sha256', '>', after)
      .orderBy('sha256')
      .limit(pageLimit(limit))
      .execute()
    return rows.map(manifestOf)
  }

  /** By the device's id, or by an id of their own that is the same. */
  async #readOrigins(deviceId: string): Promise<{ readonly registrations: string[]; readonly enrollments: string[] }> {
    const registrations = await this.#db
      .selectFrom('registration')
      .select('registration_id')
      .where('device_id', '=', deviceId)
      .limit(ORIGINS_MAX)
      .execute()
    const enrollments = await this.#db
      .selectFrom('enrollment')
      .select('id')
      .where('scope', '=', 'individual')
      .where((either) => either.or([either('device_id', '=', deviceId), either.and({ id: deviceId, device_id: null })]))
      .limit(ORIGINS_MAX)
      .execute()
    return {
      registrations: registrations.map((row) => row.registration_id),
      enrollments: enrollments.map((row) => row.id),
    }
  }

  async #supplyKey(candidate: string): Promise<string> {
    return this.#writes.run(async (transaction) => {
      const row = await transaction.selectFrom('hub_key').selectAll().where('name', '=', CODE_KEY).executeTakeFirst()
      if (row !== undefined) return this.#sealer.open(row.value, row.seal_epoch, hubKeyPlace(CODE_KEY))
      const value = this.#sealer.seal(candidate, hubKeyPlace(CODE_KEY))
      await transaction
        .insertInto('hub_key')
        .values({ name: CODE_KEY, value, seal_epoch: this.#sealer.epoch })
        .execute()
      return candidate
    })
  }
}

function manifestOf(row: Selectable<ManifestTable>): ManifestRecord {
  const { sha256, name, manufacturer, imported, duplicate, conflict, malformed } = row
  const counts = { imported, duplicate, conflict, malformed }
  const { imported_time: importedTime, actor } = row
  return { sha256, name, manufacturer, importedTime, actor, counts, isComplete: row.is_complete === 1 }
}

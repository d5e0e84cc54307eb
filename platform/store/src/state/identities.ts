/** Devices and modules, and the twins that come with them. */

import type { Because } from '@holdfast/audit'
import type {
  Authentication,
  Expectation,
  Identity,
  IdentityKey,
  IdentityStore,
  IdentityWriteOutcome,
  WriteOutcome,
} from '@holdfast/identity'
import { edgeScope } from '@holdfast/identity'
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import { judge, judgeDeletion } from './expectation.ts'
import { pageLimit } from './page.ts'
import type { IdentityTable, StateSchema } from './schema.ts'
import type { SqlTwins } from './twins.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

/** In the text of the query and not bound, so that SQLite sees that the indexes of devices alone apply. */
const DEVICE = sql.lit('')

export class SqlIdentities implements IdentityStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer
  readonly #twins: SqlTwins

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer, twins: SqlTwins) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
    this.#twins = twins
  }

  async readIdentity(key: IdentityKey): Promise<Identity | undefined> {
    const row = await this.#db
      .selectFrom('identity')
      .selectAll()
      .where('device_id', '=', key.deviceId)
      .where('module_id', '=', key.moduleId ?? '')
      .executeTakeFirst()
    return row === undefined ? undefined : identityOf(row, this.#sealer)
  }

  async writeIdentity(identity: Identity, expected: Expectation, because?: Because): Promise<IdentityWriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const { deviceId, moduleId } = identity
      const found = await transaction
        .selectFrom('identity')
        .select(['module_id', 'etag'])
        .where('device_id', '=', deviceId)
        .where('module_id', 'in', moduleId === undefined ? [''] : ['', moduleId])
        .execute()
      const etag = found.find((row) => row.module_id === (moduleId ?? ''))?.etag
      const outcome = judge(expected, etag)
      if (outcome !== 'written') return outcome
      if (moduleId !== undefined && !found.some((row) => row.module_id === '')) return 'missing'
      if (identity.parentScope !== undefined && !(await hasScope(transaction, identity.parentScope))) {
        return 'scope-missing'
      }
      if (identity.fleet !== undefined && !(await hasFleet(transaction, identity.fleet))) return 'fleet-missing'
      const row = rowOf(identity, this.#sealer)
      if (etag === undefined) {
        await transaction.insertInto('identity').values(row).execute()
        await this.#twins.insertTwin(transaction, identity, identity.createdTime)
      } else {
        await transaction
          .updateTable('identity')
          .set(row)
          .where('device_id', '=', row.device_id)
          .where('module_id', '=', row.module_id)
          .execute()
      }
      record(because)
      return 'written'
    })
  }

  async deleteIdentity(key: IdentityKey, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const found = await transaction
        .selectFrom('identity')
        .select('etag')
        .where('device_id', '=', key.deviceId)
        .where('module_id', '=', key.moduleId ?? '')
        .executeTakeFirst()
      const outcome = judgeDeletion(expected, found?.etag)
      if (outcome !== 'written') return outcome
      // Modules, twins and sessions go by the foreign keys, as does the scope in those that stand under it.
      await transaction
        .deleteFrom('identity')
        .where('device_id', '=', key.deviceId)
        .where('module_id', '=', key.moduleId ?? '')
        .execute()
      record(because)
      return 'written'
    })
  }

  async listDevices(page: Parameters<IdentityStore['listDevices']>[0]): Promise<readonly Identity[]> {
    const { within } = page
    const rows = await this.#db
      .selectFrom('identity')
      .selectAll()
      .where('module_id', '=', DEVICE)
      .where('device_id', '>', page.after ?? '')
      .$if(within !== undefined, (query) =>
        query.where(
          sql<boolean>`(coalesce(fleet, '') IN (SELECT value FROM json_each(${JSON.stringify(within?.fleets ?? [])}))
            OR device_id IN (SELECT value FROM json_each(${JSON.stringify(within?.deviceIds ?? [])})))`,
        ),
      )
      .orderBy('device_id')
      .limit(pageLimit(page.limit))
      .execute()
    return rows.map((row) => identityOf(row, this.#sealer))
  }

  async listModules(deviceId: string): Promise<readonly Identity[]> {
    const rows = await this.#db
      .selectFrom('identity')
      .selectAll()
      .where('device_id', '=', deviceId)
      .where('module_id', '>', '')
      .orderBy('module_id')
      .execute()
    return rows.map((row) => identityOf(row, this.#sealer))
  }

  async countDevices(): Promise<{ readonly total: number; readonly enabled: number }> {
    const rows = await this.#db
      .selectFrom('identity')
      .select(({ fn }) => ['status', fn.countAll<number>().as('devices')])
      .where('module_id', '=', DEVICE)
      .groupBy('status')
      .execute()
    const enabled = rows.find((row) => row.status === 'enabled')?.devices ?? 0
    return { total: enabled + (rows.find((row) => row.status === 'disabled')?.devices ?? 0), enabled }
  }

  async writeTwin(
    key: IdentityKey,
    twin: { readonly tags: string; readonly desired: string },
    because?: Because,
  ): Promise<void> {
    return this.#twins.resetTwin(key, twin, because)
  }
}

/** Where the sealed columns of an identity stand. */
export function identityPlace(row: { readonly device_id: string; readonly module_id: string }, column: string): Place {
  return { table: 'identity', row: [row.device_id, row.module_id], column }
}

async function hasFleet(transaction: StateTransaction, fleet: string): Promise<boolean> {
  const row = await transaction.selectFrom('fleet').select('path').where('path', '=', fleet).executeTakeFirst()
  return row !== undefined
}

async function hasScope(transaction: StateTransaction, scope: string): Promise<boolean> {
  const row = await transaction
    .selectFrom('identity')
    .select('device_id')
    .where('device_scope', '=', scope)
    .executeTakeFirst()
  return row !== undefined
}

function rowOf(identity: Identity, sealer: ValueSealer): Insertable<IdentityTable> {
  const key = { device_id: identity.deviceId, module_id: identity.moduleId ?? '' }
  const { authentication } = identity
  const isSas = authentication.kind === 'sas'
  const isSelfSigned = authentication.kind === 'selfSigned'
  return {
    ...key,
    parent_module: identity.moduleId === undefined ? null : '',
    generation_id: identity.generationId,
    etag: identity.etag,
    status: identity.status,
    status_reason: identity.statusReason ?? null,
    status_updated_time: identity.statusUpdatedTime,
    created_time: identity.createdTime,
    authentication: authentication.kind,
    primary_key: isSas ? sealer.seal(authentication.primaryKey, identityPlace(key, 'primary_key')) : null,
    secondary_key: isSas ? sealer.seal(authentication.secondaryKey, identityPlace(key, 'secondary_key')) : null,
    seal_epoch: isSas ? sealer.epoch : null,
    primary_thumbprint: isSelfSigned ? (authentication.primaryThumbprint ?? null) : null,
    secondary_thumbprint: isSelfSigned ? (authentication.secondaryThumbprint ?? null) : null,
    iot_edge: identity.capabilities.iotEdge ? 1 : 0,
    device_scope: edgeScope(identity) ?? null,
    parent_scope: identity.parentScope ?? null,
    managed_by: identity.managedBy ?? null,
    fleet: identity.fleet ?? null,
  }
}

function identityOf(row: Selectable<IdentityTable>, sealer: ValueSealer): Identity {
  return {
    deviceId: row.device_id,
    ...(row.module_id === '' ? {} : { moduleId: row.module_id }),
    generationId: row.generation_id,
    etag: row.etag,
    status: row.status,
    ...(row.status_reason === null ? {} : { statusReason: row.status_reason }),
    statusUpdatedTime: row.status_updated_time,
    createdTime: row.created_time,
    authentication: authenticationOf(row, sealer),
    capabilities: { iotEdge: row.iot_edge === 1 },
    ...(row.parent_scope === null ? {} : { parentScope: row.parent_scope }),
    ...(row.managed_by === null ? {} : { managedBy: row.managed_by }),
    ...(row.fleet === null ? {} : { fleet: row.fleet }),
  }
}

function authenticationOf(row: Selectable<IdentityTable>, sealer: ValueSealer): Authentication {
  switch (row.authentication) {
    case 'sas': {
      const { primary_key: primary, secondary_key: secondary, seal_epoch: epoch } = row
      if (primary === null || secondary === null || epoch === null) throw new TypeError('the table checks these')
      return {
        kind: 'sas',
        primaryKey: sealer.open(primary, epoch, identityPlace(row, 'primary_key')),
        secondaryKey: sealer.open(secondary, epoch, identityPlace(row, 'secondary_key')),
      }
    }
    case 'selfSigned':
      return {
        kind: 'selfSigned',
        ...(row.primary_thumbprint === null ? {} : { primaryThumbprint: row.primary_thumbprint }),
        ...(row.secondary_thumbprint === null ? {} : { secondaryThumbprint: row.secondary_thumbprint }),
      }
    case 'certificateAuthority':
    case 'none':
      return { kind: row.authentication }
  }
}

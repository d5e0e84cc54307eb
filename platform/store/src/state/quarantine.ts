/** Quarantine, dossiers and devices' connection policies: small tables that go with their identities. */

import type { ConnectionPolicyStore, QuarantineEntry, QuarantineStore } from '@holdfast/admission'
import type { Because } from '@holdfast/audit'
import type { IdentityKey } from '@holdfast/identity'
import type { DossierStore, DossierWrite } from '@holdfast/masquerade'
import type { Kysely } from 'kysely'
import type { StateSchema } from './schema.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

export type TrustStore = QuarantineStore & DossierStore & Omit<ConnectionPolicyStore, 'readSetting' | 'writeSetting'>

export class SqlTrust implements TrustStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async listQuarantined(): Promise<readonly QuarantineEntry[]> {
    const rows = await this.#db.selectFrom('quarantine').selectAll().execute()
    return rows.map(({ device_id, module_id, reason, at, actor }) => ({
      ...keyOf(device_id, module_id),
      reason,
      at,
      actor,
    }))
  }

  async writeQuarantined({ reason, at, actor, ...key }: QuarantineEntry, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      if (!(await exists(transaction, key))) return false
      const facts = { reason, at, actor }
      await transaction
        .insertInto('quarantine')
        .values({ ...columnsOf(key), ...facts })
        .onConflict((conflict) => conflict.columns(['device_id', 'module_id']).doUpdateSet(facts))
        .execute()
      record(because)
      return true
    })
  }

  async deleteQuarantined(key: IdentityKey, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      const { device_id, module_id } = columnsOf(key)
      const { numDeletedRows } = await transaction
        .deleteFrom('quarantine')
        .where('device_id', '=', device_id)
        .where('module_id', '=', module_id)
        .executeTakeFirst()
      record(because)
      return numDeletedRows > 0n
    })
  }

  async listDossiers(limit: number): Promise<readonly (IdentityKey & { readonly record: string })[]> {
    const rows = await this.#db.selectFrom('dossier').selectAll().limit(limit).execute()
    return rows.map(({ device_id, module_id, record }) => ({ ...keyOf(device_id, module_id), record }))
  }

  async readDossier(key: IdentityKey): Promise<string | undefined> {
    const { device_id, module_id } = columnsOf(key)
    const row = await this.#db
      .selectFrom('dossier')
      .select('record')
      .where('device_id', '=', device_id)
      .where('module_id', '=', module_id)
      .executeTakeFirst()
    return row?.record
  }

  async writeDossiers(writes: readonly DossierWrite[], because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, keep) => {
      let isKept = writes.length > 0
      for (const { record, ...key } of writes) {
        if (!(await writeDossier(transaction, key, record))) isKept = false
      }
      if (isKept) keep(because)
    })
  }

  async listConnectionPolicies(): Promise<readonly { readonly deviceId: string; readonly policy: string }[]> {
    const rows = await this.#db.selectFrom('connection_policy').select(['device_id', 'policy']).execute()
    return rows.map(({ device_id, policy }) => ({ deviceId: device_id, policy }))
  }

  async writeConnectionPolicy(deviceId: string, policy: string, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      if (!(await exists(transaction, { deviceId }))) return false
      await transaction
        .insertInto('connection_policy')
        .values({ device_id: deviceId, module_id: '', policy })
        .onConflict((conflict) => conflict.columns(['device_id', 'module_id']).doUpdateSet({ policy }))
        .execute()
      record(because)
      return true
    })
  }

  async deleteConnectionPolicy(deviceId: string, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('connection_policy')
        .where('device_id', '=', deviceId)
        .executeTakeFirst()
      if (numDeletedRows === 0n) return false
      record(because)
      return true
    })
  }
}

/** False where the identity does not exist. */
async function writeDossier(
  transaction: StateTransaction,
  key: IdentityKey,
  record: string | undefined,
): Promise<boolean> {
  if (!(await exists(transaction, key))) return false
  const columns = columnsOf(key)
  if (record === undefined) {
    await transaction
      .deleteFrom('dossier')
      .where('device_id', '=', columns.device_id)
      .where('module_id', '=', columns.module_id)
      .execute()
    return true
  }
  await transaction
    .insertInto('dossier')
    .values({ ...columns, record })
    .onConflict((conflict) => conflict.columns(['device_id', 'module_id']).doUpdateSet({ record }))
    .execute()
  return true
}

async function exists(transaction: StateTransaction, key: IdentityKey): Promise<boolean> {
  const { device_id, module_id } = columnsOf(key)
  const row = await transaction
    .selectFrom('identity')
    .select('etag')
    .where('device_id', '=', device_id)
    .where('module_id', '=', module_id)
    .executeTakeFirst()
  return row !== undefined
}

function columnsOf({ deviceId, moduleId }: IdentityKey): { readonly device_id: string; readonly module_id: string } {
  return { device_id: deviceId, module_id: moduleId ?? '' }
}

function keyOf(deviceId: string, moduleId: string): IdentityKey {
  return moduleId === '' ? { deviceId } : { deviceId, moduleId }
}

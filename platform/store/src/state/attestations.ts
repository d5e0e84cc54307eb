/** Attestation of devices: keys, verdicts, reference values, policies. */

import {
  type AttestationPolicy,
  type AttestationRecord,
  type AttestationStore,
  type Reason,
  readAttestationPolicy,
  type ReferenceSigner,
  type StoredPolicy,
  type StoredReferenceValues,
  type StoredStanding,
} from '@holdfast/attestation'
import type { Because } from '@holdfast/audit'
import type { Insertable, Kysely, Selectable } from 'kysely'
import type { AttestationTable } from './attestation-schema.ts'
import { pageLimit } from './page.ts'
import type { StateSchema } from './schema.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

export class SqlAttestations implements AttestationStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async readAttestation(deviceId: string): Promise<AttestationRecord | undefined> {
    const row = await this.#db
      .selectFrom('attestation')
      .selectAll()
      .where('device_id', '=', deviceId)
      .executeTakeFirst()
    return row && recordOf(row)
  }

  async writeAttestation(
    record: AttestationRecord,
    because?: Because,
  ): Promise<'written' | 'device-missing' | 'endorsement-key-taken'> {
    return this.#writes.run(async (transaction, keep) => {
      const device = await transaction
        .selectFrom('identity')
        .select('generation_id')
        .where('device_id', '=', record.deviceId)
        .where('module_id', '=', '')
        .executeTakeFirst()
      if (device?.generation_id !== record.generationId) return 'device-missing'
      const other = await transaction
        .selectFrom('attestation')
        .select('device_id')
        .where('endorsement_name', '=', record.endorsementName)
        .where('device_id', '!=', record.deviceId)
        .executeTakeFirst()
      if (other !== undefined) return 'endorsement-key-taken'
      const row = rowOf(record)
      await transaction
        .insertInto('attestation')
        .values(row)
        .onConflict((conflict) => conflict.columns(['device_id', 'module_id']).doUpdateSet(row))
        .execute()
      keep(because)
      return 'written'
    })
  }

  async deleteAttestation(deviceId: string, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, keep) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('attestation')
        .where('device_id', '=', deviceId)
        .executeTakeFirst()
      if (numDeletedRows === 0n) return false
      keep(because)
      return true
    })
  }

  async listStandings({ limit, after = '' }: { limit: number; after?: string }): Promise<readonly StoredStanding[]> {
    const rows = await this.#db
      .selectFrom('attestation')
      .select(['device_id', 'generation_id', 'verdict', 'judged_time', 'reasons', 'reference_name'])
      .where('device_id', '>', after)
      .orderBy('device_id')
      .limit(pageLimit(limit))
      .execute()
    return rows.map((row) => {
      const standing = { deviceId: row.device_id, generationId: row.generation_id }
      if (row.verdict === null || row.judged_time === null) return standing
      const [first] = reasonsOf(row.reasons)
      return {
        ...standing,
        verdict: {
          kind: row.verdict,
          at: row.judged_time,
          ...(row.reference_name === null ? {} : { reference: row.reference_name }),
          ...(first === undefined ? {} : { reason: first.code }),
        },
      }
    })
  }

  /** By name. There are few: the domain bounds them. */
  async listReferenceSigners(): Promise<readonly ReferenceSigner[]> {
    const rows = await this.#db.selectFrom('reference_signer').selectAll().orderBy('name').execute()
    return rows.map((row) => ({ name: row.name, publicKey: row.public_key, addedTime: row.added_time }))
  }

  async writeReferenceSigner(signer: ReferenceSigner, because?: Because): Promise<void> {
    const row = { name: signer.name, public_key: signer.publicKey, added_time: signer.addedTime }
    await this.#writes.run(async (transaction, keep) => {
      await transaction.insertInto('reference_signer').values(row).execute()
      keep(because)
    })
  }

  async deleteReferenceSigner(name: string, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, keep) => {
      const deletion = transaction.deleteFrom('reference_signer').where('name', '=', name)
      if ((await deletion.executeTakeFirst()).numDeletedRows > 0n) keep(because)
    })
  }

  async listReferenceValues(): Promise<readonly StoredReferenceValues[]> {
    const rows = await this.#db.selectFrom('reference_values').selectAll().orderBy('name').execute()
    return rows.map(({ added_time: addedTime, ...row }) => ({ ...row, addedTime }))
  }

  async writeReferenceValues({ addedTime, ...values }: StoredReferenceValues, because?: Because): Promise<void> {
    const row = { ...values, added_time: addedTime }
    await this.#writes.run(async (transaction, keep) => {
      await transaction
        .insertInto('reference_values')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute()
      keep(because)
    })
  }

  async deleteReferenceValues(name: string, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, keep) => {
      const deletion = transaction.deleteFrom('reference_values').where('name', '=', name)
      if ((await deletion.executeTakeFirst()).numDeletedRows > 0n) keep(because)
    })
  }

  async listAttestationPolicies(): Promise<readonly StoredPolicy[]> {
    const rows = await this.#db.selectFrom('attestation_policy').select(['device_id', 'policy']).execute()
    return rows.map(({ device_id: deviceId, policy }) => ({
      deviceId: deviceId === '' ? undefined : deviceId,
      policy: readAttestationPolicy(JSON.parse(policy)),
    }))
  }

  async writeAttestationPolicy(
    deviceId: string | undefined,
    policy: AttestationPolicy | undefined,
    because?: Because,
  ): Promise<'written' | 'device-missing'> {
    return this.#writes.run(async (transaction, keep) => {
      const id = deviceId ?? ''
      if (policy === undefined) {
        const deletion = transaction.deleteFrom('attestation_policy').where('device_id', '=', id)
        if ((await deletion.executeTakeFirst()).numDeletedRows > 0n) keep(because)
        return 'written'
      }
      if (deviceId !== undefined && !(await isDevice(transaction, deviceId))) return 'device-missing'
      const row = { device_id: id, parent_device: deviceId ?? null, module_id: '', policy: JSON.stringify(policy) }
      await transaction
        .insertInto('attestation_policy')
        .values(row)
        .onConflict((conflict) => conflict.column('device_id').doUpdateSet(row))
        .execute()
      keep(because)
      return 'written'
    })
  }
}

async function isDevice(transaction: StateTransaction, deviceId: string): Promise<boolean> {
  const row = await transaction
    .selectFrom('identity')
    .select('device_id')
    .where('device_id', '=', deviceId)
    .where('module_id', '=', '')
    .executeTakeFirst()
  return row !== undefined
}

function rowOf({ state, verdict, ...record }: AttestationRecord): Insertable<AttestationTable> {
  return {
    device_id: record.deviceId,
    module_id: '',
    generation_id: record.generationId,
    endorsement_key: record.endorsementKey,
    endorsement_name: record.endorsementName,
    manufacturer: record.manufacturer ?? null,
    attestation_key: record.attestationKey,
    attestation_name: record.attestationName,
    certified_time: record.certifiedTime,
    reset_count: state?.resetCount ?? null,
    restart_count: state?.restartCount ?? null,
    clock: state === undefined ? null : String(state.clock),
    clock_safe: state === undefined ? null : state.isSafe ? 1 : 0,
    firmware_version: state === undefined ? null : String(state.firmwareVersion),
    verdict: verdict?.kind ?? null,
    judged_time: verdict?.at ?? null,
    reasons: verdict === undefined ? null : JSON.stringify(verdict.reasons),
    reasons_omitted: verdict?.reasonsOmitted ?? null,
    reference_name: verdict?.reference?.name ?? null,
    reference_serial: verdict?.reference?.serial ?? null,
  }
}

function recordOf(row: Selectable<AttestationTable>): AttestationRecord {
  const { reset_count: resetCount, restart_count: restartCount, clock, firmware_version: firmware } = row
  const state =
    resetCount === null || restartCount === null || clock === null || firmware === null
      ? undefined
      : {
          resetCount,
          restartCount,
          clock: BigInt(clock),
          isSafe: row.clock_safe === 1,
          firmwareVersion: BigInt(firmware),
        }
  const { verdict: kind, judged_time: at, reference_name: name, reference_serial: serial } = row
  const verdict =
    kind === null || at === null
      ? undefined
      : {
          kind,
          at,
          reasons: reasonsOf(row.reasons),
          reasonsOmitted: row.reasons_omitted ?? 0,
          ...(name === null || serial === null ? {} : { reference: { name, serial } }),
        }
  return {
    deviceId: row.device_id,
    generationId: row.generation_id,
    endorsementKey: row.endorsement_key,
    endorsementName: row.endorsement_name,
    ...(row.manufacturer === null ? {} : { manufacturer: row.manufacturer }),
    attestationKey: row.attestation_key,
    attestationName: row.attestation_name,
    certifiedTime: row.certified_time,
    ...(state === undefined ? {} : { state }),
    ...(verdict === undefined ? {} : { verdict }),
  }
}

/** What this store wrote, and the check of the table found to be JSON. */
function reasonsOf(text: string | null): readonly Reason[] {
  return text === null ? [] : (JSON.parse(text) as readonly Reason[])
}

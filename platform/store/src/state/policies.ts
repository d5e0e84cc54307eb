/** Shared access policies. */

import type { Because } from '@holdfast/audit'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { AccessPolicy, PolicyRotation, PolicyStore, Right } from '@holdfast/identity'
import type { Kysely, Selectable } from 'kysely'
import type { PolicyTable, StateSchema } from './schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { WriteGroup } from './write-group.ts'

/** Every right, so that a stored one can be known again. */
const RIGHTS: Readonly<Record<Right, true>> = {
  RegistryRead: true,
  RegistryWrite: true,
  ServiceConnect: true,
  DeviceConnect: true,
  ServiceConfig: true,
  EnrollmentRead: true,
  EnrollmentWrite: true,
  RegistrationStatusRead: true,
  RegistrationStatusWrite: true,
}

export class SqlPolicies implements PolicyStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  /** By name. There are a handful. */
  async listPolicies(): Promise<readonly AccessPolicy[]> {
    const rows = await this.#db.selectFrom('policy').selectAll().orderBy('name').execute()
    return rows.map((row) => policyOf(row, this.#sealer))
  }

  async writePolicy(policy: AccessPolicy, because?: Because): Promise<void> {
    return this.#writes.run(async (transaction, record) => {
      const key = { name: policy.name, rights: JSON.stringify(policy.rights) }
      const row = {
        ...key,
        primary_key: this.#sealer.seal(policy.primaryKey, policyPlace(key, 'primary_key')),
        secondary_key: this.#sealer.seal(policy.secondaryKey, policyPlace(key, 'secondary_key')),
        seal_epoch: this.#sealer.epoch,
        rotation: policy.rotation === undefined ? null : JSON.stringify(policy.rotation),
      }
      await transaction
        .insertInto('policy')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute()
      record(because)
    })
  }
}

/** The rights are part of the place: who widens them in the file gets keys that do not open. */
export function policyPlace(row: { readonly name: string; readonly rights: string }, column: string): Place {
  return { table: 'policy', row: [row.name, row.rights], column }
}

function policyOf(row: Selectable<PolicyTable>, sealer: ValueSealer): AccessPolicy {
  const primaryKey = sealer.open(row.primary_key, row.seal_epoch, policyPlace(row, 'primary_key'))
  const secondaryKey = sealer.open(row.secondary_key, row.seal_epoch, policyPlace(row, 'secondary_key'))
  const rights: unknown = JSON.parse(row.rights)
  if (!Array.isArray(rights) || !rights.every(isRight)) throw new TypeError(`policy ${row.name} has an unknown right`)
  const policy = { name: row.name, primaryKey, secondaryKey, rights }
  return row.rotation === null ? policy : { ...policy, rotation: rotationOf(row.rotation) }
}

/** It is not sealed: the keys are, and when one of them ends is no secret. */
function rotationOf(text: string): PolicyRotation {
  const found: unknown = JSON.parse(text)
  if (typeof found !== 'object' || found === null) throw new TypeError('the rotation of a policy is an object')
  const timeOf = (name: string): Timestamp | undefined => {
    const value: unknown = Reflect.get(found, name)
    return typeof value === 'number' ? timestampOf(value) : undefined
  }
  const [primaryTime, secondaryTime] = [timeOf('primaryTime'), timeOf('secondaryTime')]
  if (primaryTime === undefined || secondaryTime === undefined) throw new TypeError('the keys of a policy have an age')
  const [retiresTime, primaryUsed, secondaryUsed] = [
    timeOf('retiresTime'),
    timeOf('primaryUsed'),
    timeOf('secondaryUsed'),
  ]
  return {
    current: Reflect.get(found, 'current') === 'secondary' ? 'secondary' : 'primary',
    primaryTime,
    secondaryTime,
    ...(retiresTime !== undefined && { retiresTime }),
    ...(primaryUsed !== undefined && { primaryUsed }),
    ...(secondaryUsed !== undefined && { secondaryUsed }),
  }
}

function isRight(value: unknown): value is Right {
  return typeof value === 'string' && Object.hasOwn(RIGHTS, value)
}

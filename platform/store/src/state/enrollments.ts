/** Enrolments of the provisioning service. */

import type { Because } from '@holdfast/audit'
import type { Expectation, WriteOutcome } from '@holdfast/identity'
import type { Attestation, Enrollment, Page } from '@holdfast/provisioning'
import type { Insertable, Kysely, Selectable } from 'kysely'
import { judge, judgeDeletion } from './expectation.ts'
import { pageLimit } from './page.ts'
import type { EnrollmentTable, StateSchema } from './schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

type Scope = Enrollment['scope']

export class SqlEnrollments {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  async readEnrollment(scope: Scope, id: string): Promise<Enrollment | undefined> {
    const row = await this.#db
      .selectFrom('enrollment')
      .selectAll()
      .where('scope', '=', scope)
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : enrollmentOf(row, this.#sealer)
  }

  async writeEnrollment(enrollment: Enrollment, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const outcome = judge(expected, await readEtag(transaction, enrollment.scope, enrollment.id))
      if (outcome !== 'written') return outcome
      const row = rowOf(enrollment, this.#sealer)
      await transaction
        .insertInto('enrollment')
        .values(row)
        .onConflict((conflict) => conflict.columns(['scope', 'id']).doUpdateSet(row))
        .execute()
      record(because)
      return 'written'
    })
  }

  async deleteEnrollment(scope: Scope, id: string, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const outcome = judgeDeletion(expected, await readEtag(transaction, scope, id))
      if (outcome === 'written') {
        await transaction.deleteFrom('enrollment').where('scope', '=', scope).where('id', '=', id).execute()
        record(because)
      }
      return outcome
    })
  }

  async listEnrollments(scope: Scope, page: Page): Promise<readonly Enrollment[]> {
    const rows = await this.#db
      .selectFrom('enrollment')
      .selectAll()
      .where('scope', '=', scope)
      .where('id', '>', page.after ?? '')
      .orderBy('id')
      .limit(pageLimit(page.limit))
      .execute()
    return rows.map((row) => enrollmentOf(row, this.#sealer))
  }
}

/** Where the sealed columns of an enrolment stand. */
export function enrollmentPlace(row: { readonly scope: Scope; readonly id: string }, column: string): Place {
  return { table: 'enrollment', row: [row.id, row.scope], column }
}

async function readEtag(transaction: StateTransaction, scope: Scope, id: string): Promise<string | undefined> {
  const row = await transaction
    .selectFrom('enrollment')
    .select('etag')
    .where('scope', '=', scope)
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.etag
}

function rowOf(enrollment: Enrollment, sealer: ValueSealer): Insertable<EnrollmentTable> {
  const { attestation } = enrollment
  const isSymmetric = attestation.kind === 'symmetricKey'
  const isX509 = attestation.kind === 'x509'
  const tpm = attestation.kind === 'tpm' ? attestation : undefined
  return {
    scope: enrollment.scope,
    id: enrollment.id,
    attestation: attestation.kind,
    primary_key: isSymmetric ? sealer.seal(attestation.primaryKey, enrollmentPlace(enrollment, 'primary_key')) : null,
    secondary_key: isSymmetric
      ? sealer.seal(attestation.secondaryKey, enrollmentPlace(enrollment, 'secondary_key'))
      : null,
    seal_epoch: isSymmetric ? sealer.epoch : null,
    primary_certificate: isX509 ? attestation.primary : null,
    secondary_certificate: isX509 ? (attestation.secondary ?? null) : null,
    status: enrollment.status,
    etag: enrollment.etag,
    created_time: enrollment.createdTime,
    updated_time: enrollment.updatedTime,
    device_id: enrollment.deviceId ?? null,
    iot_edge: enrollment.iotEdge ? 1 : 0,
    update_hub_assignment: enrollment.reprovision.updateHubAssignment ? 1 : 0,
    migrate_device_data: enrollment.reprovision.migrateDeviceData ? 1 : 0,
    allocation: enrollment.allocation,
    initial_tags: enrollment.initialTwin?.tags ?? null,
    initial_desired: enrollment.initialTwin?.desired ?? null,
    device_information: enrollment.deviceInformation ?? null,
    certificate_profile: enrollment.certificateProfile ?? null,
    endorsement_key: tpm?.endorsementKey ?? null,
    storage_root_key: tpm?.storageRootKey ?? null,
    endorsement_certificates: tpm?.endorsementCertificate ?? null,
    endorsement_required:
      tpm?.requireEndorsementCertificate === undefined ? null : tpm.requireEndorsementCertificate ? 1 : 0,
  }
}

function enrollmentOf(row: Selectable<EnrollmentTable>, sealer: ValueSealer): Enrollment {
  const { initial_tags: tags, initial_desired: desired } = row
  return {
    id: row.id,
    scope: row.scope,
    attestation: attestationOf(row, sealer),
    status: row.status,
    etag: row.etag,
    createdTime: row.created_time,
    updatedTime: row.updated_time,
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    iotEdge: row.iot_edge === 1,
    reprovision: {
      updateHubAssignment: row.update_hub_assignment === 1,
      migrateDeviceData: row.migrate_device_data === 1,
    },
    allocation: row.allocation,
    ...(tags === null || desired === null ? {} : { initialTwin: { tags, desired } }),
    ...(row.device_information === null ? {} : { deviceInformation: row.device_information }),
    ...(row.certificate_profile === null ? {} : { certificateProfile: row.certificate_profile }),
  }
}

function attestationOf(row: Selectable<EnrollmentTable>, sealer: ValueSealer): Attestation {
  if (row.attestation === 'x509') {
    const { primary_certificate: primary, secondary_certificate: secondary } = row
    if (primary === null) throw new TypeError('the table checks this')
    return { kind: 'x509', primary, ...(secondary === null ? {} : { secondary }) }
  }
  if (row.attestation === 'tpm') {
    const { endorsement_key: endorsementKey, storage_root_key: storageRootKey } = row
    const { endorsement_certificates: endorsementCertificate, endorsement_required: required } = row
    if (endorsementKey === null) throw new TypeError('the table checks this')
    return {
      kind: 'tpm',
      endorsementKey,
      ...(storageRootKey === null ? {} : { storageRootKey }),
      ...(endorsementCertificate === null ? {} : { endorsementCertificate }),
      ...(required === null ? {} : { requireEndorsementCertificate: required === 1 }),
    }
  }
  const { primary_key: primary, secondary_key: secondary, seal_epoch: epoch } = row
  if (primary === null || secondary === null || epoch === null) throw new TypeError('the table checks these')
  return {
    kind: 'symmetricKey',
    primaryKey: sealer.open(primary, epoch, enrollmentPlace(row, 'primary_key')),
    secondaryKey: sealer.open(secondary, epoch, enrollmentPlace(row, 'secondary_key')),
  }
}

/** Registrations of the provisioning service: which device was assigned by which enrolment. */

import type { Because } from '@holdfast/audit'
import type { Expectation, WriteOutcome } from '@holdfast/identity'
import type { Page, Registration } from '@holdfast/provisioning'
import type { Insertable, Kysely, Selectable } from 'kysely'
import { judgeDeletion } from './expectation.ts'
import { pageLimit } from './page.ts'
import type { RegistrationTable, StateSchema } from './schema.ts'
import type { WriteGroup } from './write-group.ts'

export class SqlRegistrations {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async readRegistration(registrationId: string): Promise<Registration | undefined> {
    const row = await this.#db
      .selectFrom('registration')
      .selectAll()
      .where('registration_id', '=', registrationId)
      .executeTakeFirst()
    return row === undefined ? undefined : registrationOf(row)
  }

  async writeRegistration(registration: Registration, because?: Because): Promise<void> {
    const row = rowOf(registration)
    await this.#writes.run(async (transaction, record) => {
      await transaction
        .insertInto('registration')
        .values(row)
        .onConflict((conflict) => conflict.column('registration_id').doUpdateSet(row))
        .execute()
      record(because)
    })
  }

  async deleteRegistration(registrationId: string, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const found = await transaction
        .selectFrom('registration')
        .select('etag')
        .where('registration_id', '=', registrationId)
        .executeTakeFirst()
      const outcome = judgeDeletion(expected, found?.etag)
      if (outcome === 'written') {
        await transaction.deleteFrom('registration').where('registration_id', '=', registrationId).execute()
        record(because)
      }
      return outcome
    })
  }

  async listRegistrations(enrollmentId: string, page: Page): Promise<readonly Registration[]> {
    const rows = await this.#db
      .selectFrom('registration')
      .selectAll()
      .where('enrollment_id', '=', enrollmentId)
      .where('registration_id', '>', page.after ?? '')
      .orderBy('registration_id')
      .limit(pageLimit(page.limit))
      .execute()
    return rows.map(registrationOf)
  }
}

function rowOf(registration: Registration): Insertable<RegistrationTable> {
  return {
    registration_id: registration.registrationId,
    enrollment_id: registration.enrollmentId,
    scope: registration.scope,
    device_id: registration.deviceId,
    status: registration.status,
    substatus: registration.substatus,
    error_code: registration.errorCode ?? null,
    error_message: registration.errorMessage ?? null,
    created_time: registration.createdTime,
    updated_time: registration.updatedTime,
    etag: registration.etag,
  }
}

function registrationOf(row: Selectable<RegistrationTable>): Registration {
  return {
    registrationId: row.registration_id,
    enrollmentId: row.enrollment_id,
    scope: row.scope,
    deviceId: row.device_id,
    status: row.status,
    substatus: row.substatus,
    ...(row.error_code === null ? {} : { errorCode: row.error_code }),
    ...(row.error_message === null ? {} : { errorMessage: row.error_message }),
    createdTime: row.created_time,
    updatedTime: row.updated_time,
    etag: row.etag,
  }
}

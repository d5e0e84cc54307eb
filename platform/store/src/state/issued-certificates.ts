/** Certificates that the hub issued. */

import type { Because } from '@holdfast/audit'
import type {
  AfterRecord,
  CertificateChange,
  CertificateMove,
  CertificateState,
  IssuedCertificate,
  IssuedCertificateStore,
} from '@holdfast/credentials'
import type { Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import type { IssuedCertificateTable } from './issued-certificates-schema.ts'
import { IDENTITY_CERTIFICATES_MAX } from './limits.ts'
import { pageLimit } from './page.ts'
import type { StateSchema } from './schema.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

/** In the text of queries and not bound, so that SQLite sees that the partial indexes apply. */
const CURRENT = sql.lit<CertificateState>('current')
const REVOKED = sql.lit<CertificateState>('revoked')
const RETIRED = sql.lit<CertificateState>('retired')
const NEXT = sql.lit<CertificateState>('next')

/** Thrown to undo a change that found a record in another state than it asked for. */
class Unexpected extends Error {}

export class SqlIssuedCertificates implements IssuedCertificateStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async changeIssued(change: CertificateChange, because?: Because): Promise<boolean> {
    try {
      await this.#writes.run(async (transaction, record) => {
        for (const move of change.moves) await apply(transaction, move)
        if (change.insert !== undefined) {
          await transaction.insertInto('issued_certificate').values(rowOf(change.insert)).execute()
        }
        if (change.keep !== undefined) await trim(transaction, change.keep)
        record(because)
      })
      return true
    } catch (error) {
      if (error instanceof Unexpected) return false
      throw error
    }
  }

  async readIssued(sha256: string): Promise<IssuedCertificate | undefined> {
    const row = await this.#db
      .selectFrom('issued_certificate')
      .selectAll()
      .where('sha256', '=', sha256)
      .executeTakeFirst()
    return row === undefined ? undefined : recordOf(row)
  }

  async readIssuedBySerial(serialNumber: string): Promise<IssuedCertificate | undefined> {
    const row = await this.#db
      .selectFrom('issued_certificate')
      .selectAll()
      .where('serial_number', '=', serialNumber)
      .executeTakeFirst()
    return row === undefined ? undefined : recordOf(row)
  }

  async listIssuedOf(
    key: IdentityKey,
    page: { readonly limit: number; readonly modules?: boolean },
  ): Promise<readonly IssuedCertificate[]> {
    if (page.limit < 1 || page.limit > IDENTITY_CERTIFICATES_MAX) throw new TypeError('more than one identity has')
    let query = this.#db.selectFrom('issued_certificate').selectAll().where('device_id', '=', key.deviceId)
    if (page.modules !== true) query = query.where('module_id', '=', key.moduleId ?? '')
    const rows = await query.orderBy('issued_time', 'desc').orderBy(sql`rowid`, 'desc').limit(page.limit).execute()
    return rows.map(recordOf)
  }

  async listIssuedByKey(spkiSha256: string, limit: number): Promise<readonly IssuedCertificate[]> {
    const rows = await this.#db
      .selectFrom('issued_certificate')
      .selectAll()
      .where('spki_sha256', '=', spkiSha256)
      .orderBy('issued_time', 'desc')
      .limit(pageLimit(limit))
      .execute()
    return rows.map(recordOf)
  }

  async listIssuedByEnd(
    page: Parameters<IssuedCertificateStore['listIssuedByEnd']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    const rows = await this.#db
      .selectFrom('issued_certificate')
      .selectAll()
      .where('state', 'in', [CURRENT, NEXT])
      .where('not_after', '>=', page.from)
      .where('not_after', '<', page.to)
      .where(behind('not_after', page.after))
      .orderBy('not_after')
      .orderBy('sha256')
      .limit(pageLimit(page.limit))
      .execute()
    return rows.map(recordOf)
  }

  async listIssuedDue(
    page: Parameters<IssuedCertificateStore['listIssuedDue']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    const rows = await this.#db
      .selectFrom('issued_certificate as one')
      .selectAll('one')
      .where('one.state', '=', CURRENT)
      .where('one.renewal_time', '<=', page.now)
      .where(behind('one.renewal_time', page.after, 'one.sha256'))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('issued_certificate as successor')
              .select('successor.sha256')
              .whereRef('successor.device_id', '=', 'one.device_id')
              .whereRef('successor.module_id', '=', 'one.module_id')
              .where('successor.state', '=', NEXT),
          ),
        ),
      )
      .orderBy('one.renewal_time')
      .orderBy('one.sha256')
      .limit(pageLimit(page.limit))
      .execute()
    return rows.map(recordOf)
  }

  async listIssuedRevoked(
    page: Parameters<IssuedCertificateStore['listIssuedRevoked']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    const rows = await this.#db
      .selectFrom('issued_certificate')
      .selectAll()
      .where('state', '=', REVOKED)
      .where('not_after', '>', page.now)
      .where(behind('state_time', page.after))
      .orderBy('state_time')
      .orderBy('sha256')
      .limit(pageLimit(page.limit))
      .execute()
    return rows.map(recordOf)
  }

  async countIssuedByIssuer(): Promise<readonly { readonly issuerSha256: string; readonly live: number }[]> {
    const rows = await this.#db
      .selectFrom('issued_certificate')
      .select(({ fn }) => ['issuer_sha256', fn.countAll<number>().as('live')])
      .where('state', 'in', [CURRENT, NEXT])
      .groupBy('issuer_sha256')
      .execute()
    return rows.map(({ issuer_sha256: issuerSha256, live }) => ({ issuerSha256, live }))
  }

  async deleteIssuedBefore(time: Timestamp, limit: number): Promise<number> {
    return this.#writes.run(async (transaction) => {
      const ended = await transaction
        .selectFrom('issued_certificate')
        .select('sha256')
        .where('not_after', '<', time)
        .orderBy('not_after')
        .limit(pageLimit(limit))
        .execute()
      await deleteAll(transaction, ended)
      return ended.length
    })
  }

  async readCertificateProfile(key: IdentityKey): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('certificate_profile')
      .select('profile')
      .where('device_id', '=', key.deviceId)
      .where('module_id', '=', key.moduleId ?? '')
      .executeTakeFirst()
    return row?.profile
  }

  async writeCertificateProfile(key: IdentityKey, profile: string | undefined, because?: Because): Promise<void> {
    const place = { device_id: key.deviceId, module_id: key.moduleId ?? '' }
    await this.#writes.run(async (transaction, record) => {
      if (profile === undefined) {
        const { numDeletedRows } = await transaction
          .deleteFrom('certificate_profile')
          .where('device_id', '=', place.device_id)
          .where('module_id', '=', place.module_id)
          .executeTakeFirst()
        if (numDeletedRows > 0n) record(because)
        return
      }
      const identity = await transaction
        .selectFrom('identity')
        .select('etag')
        .where('device_id', '=', place.device_id)
        .where('module_id', '=', place.module_id)
        .executeTakeFirst()
      if (identity === undefined) return
      await transaction
        .insertInto('certificate_profile')
        .values({ ...place, profile })
        .onConflict((conflict) => conflict.columns(['device_id', 'module_id']).doUpdateSet({ profile }))
        .execute()
      record(because)
    })
  }
}

/** Strictly behind a record in the order of (time, digest). */
function behind(
  time: 'not_after' | 'state_time' | 'one.renewal_time',
  after: AfterRecord | undefined,
  digest: 'sha256' | 'one.sha256' = 'sha256',
) {
  if (after === undefined) return sql<boolean>`true`
  return sql<boolean>`(${sql.ref(time)}, ${sql.ref(digest)}) > (${after.time}, ${after.sha256})`
}

async function apply(transaction: StateTransaction, move: CertificateMove): Promise<void> {
  const found = await transaction
    .selectFrom('issued_certificate')
    .select('state')
    .where('sha256', '=', move.sha256)
    .executeTakeFirst()
  if (found?.state !== move.from) throw new Unexpected(`a certificate is not ${move.from}`)
  await transaction
    .updateTable('issued_certificate')
    .set({
      state: move.to,
      state_time: move.at,
      reason: move.to === 'revoked' ? (move.reason ?? 'unspecified') : null,
      ...(move.seenTime === undefined ? {} : { seen_time: move.seenTime }),
    })
    .where('sha256', '=', move.sha256)
    .execute()
}

/** Retired ones alone are given up: what is revoked stays known until it ends, and what is live proves somebody. */
async function trim(
  transaction: StateTransaction,
  { key, recordsMax }: NonNullable<CertificateChange['keep']>,
): Promise<void> {
  const beyond = await transaction
    .selectFrom('issued_certificate')
    .select('sha256')
    .where('device_id', '=', key.deviceId)
    .where('module_id', '=', key.moduleId ?? '')
    .where('state', '=', RETIRED)
    .orderBy('issued_time', 'desc')
    .limit(IDENTITY_CERTIFICATES_MAX)
    .offset(Math.max(recordsMax - 2, 1))
    .execute()
  await deleteAll(transaction, beyond)
}

async function deleteAll(transaction: StateTransaction, rows: readonly { readonly sha256: string }[]): Promise<void> {
  for (const { sha256 } of rows) {
    await transaction.deleteFrom('issued_certificate').where('sha256', '=', sha256).execute()
  }
}

function rowOf(record: IssuedCertificate): Insertable<IssuedCertificateTable> {
  return {
    sha256: record.sha256,
    serial_number: record.serialNumber,
    spki_sha256: record.spkiSha256,
    device_id: record.key.deviceId,
    module_id: record.key.moduleId ?? '',
    generation_id: record.generationId,
    profile: record.profile,
    issuer_sha256: record.issuerSha256,
    not_before: record.notBefore,
    not_after: record.notAfter,
    renewal_time: record.renewalTime,
    issued_time: record.issuedTime,
    state: record.state,
    state_time: record.stateTime,
    reason: record.reason ?? null,
    replaces_keys: record.replacesKeys ? 1 : 0,
    seen_time: record.seenTime ?? null,
    certificate: record.certificate,
  }
}

function recordOf(row: Selectable<IssuedCertificateTable>): IssuedCertificate {
  return {
    serialNumber: row.serial_number,
    sha256: row.sha256,
    spkiSha256: row.spki_sha256,
    key: row.module_id === '' ? { deviceId: row.device_id } : { deviceId: row.device_id, moduleId: row.module_id },
    generationId: row.generation_id,
    profile: row.profile,
    issuerSha256: row.issuer_sha256,
    notBefore: row.not_before,
    notAfter: row.not_after,
    renewalTime: row.renewal_time,
    issuedTime: row.issued_time,
    state: row.state,
    stateTime: row.state_time,
    ...(row.reason === null ? {} : { reason: row.reason }),
    replacesKeys: row.replaces_keys === 1,
    ...(row.seen_time === null ? {} : { seenTime: row.seen_time }),
    certificate: row.certificate,
  }
}

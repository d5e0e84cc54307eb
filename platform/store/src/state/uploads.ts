/** File uploads: grants, and the files that came of them. */

import { type Because, completed } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { Upload, UploadedBlob, UploadPage, UploadStore } from '@holdfast/uploads'
import type { Kysely, Selectable } from 'kysely'
import { pageLimit } from './page.ts'
import type { StateSchema } from './schema.ts'
import type { UploadTable } from './uploads-schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

const GRANT_KEY = 'upload-grants'

export class SqlUploads implements UploadStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  async uploadKey(candidate: string): Promise<string> {
    return this.#writes.run(async (transaction) => {
      const row = await transaction
        .selectFrom('hub_key')
        .select(['value', 'seal_epoch'])
        .where('name', '=', GRANT_KEY)
        .executeTakeFirst()
      if (row !== undefined) return this.#sealer.open(row.value, row.seal_epoch, hubKeyPlace(GRANT_KEY))
      const value = this.#sealer.seal(candidate, hubKeyPlace(GRANT_KEY))
      await transaction
        .insertInto('hub_key')
        .values({ name: GRANT_KEY, value, seal_epoch: this.#sealer.epoch })
        .execute()
      return candidate
    })
  }

  async insertUpload(upload: Upload, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, record) => {
      await transaction
        .insertInto('upload')
        .values({
          id: upload.correlationId,
          device_id: upload.deviceId,
          generation_id: upload.generationId,
          blob_name: upload.blobName,
          state: 'open',
          created_time: upload.createdTime,
          expires: upload.expires,
        })
        .execute()
      record(because)
    })
  }

  async commitUpload(correlationId: string, blob: UploadedBlob): Promise<boolean> {
    return this.#writes.run(async (transaction) => {
      const row = { id: correlationId, file: blob.file }
      const { numUpdatedRows } = await transaction
        .updateTable('upload')
        .set({
          state: 'uploaded',
          file: blob.file,
          content_key: this.#sealer.seal(blob.contentKey, uploadPlace(row)),
          seal_epoch: this.#sealer.epoch,
          manifest_at: blob.manifestAt,
          blocks: blob.blocks,
          bytes: blob.bytes,
          etag: blob.etag,
          uploaded_time: blob.uploadedTime,
          list_hash: blob.listHash,
          content_type: blob.contentType ?? null,
        })
        .where('id', '=', correlationId)
        .where('state', '=', 'open')
        .executeTakeFirst()
      return numUpdatedRows > 0n
    })
  }

  async completeUpload(correlationId: string, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      const { numUpdatedRows } = await transaction
        .updateTable('upload')
        .set({ state: 'completed' })
        .where('id', '=', correlationId)
        .where('state', '=', 'uploaded')
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return false
      record(because)
      return true
    })
  }

  /** Freed pages are overwritten with zeros (`secure_delete`), so that the key is gone with the row. */
  async deleteUpload(correlationId: string, because?: Because): Promise<Upload | undefined> {
    return this.#writes.run(async (transaction, record) => {
      const row = await readRow(transaction, correlationId)
      if (row === undefined) return undefined
      await transaction.deleteFrom('upload').where('id', '=', correlationId).execute()
      record(completed(because, { bytes: row.bytes ?? 0 }))
      // Also when its key does not open: a damaged file must be possible to delete.
      return this.#uploadOf(row, { isKeyWanted: false })
    })
  }

  async readUpload(correlationId: string): Promise<Upload | undefined> {
    const row = await readRow(this.#db, correlationId)
    return row === undefined ? undefined : this.#uploadOf(row, { isKeyWanted: true })
  }

  async findUpload(correlationId: string): Promise<Upload | undefined> {
    const row = await readRow(this.#db, correlationId)
    return row === undefined ? undefined : this.#uploadOf(row, { isKeyWanted: false })
  }

  async listUploads({ deviceId, after, limit }: UploadPage): Promise<readonly Upload[]> {
    let query = this.#db.selectFrom('upload').selectAll().where('state', '!=', 'open')
    if (deviceId !== undefined) query = query.where('device_id', '=', deviceId)
    if (after !== undefined) query = query.where('id', '>', after)
    const rows = await query.orderBy('id').limit(pageLimit(limit)).execute()
    return rows.map((row) => this.#uploadOf(row, { isKeyWanted: false }))
  }

  async listPendingUploads(now: Timestamp): Promise<readonly Upload[]> {
    const rows = await this.#db
      .selectFrom('upload')
      .selectAll()
      .where('state', 'in', ['open', 'uploaded'])
      .where('expires', '>', now)
      .execute()
    return rows.map((row) => this.#uploadOf(row, { isKeyWanted: false }))
  }

  async listOutdatedUploads({
    expiredBefore,
    uploadedBefore,
    limit,
  }: Parameters<UploadStore['listOutdatedUploads']>[0]): Promise<readonly Upload[]> {
    const expired = await this.#db
      .selectFrom('upload')
      .selectAll()
      .where('state', '=', 'open')
      .where('expires', '<=', expiredBefore)
      .limit(pageLimit(limit))
      .execute()
    const old =
      uploadedBefore === undefined
        ? []
        : await this.#db
            .selectFrom('upload')
            .selectAll()
            .where('uploaded_time', '<', uploadedBefore)
            .limit(pageLimit(limit))
            .execute()
    return [...expired, ...old].map((row) => this.#uploadOf(row, { isKeyWanted: false }))
  }

  async uploadTotals(): Promise<
    readonly { readonly deviceId: string; readonly files: number; readonly bytes: number }[]
  > {
    const rows = await this.#db
      .selectFrom('upload')
      .select((eb) => ['device_id', eb.fn.countAll<number>().as('files'), eb.fn.sum<number>('bytes').as('bytes')])
      .where('state', '!=', 'open')
      .groupBy('device_id')
      .execute()
    return rows.map(({ device_id: deviceId, files, bytes }) => ({ deviceId, files, bytes }))
  }

  async listUploadFiles(): Promise<readonly string[]> {
    const rows = await this.#db.selectFrom('upload').select('file').where('file', 'is not', null).execute()
    return rows.flatMap(({ file }) => (file === null ? [] : [file]))
  }

  /** @param wish without the key, where only the facts are asked for, the field is ''. */
  #uploadOf(row: Selectable<UploadTable>, wish: { readonly isKeyWanted: boolean }): Upload {
    const blob = this.#blobOf(row, wish)
    return {
      correlationId: row.id,
      deviceId: row.device_id,
      generationId: row.generation_id,
      blobName: row.blob_name,
      createdTime: row.created_time,
      expires: row.expires,
      state: row.state,
      ...(blob === undefined ? {} : { blob }),
    }
  }

  #blobOf(row: Selectable<UploadTable>, { isKeyWanted }: { readonly isKeyWanted: boolean }): UploadedBlob | undefined {
    const { id, file, content_key: key, seal_epoch: epoch, manifest_at: manifestAt, blocks, bytes } = row
    const { etag, uploaded_time: uploadedTime, list_hash: listHash, content_type: contentType } = row
    if (file === null || key === null || epoch === null || manifestAt === null) return undefined
    if (blocks === null || bytes === null || etag === null || uploadedTime === null || listHash === null)
      return undefined
    return {
      file,
      contentKey: isKeyWanted ? this.#sealer.open(key, epoch, uploadPlace({ id, file })) : '',
      manifestAt,
      blocks,
      bytes,
      etag,
      uploadedTime,
      listHash,
      ...(contentType === null ? {} : { contentType }),
    }
  }
}

/** The file's name is part of the place: a key moved to another file's row does not open. */
export function uploadPlace(row: { readonly id: string; readonly file: string | null }): Place {
  return { table: 'upload', row: [row.id, row.file ?? ''], column: 'content_key' }
}

export function hubKeyPlace(name: string): Place {
  return { table: 'hub_key', row: [name], column: 'value' }
}

async function readRow(
  db: Kysely<StateSchema> | StateTransaction,
  correlationId: string,
): Promise<Selectable<UploadTable> | undefined> {
  return db.selectFrom('upload').selectAll().where('id', '=', correlationId).executeTakeFirst()
}

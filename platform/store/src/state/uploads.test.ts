import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { Upload, UploadedBlob } from '@holdfast/uploads'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const UPLOAD: Upload = {
  correlationId: '01',
  deviceId: 'd',
  generationId: 'g',
  blobName: 'd/x',
  createdTime: timestampOf(1_000),
  expires: timestampOf(2_000),
  state: 'open',
}
const BLOB: UploadedBlob = {
  file: 'f'.repeat(32),
  contentKey: Buffer.alloc(32, 7).toString('base64'),
  manifestAt: 10,
  blocks: 1,
  bytes: 5,
  etag: '0x1',
  uploadedTime: timestampOf(1_500),
  listHash: 'h',
  contentType: 'text/plain',
}

test('an upload goes from open to uploaded to completed, each step once', async () => {
  await withStore(async (store) => {
    await store.insertUpload(UPLOAD)
    assert.deepEqual(await store.readUpload('01'), UPLOAD)
    assert.deepEqual(await store.listUploads({ limit: 10 }), [])
    assert.equal(await store.completeUpload('01'), false)
    assert.equal(await store.commitUpload('01', BLOB), true)
    assert.equal(await store.commitUpload('01', BLOB), false)
    assert.deepEqual(await store.readUpload('01'), { ...UPLOAD, state: 'uploaded', blob: BLOB })
    assert.deepEqual(await store.listUploadFiles(), [BLOB.file])
    assert.deepEqual(await store.uploadTotals(), [{ deviceId: 'd', files: 1, bytes: 5 }])
    assert.equal(await store.completeUpload('01'), true)
    assert.equal(await store.completeUpload('01'), false)
    // Lists tell facts; the key is for who reads the file.
    const [listed] = await store.listUploads({ deviceId: 'd', limit: 10 })
    assert.deepEqual(listed, { ...UPLOAD, state: 'completed', blob: { ...BLOB, contentKey: '' } })
    assert.equal((await store.deleteUpload('01'))?.blob?.file, BLOB.file)
    assert.equal(await store.readUpload('01'), undefined)
    assert.equal(await store.commitUpload('01', BLOB), false)
  })
})

test('what is pending and what is outdated is found by its times', async () => {
  await withStore(async (store) => {
    await store.insertUpload(UPLOAD)
    await store.insertUpload({ ...UPLOAD, correlationId: '02' })
    await store.commitUpload('02', BLOB)
    const ids = (uploads: readonly Upload[]): string[] => uploads.map(({ correlationId }) => correlationId)
    assert.deepEqual(ids(await store.listPendingUploads(timestampOf(1_999))), ['01', '02'])
    assert.deepEqual(ids(await store.listPendingUploads(timestampOf(2_000))), [])
    const outdated = async (expiredBefore: number, uploadedBefore?: number): Promise<string[]> =>
      ids(
        await store.listOutdatedUploads({
          expiredBefore: timestampOf(expiredBefore),
          uploadedBefore: uploadedBefore === undefined ? undefined : timestampOf(uploadedBefore),
          limit: 10,
        }),
      )
    assert.deepEqual(await outdated(1_999), [])
    assert.deepEqual(await outdated(2_000), ['01'])
    assert.deepEqual(await outdated(2_000, 1_500), ['01'])
    assert.deepEqual(await outdated(1_999, 1_501), ['02'])
  })
})

test('keys of files and of grants are sealed, move to a new state key, and open nowhere else', async () => {
  await withFile(async (file) => {
    const grantKey = Buffer.alloc(32, 9).toString('base64')
    const first = await openStateStore({ file, keys: testKeys(1), random })
    assert.equal(await first.uploadKey(grantKey), grantKey)
    assert.equal(await first.uploadKey('another'), grantKey)
    await first.insertUpload(UPLOAD)
    await first.commitUpload('01', BLOB)
    await first.replaceKeys(testKeys(1, 2))
    while (!(await first.reseal()).isDone) continue
    assert.deepEqual(await first.sealEpochs(), [2])
    await first.close()
    const second = await openStateStore({ file, keys: testKeys(2), random })
    try {
      assert.equal(await second.uploadKey('another'), grantKey)
      assert.equal((await second.readUpload('01'))?.blob?.contentKey, BLOB.contentKey)
    } finally {
      await second.close()
    }
  })
})

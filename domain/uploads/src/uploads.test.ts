import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import { UploadError, type UploadErrorCode } from './errors.ts'
import type { UploadLimits } from './limits.ts'
import type { FileNotification } from './notification.ts'
import type { Extent } from './ports.ts'
import { MemoryBlobStore, MemoryUploadStore } from './testing/memory-stores.ts'
import { type BlobBody, Uploads, type Writer } from './uploads.ts'

const HOUR_MS = 3_600_000
const DEVICE = { deviceId: 'd', generationId: 'g' }
const uri = (name: string): string => `https://hub/c/${name}`

async function stage(limits: Partial<UploadLimits> = {}) {
  const clock = new ManualClock()
  const blobs = new MemoryBlobStore()
  const events: SecurityEvent[] = []
  const store = new MemoryUploadStore((event) => events.push(event))
  const notified: FileNotification[] = []
  const generations = new Map([
    ['d', 'g'],
    ['e', 'g'],
  ])
  const parts = {
    store,
    blobs,
    clock,
    random: countingRandom(),
    events: (event: SecurityEvent) => void events.push(event),
    limits: { blobBytesMax: 100, deviceBytesMax: 150, totalBytesMax: 250, retentionMs: undefined, ...limits },
    generationOf: async (deviceId: string) => generations.get(deviceId),
    notify: async (notification: FileNotification) => void notified.push(notification),
  }
  const uploads = await Uploads.open(parts)
  const grant = async (name = 'x', deviceId = 'd') => {
    const granted = await uploads.grant({ deviceId, generationId: 'g' }, name)
    const query = new URLSearchParams(granted.sasToken)
    return { ...granted, query, writer: (): Promise<Writer> => uploads.authorize(query, [granted.blobName]) }
  }
  const put = async (name: string, text: string, deviceId = 'd'): Promise<string> => {
    const { writer, correlationId } = await grant(name, deviceId)
    await (await writer()).putBlob(bodyOf(text))
    await uploads.conclude({ deviceId, generationId: 'g' }, { correlationId, isSuccess: true }, uri)
    return correlationId
  }
  const again = (): Promise<Uploads> => Uploads.open(parts)
  return { clock, store, blobs, events, notified, generations, uploads, grant, put, again }
}

function bodyOf(text: string, facts: Partial<BlobBody> = {}): BlobBody {
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (const character of text) yield Buffer.from(character)
  }
  return { bytes: Buffer.byteLength(text), stream: stream(), ...facts }
}

async function refuses(code: UploadErrorCode, what: Promise<unknown>): Promise<void> {
  await assert.rejects(what, (error) => error instanceof UploadError && error.code === code)
}

async function text(uploads: Uploads, id: string): Promise<string | undefined> {
  const file = await uploads.read(id, 'operator/local')
  if (file === undefined) return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of file.body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('blocks become a blob in the order of the list, and back ends are told once', async () => {
  const { uploads, grant, notified, events, clock } = await stage()
  const { writer, correlationId, blobName } = await grant('folder/x')
  assert.equal(blobName, 'd/folder/x')
  const write = await writer()
  await Promise.all([write.putBlock('QQ==', bodyOf('one')), write.putBlock('Qg==', bodyOf('two'))])
  await write.putBlock('Qw==', bodyOf('left out'))
  await write.putBlock('QQ==', bodyOf('ONE'))
  const first = await write.putBlockList(['Qg==', 'QQ==', 'Qg=='], 'text/plain')
  assert.deepEqual(await write.putBlockList(['Qg==', 'QQ==', 'Qg==']), first)
  await refuses('already-uploaded', write.putBlockList(['QQ==']))
  await refuses('already-uploaded', write.putBlock('QQ==', bodyOf('x')))
  await refuses('already-uploaded', write.putBlob(bodyOf('x')))
  await uploads.conclude(DEVICE, { correlationId, isSuccess: true }, uri)
  await uploads.conclude(DEVICE, { correlationId, isSuccess: true }, uri)
  assert.equal(await text(uploads, correlationId), 'twoONEtwo')
  const at = new Date(clock.wall()).toISOString()
  assert.deepEqual(notified, [
    {
      deviceId: 'd',
      blobUri: 'https://hub/c/d/folder/x',
      blobName: 'd/folder/x',
      lastUpdatedTime: at,
      blobSizeInBytes: 9,
      enqueuedTimeUtc: at,
    },
  ])
  assert.deepEqual(
    events.map(({ type }) => type),
    ['upload.granted', 'upload.completed', 'file.read'],
  )
  // Success cannot be taken back, and the grant is used up.
  await refuses('unknown-upload', uploads.conclude(DEVICE, { correlationId, isSuccess: false }, uri))
  await refuses('not-authorized', writer())
})

test('a blob and a block may be empty; a list may be, too', async () => {
  const { uploads, grant, put } = await stage()
  assert.equal(await text(uploads, await put('empty', '')), '')
  const { writer, correlationId } = await grant()
  const write = await writer()
  await write.putBlock('QQ==', bodyOf(''))
  await write.putBlockList(['QQ==', 'QQ=='])
  assert.equal(await text(uploads, correlationId), '')
  const other = await grant()
  await (await other.writer()).putBlockList([])
  assert.equal(await text(uploads, other.correlationId), '')
})

test('a grant is for its blob, its device while that is let in, and an hour', async () => {
  const { uploads, grant, generations, clock } = await stage()
  const { query, writer, blobName } = await grant()
  await refuses('not-authorized', uploads.authorize(query, ['d/y']))
  await refuses('not-authorized', uploads.authorize(new URLSearchParams(), [blobName]))
  generations.set('d', 'another')
  await refuses('not-authorized', writer())
  generations.delete('d')
  await refuses('not-authorized', writer())
  generations.set('d', 'g')
  await writer()
  clock.advance(HOUR_MS)
  await refuses('not-authorized', writer())
})

test('an upload is its device’s own', async () => {
  const { uploads, grant } = await stage()
  const { correlationId, writer } = await grant()
  await (await writer()).putBlob(bodyOf('x'))
  const outcome = { correlationId, isSuccess: false }
  await refuses('unknown-upload', uploads.conclude({ deviceId: 'e', generationId: 'g' }, outcome, uri))
  await refuses('unknown-upload', uploads.conclude({ deviceId: 'd', generationId: 'h' }, outcome, uri))
  await refuses('unknown-upload', uploads.conclude(DEVICE, { ...outcome, correlationId: 'none' }, uri))
  await uploads.conclude(DEVICE, outcome, uri)
})

test('a device that failed leaves nothing behind', async () => {
  const { uploads, grant, blobs, store, events } = await stage()
  for (const isCommitted of [false, true]) {
    const { correlationId, writer } = await grant()
    const write = await writer()
    await write.putBlock('QQ==', bodyOf('x'))
    if (isCommitted) await write.putBlockList(['QQ=='])
    await uploads.conclude(DEVICE, { correlationId, isSuccess: false, statusCode: 500 }, uri)
  }
  assert.deepEqual([blobs.files.size, blobs.staged.size, store.rows.size], [0, 0, 0])
  assert.deepEqual(
    events.filter(({ type }) => type === 'upload.failed').map(({ detail }) => [detail.reason, detail.status]),
    [
      ['device', 500],
      ['device', 500],
    ],
  )
})

test('success of nothing is refused', async () => {
  const { uploads, grant, notified } = await stage()
  const { correlationId } = await grant()
  await refuses('nothing-uploaded', uploads.conclude(DEVICE, { correlationId, isSuccess: true }, uri))
  assert.deepEqual(notified, [])
})

test('ten uploads of a device are open at most, also when they are asked for at once', async () => {
  const { uploads, grant, clock } = await stage()
  const outcomes = await Promise.allSettled(Array.from({ length: 14 }, async () => grant()))
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 10)
  await refuses('too-many-uploads', grant())
  await grant('x', 'e')
  clock.advance(HOUR_MS)
  await uploads.sweep()
  await grant()
})

test('sizes are bounded: of a blob, of a device, of all, of the disk', async () => {
  const { grant, put, blobs, uploads } = await stage()
  const { writer } = await grant()
  const write = await writer()
  await refuses('blob-too-large', write.putBlock('QQ==', bodyOf('', { bytes: 101 })))
  await write.putBlock('QQ==', bodyOf('x'.repeat(60)))
  await refuses('blob-too-large', write.putBlock('Qg==', bodyOf('x'.repeat(41))))
  // Twice the same block is as long as two.
  await refuses('blob-too-large', write.putBlockList(['QQ==', 'QQ==']))
  await put('a', 'x'.repeat(50), 'e')
  await put('b', 'x'.repeat(90), 'e')
  await refuses('no-room', put('c', 'x'.repeat(11), 'e'))
  await refuses('no-room', (await (await grant('y')).writer()).putBlob(bodyOf('x'.repeat(91))))
  blobs.shortage = 'full'
  await refuses('no-room', grant())
  blobs.shortage = undefined
  // What is deleted makes room.
  for (const { correlationId } of await uploads.list({ deviceId: 'e', limit: 10 })) {
    assert.ok(await uploads.delete(correlationId, 'operator/local'))
  }
  await put('c', 'x'.repeat(100), 'e')
})

test('a body is as long as it says, and what its checksum says', async () => {
  const { grant, uploads } = await stage()
  const { writer, correlationId } = await grant()
  const write = await writer()
  await refuses('incomplete', write.putBlock('QQ==', bodyOf('xyz', { bytes: 2 })))
  await refuses('incomplete', write.putBlock('QQ==', bodyOf('xyz', { bytes: 4 })))
  await refuses('wrong-checksum', write.putBlock('QQ==', bodyOf('xyz', { md5: 'AAAAAAAAAAAAAAAAAAAAAA==' })))
  await refuses('wrong-checksum', write.putBlock('QQ==', bodyOf('xyz', { crc64: 'AAAAAAAAAAA=' })))
  await refuses('unknown-block', write.putBlockList(['QQ==']))
  await write.putBlock('QQ==', bodyOf('123456789', { md5: 'JfnnlDI7RTiF9RgfG2JNCw==', crc64: 'iJh5CoYUi64=' }))
  await refuses('bad-block-id', write.putBlock('QUFBQQ==', bodyOf('x')))
  await write.putBlockList(['QQ=='])
  assert.equal(await text(uploads, correlationId), '123456789')
})

test('a block that stalls does not keep the list waiting, and comes to nothing', async () => {
  const { grant, uploads } = await stage()
  const { writer, correlationId } = await grant()
  const write = await writer()
  await write.putBlock('QQ==', bodyOf('done'))
  async function* stalled(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x')
    await new Promise(() => undefined)
  }
  const late = write.putBlock('Qg==', { bytes: 10, stream: stalled() })
  const lateIsRefused = refuses('already-uploaded', late)
  await write.putBlockList(['QQ=='])
  await lateIsRefused
  assert.equal(await text(uploads, correlationId), 'done')
})

test('what a stop interrupted is gone; grants and complete blobs are there still', async () => {
  const { grant, blobs, again, uploads } = await stage()
  const begun = await grant('begun')
  await (await begun.writer()).putBlock('QQ==', bodyOf('x'))
  const complete = await grant('complete')
  await (await complete.writer()).putBlob(bodyOf('whole'))
  blobs.files.set('left over', new Uint8Array(1))
  const restarted = await again()
  assert.ok(!blobs.files.has('left over'))
  const write = await restarted.authorize(begun.query, [begun.blobName])
  await refuses('unknown-block', write.putBlockList(['QQ==']))
  await write.putBlob(bodyOf('anew'))
  for (const { correlationId } of [begun, complete]) {
    await restarted.conclude(DEVICE, { correlationId, isSuccess: true }, uri)
  }
  assert.equal(await text(restarted, begun.correlationId), 'anew')
  assert.equal(await text(uploads, complete.correlationId), 'whole')
})

test('when the disk fails at the end, the upload has failed, and nothing of it stays', async () => {
  const { grant, blobs, store, events } = await stage()
  const { writer } = await grant()
  const write = await writer()
  await write.putBlock('QQ==', bodyOf('x'))
  blobs.commitFails = true
  await assert.rejects(write.putBlockList(['QQ==']), /the disk fails/)
  assert.deepEqual([blobs.staged.size, store.rows.size], [0, 0])
  assert.equal(events.at(-1)?.detail.reason, 'storage')
  await refuses('not-authorized', writer())
})

test('expired grants end; complete files stay, for ever or as long as is set', async () => {
  for (const [retentionMs, left] of [
    [undefined, 2],
    [2 * HOUR_MS, 0],
  ] as const) {
    const { grant, put, uploads, clock, blobs, events } = await stage({ retentionMs })
    await put('completed', 'a')
    const unconfirmed = await grant('unconfirmed')
    await (await unconfirmed.writer()).putBlob(bodyOf('b'))
    await (await (await grant('abandoned')).writer()).putBlock('QQ==', bodyOf('c'))
    clock.advance(HOUR_MS)
    await uploads.sweep()
    assert.deepEqual([blobs.staged.size, blobs.files.size], [0, 2])
    assert.deepEqual(
      (await uploads.list({ limit: 10 })).map(({ state }) => state),
      ['completed', 'uploaded'],
    )
    assert.equal(events.at(-1)?.detail.reason, 'expired')
    clock.advance(2 * HOUR_MS)
    await uploads.sweep()
    assert.equal(blobs.files.size, left)
  }
})

test('lists go page by page, of one device or of all', async () => {
  const { put, uploads } = await stage()
  const ids = [await put('1', ''), await put('2', '', 'e'), await put('3', '')]
  const page = async (request: Parameters<Uploads['list']>[0]): Promise<string[]> =>
    (await uploads.list(request)).map(({ correlationId }) => correlationId)
  assert.deepEqual(await page({ limit: 2 }), ids.slice(0, 2))
  assert.deepEqual(await page({ limit: 2, after: ids[1] ?? '' }), ids.slice(2))
  assert.deepEqual(await page({ limit: 9, deviceId: 'e' }), ids.slice(1, 2))
  assert.equal(await uploads.delete('none', 'x'), false)
  assert.equal(await text(uploads, 'none'), undefined)
})

test('blocks of one id that come at once give each place back once', async () => {
  const { blobs, grant } = await stage()
  const released: number[] = []
  const create = blobs.create.bind(blobs)
  blobs.create = async () => {
    const staged = await create()
    return Object.defineProperty(staged, 'release', { value: ({ write }: Extent) => released.push(write) })
  }
  const { putBlock } = await (await grant()).writer()
  await putBlock('AA==', bodyOf('1'))
  await Promise.all([putBlock('AA==', bodyOf('2')), putBlock('AA==', bodyOf('3')), putBlock('AA==', bodyOf('4'))])
  assert.deepEqual(
    released.toSorted((a, b) => a - b),
    [0, 1, 2],
  )
})

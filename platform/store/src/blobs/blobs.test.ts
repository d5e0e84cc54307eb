import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { StagedBlob, StoredBlob } from '@holdfast/uploads'
import { UploadError } from '@holdfast/uploads'
import { StoreDamagedError, StoreUnavailableError } from '../damaged.ts'
import { testFolder } from '../testing/batches.ts'
import { smallDisk } from '../testing/small-disk.ts'
import { BlobFolder } from './blob-folder.ts'
import { CHUNK_BYTES } from './sealed-blob.ts'

const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes))

async function stage(context: TestContext): Promise<{ readonly path: string; readonly blobs: BlobFolder }> {
  const path = join(testFolder(context), 'blobs')
  return { path, blobs: await BlobFolder.open(path, random) }
}

async function* inPieces(bytes: Uint8Array, piece: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
}

async function readAll(blobs: BlobFolder, blob: StoredBlob): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of blobs.read(blob)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function stored(blobs: BlobFolder, ...blocks: readonly Uint8Array[]): Promise<StoredBlob> {
  const staged = await blobs.create()
  const extents = []
  for (const block of blocks) extents.push(await staged.write(block.length, inPieces(block, 10_000)))
  return staged.commit(extents)
}

test('blocks of any size, in any order, in pieces of any size, come back as they were', async (context) => {
  const { blobs } = await stage(context)
  const sizes = fc.array(
    fc.oneof(fc.constantFrom(0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1), fc.nat(200_000)),
    {
      maxLength: 5,
    },
  )
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1, max: 100_000 }), async (lengths, piece) => {
      const blocks = lengths.map((length) => randomBytes(length))
      const staged = await blobs.create()
      const extents = await Promise.all(blocks.map((block) => staged.write(block.length, inPieces(block, piece))))
      const order = [...extents.keys(), ...extents.keys()].toReversed()
      const blob = await staged.commit(order.flatMap((at) => extents[at] ?? []))
      const expected = Buffer.concat(order.flatMap((at) => blocks[at] ?? []))
      assert.equal(blob.bytes, expected.length)
      assert.ok((await readAll(blobs, blob)).equals(expected))
      await blobs.remove(blob.file)
    }),
    { numRuns: 30 },
  )
})

test('nothing of a blob stands on the disk as it is, and names say nothing', async (context) => {
  const { blobs, path } = await stage(context)
  const secret = Buffer.from('a secret that must not be seen '.repeat(4_000))
  const { file } = await stored(blobs, secret)
  assert.deepEqual(await readdir(path), [file])
  assert.match(file, /^[0-9a-f]{32}$/)
  const sealed = await readFile(join(path, file))
  assert.equal((await stat(join(path, file))).mode & 0o777, 0o600)
  assert.equal((await stat(path)).mode & 0o777, 0o700)
  for (let at = 0; at < secret.length; at += 1_000) assert.ok(!sealed.includes(secret.subarray(at, at + 16)))
  // The same again is sealed under another key.
  const again = await stored(blobs, secret)
  assert.notDeepEqual((await readFile(join(path, again.file))).subarray(0, 64), sealed.subarray(0, 64))
})

test('a blob that was changed, cut, grown in the middle or exchanged fails, whatever the place', async (context) => {
  const { blobs, path } = await stage(context)
  const block = randomBytes(CHUNK_BYTES + 100)
  const blob = await stored(blobs, block, randomBytes(50))
  const file = join(path, blob.file)
  const whole = await readFile(file)
  const fails = async (one: StoredBlob): Promise<void> => {
    await assert.rejects(readAll(blobs, one), (error) => error instanceof StoreDamagedError)
  }
  for (const at of [0, 100, CHUNK_BYTES, CHUNK_BYTES + 20, blob.manifestAt, whole.length - 1]) {
    const changed = Buffer.from(whole)
    changed[at] = (changed[at] ?? 0) ^ 1
    await writeFile(file, changed)
    await fails(blob)
  }
  // Two chunks of one length in each other's places.
  const twins = await stored(blobs, randomBytes(CHUNK_BYTES), randomBytes(CHUNK_BYTES))
  const [length, twinFile] = [CHUNK_BYTES + 16, join(path, twins.file)]
  const bytes = await readFile(twinFile)
  const [first, second, rest] = [
    bytes.subarray(0, length),
    bytes.subarray(length, 2 * length),
    bytes.subarray(2 * length),
  ]
  await writeFile(twinFile, Buffer.concat([second, first, rest]))
  await fails(twins)
  await writeFile(file, whole)
  await truncate(file, whole.length - 1)
  await fails(blob)
  await writeFile(file, whole)
  assert.equal((await readAll(blobs, blob)).length, blob.bytes)
  await fails({ ...blob, bytes: blob.bytes - 1 })
  await fails({ ...blob, blocks: 1 })
  await fails({ ...blob, contentKey: twins.contentKey })
  await blobs.remove(blob.file)
  await fails(blob)
})

test('a row that names a path is no blob', async (context) => {
  const { blobs } = await stage(context)
  const blob = await stored(blobs, Buffer.from('x'))
  for (const file of ['../../etc/passwd', '/etc/passwd', '', '.', blob.file.toUpperCase(), `${blob.file}/`]) {
    if (file === blob.file) continue
    assert.throws(() => blobs.read({ ...blob, file }), TypeError)
    await assert.rejects(blobs.remove(file), TypeError)
  }
})

test('a body that is shorter or longer than it said, or breaks, leaves its room to the next', async (context) => {
  const { blobs } = await stage(context)
  const staged: StagedBlob = await blobs.create()
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(100)
    throw new Error('the client has gone')
  }
  const isIncomplete = (error: unknown): boolean => error instanceof UploadError && error.code === 'incomplete'
  await assert.rejects(staged.write(200, inPieces(Buffer.alloc(199), 50)), isIncomplete)
  await assert.rejects(staged.write(200, inPieces(Buffer.alloc(201), 50)), isIncomplete)
  await assert.rejects(staged.write(200, broken()), /the client has gone/)
  const extent = await staged.write(200, inPieces(Buffer.alloc(200, 7), 50))
  assert.equal(staged.diskBytes, 216)
  const blob = await staged.commit([extent])
  assert.ok((await readAll(blobs, blob)).equals(Buffer.alloc(200, 7)))
})

test('what was discarded or is nobody’s is removed, and what is no blob is left alone', async (context) => {
  const { blobs, path } = await stage(context)
  const kept = await stored(blobs, Buffer.from('kept'))
  await stored(blobs, Buffer.from('left over'))
  const discarded = await blobs.create()
  await discarded.write(1, inPieces(Buffer.alloc(1), 1))
  await discarded.discard()
  await discarded.discard()
  await writeFile(join(path, 'README'), 'an operator’s')
  assert.equal(await blobs.keepOnly(new Set([kept.file])), 1)
  assert.deepEqual((await readdir(path)).sort(), [kept.file, 'README'].sort())
})

test('memory does not grow with a blob', async (context) => {
  const { blobs } = await stage(context)
  const bytes = 64 * 1_048_576
  const piece = Buffer.alloc(65_536, 1)
  async function* long(): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < bytes; sent += piece.length) yield piece
  }
  const staged = await blobs.create()
  const extent = await staged.write(bytes, long())
  const blob = await staged.commit([extent])
  let most = 0
  let read = 0
  for await (const chunk of blobs.read(blob)) {
    read += chunk.length
    most = Math.max(most, chunk.length)
  }
  assert.deepEqual([read, most], [bytes, CHUNK_BYTES])
})

test('a file or a link that is there already is not written into', async (context) => {
  const { path } = await stage(context)
  const fixed = await BlobFolder.open(path, (bytes) => new Uint8Array(bytes))
  const handle = await open(join(path, '0'.repeat(32)), 'w')
  await handle.close()
  await assert.rejects(fixed.create(), { code: 'STORE_UNAVAILABLE' })
})

test('a full disk is told before and while it fills, and what is discarded makes room', async (context) => {
  const disk = smallDisk(context, 8)
  if (disk === undefined) {
    context.skip('may not mount')
    return
  }
  const blobs = await BlobFolder.open(join(disk, 'blobs'), random)
  // An eighth is kept for the registry.
  assert.equal(blobs.shortageOfRoom(6 * 1_048_576), undefined)
  assert.match(blobs.shortageOfRoom(7 * 1_048_576) ?? '', /disk is full/)
  const staged = await blobs.create()
  const bytes = Buffer.alloc(12 * 1_048_576)
  await assert.rejects(
    staged.write(bytes.length, inPieces(bytes, 65_536)),
    (error) => error instanceof StoreUnavailableError && error.reason === 'disk-full',
  )
  await staged.discard()
  const again = await blobs.create()
  const extent = await again.write(1_048_576, inPieces(bytes.subarray(0, 1_048_576), 65_536))
  assert.equal((await readAll(blobs, await again.commit([extent]))).length, 1_048_576)
})

/**
 * A process to be killed: uploads blobs for as long as it lives, as the hub does, and writes what a device was told to
 * stdout, one line each: `uploaded ID SHA256`, `completed ID`, `deleted ID`. Argument: a folder.
 */

import { createHash, randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@holdfast/node/clock'
import { Uploads } from '@holdfast/uploads'
import { BlobFolder } from '../blobs/blob-folder.ts'
import { openStateStore, type StateStore } from '../state/state-store.ts'
import { testKeys } from '../state/testing.ts'

const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes))
const DEVICE = { deviceId: 'd', generationId: 'g' }

export async function openUploads(folder: string): Promise<{ readonly uploads: Uploads; readonly store: StateStore }> {
  const store = await openStateStore({ file: join(folder, 'state.db'), keys: testKeys(1), random })
  const uploads = await Uploads.open({
    store,
    blobs: await BlobFolder.open(join(folder, 'blobs'), random),
    clock: systemClock,
    random,
    events: () => undefined,
    limits: { blobBytesMax: 2 ** 24, deviceBytesMax: 2 ** 40, totalBytesMax: 2 ** 40, retentionMs: undefined },
    generationOf: async () => 'g',
    notify: async () => undefined,
  })
  return { uploads, store }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function uploadFor(uploads: Uploads): Promise<string> {
  const { blobName, correlationId, sasToken } = await uploads.grant(DEVICE, 'x')
  const writer = await uploads.authorize(new URLSearchParams(sasToken), [blobName])
  const blocks = [1, 2, 3].map(() => randomBytes(100_000))
  await Promise.all(
    blocks.map((block, at) =>
      writer.putBlock(Buffer.from([at]).toString('base64'), { bytes: block.length, stream: once(block) }),
    ),
  )
  await writer.putBlockList(blocks.map((_, at) => Buffer.from([at]).toString('base64')))
  const sha256 = createHash('sha256').update(Buffer.concat(blocks)).digest('hex')
  writeSync(1, `uploaded ${correlationId} ${sha256}\n`)
  await uploads.conclude(DEVICE, { correlationId, isSuccess: true }, (name) => name)
  writeSync(1, `completed ${correlationId}\n`)
  return correlationId
}

if (import.meta.main) {
  const { uploads } = await openUploads(process.argv[2] ?? '')
  for (let count = 0; ; count += 1) {
    const ids = await Promise.all([uploadFor(uploads), uploadFor(uploads)])
    if (count % 3 !== 0) continue
    const [id] = ids
    writeSync(1, `deleting ${id}\n`)
    if (await uploads.delete(id, 'test')) writeSync(1, `deleted ${id}\n`)
  }
}

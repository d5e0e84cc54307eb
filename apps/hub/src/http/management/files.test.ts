import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Api } from '@holdfast/api'
import type { EventSink } from '@holdfast/audit'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import type { PeerFacts } from '@holdfast/messaging'
import { Uploads } from '@holdfast/uploads'
import { MemoryBlobStore, MemoryUploadStore } from '@holdfast/uploads/testing'
import { stage } from '../../testing/management-stage.ts'
import { managementRoutes } from './index.ts'

const LOCAL: PeerFacts = { address: 'local', port: 0, transport: 'local', tlsVersion: '', tlsFingerprint: '' }

async function stageOfFiles() {
  const blobs = new MemoryBlobStore()
  const events: string[] = []
  const sink: EventSink = ({ type, actor }) => void events.push(`${type} ${actor}`)
  const files = await Uploads.open({
    store: new MemoryUploadStore(sink),
    blobs,
    clock: new ManualClock(),
    random: countingRandom(),
    events: sink,
    limits: { blobBytesMax: 1_000, deviceBytesMax: 5_000, totalBytesMax: 10_000, retentionMs: undefined },
    generationOf: async () => 'g',
    notify: async () => undefined,
  })
  const put = async (deviceId: string, text: string): Promise<string> => {
    const { blobName, correlationId, sasToken } = await files.grant({ deviceId, generationId: 'g' }, 'x <b>.html')
    const writer = await files.authorize(new URLSearchParams(sasToken), [blobName])
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text)
    }
    await writer.putBlob({ bytes: text.length, stream: stream() }, 'text/html')
    return correlationId
  }
  const hub = await stage({ files })
  const app = managementRoutes(hub.services)
  const download = async (id: string): Promise<Response> =>
    app.fetch(new Request(`https://hub/api/v1/files/${id}/content`), { peer: LOCAL })
  return { hub, put, events, blobs, download }
}

test('files are listed page by page, downloaded as bytes that nobody runs, and destroyed', async () => {
  const { hub, put, events, download } = await stageOfFiles()
  const ids = [await put('d', '<script>'), await put('e', ''), await put('d', 'three')]
  const first = await hub.local('GET', '/files?limit=2')
  const items = first.body['items'] as Api.File[]
  assert.deepEqual(
    items.map(({ id }) => id),
    ids.slice(0, 2),
  )
  assert.deepEqual(Object.keys(items[0] ?? {}), [
    'id',
    'deviceId',
    'blobName',
    'state',
    'bytes',
    'uploadedTime',
    'contentType',
  ])
  const rest = await hub.local('GET', `/files?limit=2&after=${String(first.body['next'])}`)
  assert.deepEqual([(rest.body['items'] as Api.File[]).length, rest.body['next']], [1, undefined])
  assert.equal(((await hub.local('GET', '/files?device=e')).body['items'] as Api.File[]).length, 1)

  const answer = await download(ids[0] ?? '')
  assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
  assert.equal(answer.headers.get('content-disposition'), 'attachment')
  assert.equal(answer.headers.get('content-length'), '8')
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  assert.equal(await answer.text(), '<script>')
  assert.ok(events.includes('file.read operator/local'))

  assert.equal((await hub.local('DELETE', `/files/${ids[0] ?? ''}`)).status, 204)
  assert.ok(events.includes('file.deleted operator/local'))
  for (const id of [ids[0] ?? '', 'none', '__proto__', '..%2f..%2fetc']) {
    assert.equal((await download(id)).status, 404, id)
    assert.equal((await hub.local('DELETE', `/files/${id}`)).status, 404, id)
  }
})

test('a file that is not what was written breaks off, and is not taken for a short one', async () => {
  const { put, blobs, download } = await stageOfFiles()
  const id = await put('d', 'text')
  blobs.files.clear()
  await assert.rejects((await download(id)).text())
})

test('a question of the wrong form names what is wrong', async () => {
  const { hub } = await stageOfFiles()
  for (const query of ['limit=0', 'limit=1001', 'device=a/b', 'other=1', `after=${'x'.repeat(1_025)}`]) {
    assert.equal((await hub.local('GET', `/files?${query}`)).status, 400, query)
  }
})

/** Rows 19 and 20 of azure-iot.md §12: files are uploaded by the official SDK, whatever the device speaks otherwise. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { Client, Http } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { keyOf, sas } from './sas.ts'
import { failure } from './sdk-client.ts'
import { askRaw, type RawAnswer } from './raw-https.ts'
import { requireStandardPorts } from './standard-ports.ts'
import type { UploadReport, UploadScenario } from './upload-clients.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
const folder = mkdtempSync(join(tmpdir(), 'holdfast-downloads-'))
const clients: Client[] = []
after(async () => {
  // The SDK's timers would keep the process for as long as a token lasts.
  for (const client of clients) await client.close()
  rmSync(folder, { recursive: true, force: true })
  await hub?.stop()
})

const RUN_MS_MAX = 120_000
const PROGRAM = join(import.meta.dirname, 'upload-clients.ts')
const MIB = 1_048_576

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

function clientOf(connectionString: string): Client {
  const client = Client.fromConnectionString(connectionString, Http)
  clients.push(client)
  return client
}

/** Uploads in a process that trusts the hub by its environment. */
function upload(scenario: UploadScenario): Promise<UploadReport> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [PROGRAM, JSON.stringify(scenario)],
      {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: theHub().ready.caFile },
        timeout: RUN_MS_MAX,
        encoding: 'utf8',
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout) as UploadReport)
        else reject(new Error(`${error.message}: ${stderr}`))
      },
    )
  })
}

function put(
  path: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  return ask('PUT', path, body, headers)
}

function ask(
  method: string,
  path: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>>,
): Promise<RawAnswer> {
  return askRaw(theHub(), { method, path, headers, body })
}

interface Granted {
  readonly correlationId: string
  readonly hostName: string
  readonly containerName: string
  readonly blobName: string
  readonly sasToken: string
}

async function filesOf(deviceId: string): Promise<Api.File[]> {
  return theHub().json<Api.File>('files', 'list', '--device', deviceId)
}

async function download(id: string): Promise<Buffer> {
  const to = join(folder, id)
  const { code, stderr } = await theHub().command('files', 'download', id, '--to', to)
  assert.equal(code, 0, stderr)
  return readFileSync(to)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

suite('file upload', { concurrency: true }, () => {
  for (const transport of ['mqtt', 'mqtt-ws', 'https'] as const) {
    test(`row 20 ${transport}: uploadToBlob, single and multi block, is kept sealed and read back as it was`, {
      skip,
    }, async () => {
      const deviceId = `u20-${transport}`
      const { primary } = await theHub().device({ deviceId })
      const wanted = [
        { name: 'small.bin', bytes: 1_000 },
        // Nothing beyond ASCII: the SDK counts the characters of its JSON as bytes and would cut it off.
        { name: "folder/with space, (1)+&='~!.bin", bytes: transport === 'https' ? 13 * MIB + 77 : 4 * MIB + 1 },
        ...(transport === 'https' ? [{ name: 'exactly four.bin', bytes: 4 * MIB }] : []),
      ]
      const { files: sent } = await upload({ transport, connectionString: primary, files: wanted })
      assert.deepEqual(
        sent.map(({ name, outcome }) => ({ name, outcome })),
        wanted.map(({ name }) => ({ name, outcome: 'ok' })),
      )
      const kept = await filesOf(deviceId)
      assert.deepEqual(
        kept.map(({ blobName, bytes, state }) => ({ blobName, bytes, state })),
        wanted.map(({ name, bytes }) => ({ blobName: `${deviceId}/${name}`, bytes, state: 'completed' })),
      )
      for (const [at, { id }] of kept.entries()) assert.equal(sha256(await download(id)), sent[at]?.sha256)
    })

    test(`row 19 ${transport}: getBlobSharedAccessSignature and notifyBlobUploadStatus`, { skip }, async () => {
      const deviceId = `u19-${transport}`
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary)
      const granted = (await client.getBlobSharedAccessSignature('a/b.txt')) as Granted
      assert.equal(granted.blobName, `${deviceId}/a/b.txt`)
      assert.equal(granted.hostName, 'localhost')
      assert.match(granted.containerName, /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/)
      assert.match(granted.sasToken, /^\?sv=.*&sig=/)
      // Success cannot be claimed of nothing.
      assert.match(
        (await failure(client.notifyBlobUploadStatus(granted.correlationId, true, 200, 'done'))).message,
        /Bad Request/,
      )
      const address = `/${granted.containerName}/${encodeURI(granted.blobName)}${granted.sasToken}`
      const created = await put(address, 'hello', { 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2021-12-02' })
      assert.equal(created.status, 201)
      assert.match(String(created.headers.etag), /^"0x[0-9A-F]{16}"$/)
      assert.equal(created.headers['x-ms-version'], '2021-12-02')
      assert.match(String(created.headers['x-ms-request-id']), /^[0-9a-f-]{36}$/)
      assert.ok(!Number.isNaN(Date.parse(String(created.headers['last-modified']))))
      await client.notifyBlobUploadStatus(granted.correlationId, true, 200, 'done')
      const [file] = await filesOf(deviceId)
      assert.equal(file?.state, 'completed')
      assert.equal((await download(file.id)).toString(), 'hello')
      // The grant is used up.
      const again = await put(address, 'again!', { 'x-ms-blob-type': 'BlockBlob' })
      assert.equal(again.status, 403)
      assert.equal(again.headers['x-ms-error-code'], 'AuthenticationFailed')

      const failed = (await client.getBlobSharedAccessSignature('failed.txt')) as Granted
      await put(`/${failed.containerName}/${failed.blobName}${failed.sasToken}`, 'part', {
        'x-ms-blob-type': 'BlockBlob',
      })
      await client.notifyBlobUploadStatus(failed.correlationId, false, 500, 'it broke')
      assert.deepEqual(
        (await filesOf(deviceId)).map(({ id }) => id),
        [file.id],
      )
      const types = (await theHub().events(`device/${deviceId}`)).map(({ type }) => type)
      for (const type of ['upload.granted', 'upload.completed', 'upload.failed', 'file.read']) {
        assert.ok((types as string[]).includes(type), type)
      }
    })
  }

  test('row 20: forged, foreign and malformed requests to the blob endpoint are refused as Azure Storage does', {
    skip,
  }, async () => {
    const deviceId = 'u20-hostile'
    const { primary } = await theHub().device({ deviceId })
    const client = clientOf(primary)
    const granted = (await client.getBlobSharedAccessSignature('x.bin')) as Granted
    const { containerName, blobName, sasToken } = granted
    const at = (name: string, query: string): string => `/${containerName}/${name}${query}`
    const refusedAs = async (answer: Promise<RawAnswer>, status: number, code: string): Promise<void> => {
      const { status: actual, headers, body } = await answer
      assert.deepEqual({ status: actual, code: headers['x-ms-error-code'] }, { status, code })
      assert.match(body, new RegExp(`^<\\?xml version="1.0" encoding="utf-8"\\?><Error><Code>${code}</Code>`))
    }
    const forged = sasToken.replace(/sig=(.)/, (_, first: string) => `sig=${first === 'A' ? 'B' : 'A'}`)
    const later = sasToken.replace(/se=\d{4}/, 'se=2099')
    const wider = sasToken.replace('sp=w', 'sp=rw')
    for (const query of ['', '?comp=block&blockid=AAAA', forged, later, wider, `${sasToken}&sig=AAAA`]) {
      await refusedAs(put(at(blobName, query), 'x', { 'x-ms-blob-type': 'BlockBlob' }), 403, 'AuthenticationFailed')
    }
    for (const name of [
      `${deviceId}/y.bin`,
      'other/x.bin',
      `${deviceId}/../${deviceId}/../x.bin`,
      `${deviceId}%2fx.bin%00`,
    ]) {
      await refusedAs(put(at(name, sasToken), 'x', { 'x-ms-blob-type': 'BlockBlob' }), 403, 'AuthenticationFailed')
    }
    const block = (id: string): string => at(blobName, `${sasToken}&comp=block&blockid=${encodeURIComponent(id)}`)
    const list = at(blobName, `${sasToken}&comp=blocklist`)
    await refusedAs(put(at(blobName, sasToken), 'x'), 400, 'InvalidHeaderValue')
    await refusedAs(put(at(blobName, `${sasToken}&comp=page`), 'x'), 400, 'InvalidQueryParameterValue')
    await refusedAs(put(block('no base64!'), 'x'), 400, 'InvalidBlobOrBlock')
    await refusedAs(
      put(block('QQ=='), 'x', { 'content-md5': createHash('md5').update('y').digest('base64') }),
      400,
      'Md5Mismatch',
    )
    await refusedAs(put(list, '<BlockList><Latest>QQ==</Latest></BlockList>'), 400, 'InvalidBlockList')
    await refusedAs(put(list, '<!DOCTYPE x [<!ENTITY y "z">]><BlockList>&y;</BlockList>'), 400, 'InvalidXmlDocument')
    await refusedAs(put(block('QQ=='), 'x', { 'content-length': String(2 ** 40) }), 413, 'RequestBodyTooLarge')

    const md5 = createHash('md5').update('first ').digest('base64')
    const first = await put(block('QQ=='), 'first ', { 'content-md5': md5 })
    assert.deepEqual({ status: first.status, md5: first.headers['content-md5'] }, { status: 201, md5 })
    await refusedAs(put(block('QUFBQQ=='), 'x'), 400, 'InvalidBlobOrBlock')
    assert.equal((await put(block('Qg=='), 'second')).status, 201)
    assert.equal((await put(block('Qg=='), 'last')).status, 201)
    const ids =
      '<?xml version="1.0" encoding="utf-8"?><BlockList><Latest>QQ==</Latest><Uncommitted>Qg==</Uncommitted></BlockList>'
    const committed = await put(list, ids)
    assert.equal(committed.status, 201)
    // The answer may have been lost.
    assert.equal((await put(list, ids)).headers.etag, committed.headers.etag)
    await refusedAs(put(list, '<BlockList/>'), 409, 'BlobAlreadyExists')
    await refusedAs(put(block('Qg=='), 'x'), 409, 'BlobAlreadyExists')
    const [file] = await filesOf(deviceId)
    assert.equal((await download(file?.id ?? '')).toString(), 'first last')

    // A device that is shut out writes nothing more, though its grant lasts.
    const open = (await client.getBlobSharedAccessSignature('later.bin')) as Granted
    await theHub().api('PATCH', `/devices/${deviceId}`, { status: 'disabled' })
    const late = put(at(open.blobName, open.sasToken), 'x', { 'x-ms-blob-type': 'BlockBlob' })
    await refusedAs(late, 403, 'AuthenticationFailed')
  })

  test('row 19: ten uploads of a device at once, names are checked, and what is on the disk says nothing', {
    skip,
  }, async () => {
    const deviceId = 'u19-bounds'
    const { primary } = await theHub().device({ deviceId })
    const client = clientOf(primary)
    for (const name of ['../x', 'a/../b', 'a/./b', 'a\\b', 'a\u0000b', 'x'.repeat(1_100)]) {
      assert.match((await failure(client.getBlobSharedAccessSignature(name))).message, /Bad Request/, name)
    }
    const grants: Granted[] = []
    for (let at = 0; at < 10; at++) {
      grants.push((await client.getBlobSharedAccessSignature(`secret-name-${at}`)) as Granted)
    }
    assert.match((await failure(client.getBlobSharedAccessSignature('one more'))).message, /Forbidden/)
    const [one] = grants
    assert.ok(one !== undefined)
    const secret = 'a secret that must not be on the disk'
    const { status } = await put(`/${one.containerName}/${one.blobName}${one.sasToken}`, secret, {
      'x-ms-blob-type': 'BlockBlob',
    })
    assert.equal(status, 201)
    const blobs = join(theHub().data, 'blobs')
    for (const name of readdirSync(blobs)) {
      assert.match(name, /^[0-9a-f]{32}$/)
      assert.ok(!readFileSync(join(blobs, name)).includes(secret))
    }
    await client.notifyBlobUploadStatus(one.correlationId, true, 201, '')
    await client.getBlobSharedAccessSignature('again')
    const [file] = await filesOf(deviceId)
    const before = readdirSync(blobs)
    assert.equal((await theHub().command('files', 'delete', file?.id ?? '', '--yes')).code, 0)
    const left = new Set(readdirSync(blobs))
    assert.ok(before.some((name) => !left.has(name)))
    assert.equal((await theHub().command('files', 'download', file?.id ?? '', '--to', join(folder, 'gone'))).code, 1)
  })

  test('row 20: a blob may have any name that a URL can carry, and back ends are told it as it is', {
    skip,
  }, async () => {
    const deviceId = 'u20-names'
    const { primary } = await theHub().device({ deviceId })
    const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
    const authorization = sas({ resource, key: keyOf(primary), seconds: 600 })
    const names = [
      'größer – 東京/🔩.txt',
      '100%',
      'a%2Fb%00',
      'x//y/',
      '...',
      '?#&;=+',
      'x'.repeat(1_024 - deviceId.length - 1),
    ]
    for (const name of names) {
      const asked = await ask(
        'POST',
        `/devices/${deviceId}/files/?api-version=2016-11-14`,
        JSON.stringify({ blobName: name }),
        {
          authorization,
        },
      )
      assert.equal(asked.status, 200, asked.body)
      const { blobName, containerName, sasToken, correlationId } = JSON.parse(asked.body) as Granted
      assert.equal(blobName, `${deviceId}/${name}`)
      const path = blobName.split('/').map(encodeURIComponent).join('/')
      const { status, body } = await put(`/${containerName}/${path}${sasToken}`, name, {
        'x-ms-blob-type': 'BlockBlob',
      })
      assert.equal(status, 201, body)
      // As clients in Python and C say it: the correlation id in the body.
      const told = JSON.stringify({ correlationId, isSuccess: true, statusCode: 200, statusDescription: 'ok' })
      const notified = await ask('POST', `/devices/${deviceId}/files/notifications?api-version=2016-11-14`, told, {
        authorization,
      })
      assert.equal(notified.status, 204, notified.body)
    }
    assert.deepEqual(
      (await filesOf(deviceId)).map(({ blobName }) => blobName),
      names.map((name) => `${deviceId}/${name}`),
    )
  })
})

/** A retired device comes back by no door: curl, mosquitto, mqtt.js and openssl with its keys, swtpm with its TPM. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { HubApi, HubProcess, SoftwareTpm, TpmDevice } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { AttestingDevice } from './attesting-device.ts'
import { HUB_DOORS, knock } from './certificate-device.ts'
import { EstClient, type KeyPair, readCertificate } from './est-client.ts'
import { eventsOf } from './events.ts'

const skip = requireTool('openssl') || requireTool('curl') || requireTool('mosquitto_pub')
const skipTpm = skip || requireTool('swtpm') || requireTool('tpm2_quote')

async function start() {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-retired-'))
  const data = join(root, 'hub')
  const process_ = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  const ready = await process_.ready
  return { root, data, process: process_, ready, api: new HubApi(data), client: new EstClient(ready) }
}
const hub = skip === false ? await start() : undefined
after(async () => {
  if (hub === undefined) return
  await hub.process.end('SIGTERM')
  rmSync(hub.root, { recursive: true, force: true })
})

function the() {
  assert.ok(hub !== undefined)
  return hub
}

async function must(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await the().api.call(method, `/api/v1${path}`, body)
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return (answer.body ?? {}) as Record<string, unknown>
}

const thumbprintOf = ({ certificate }: KeyPair): string =>
  readCertificate(certificate).fingerprint256.replaceAll(':', '')
const withThumbprint = (deviceId: string, pair: KeyPair) =>
  must('POST', '/devices', { deviceId, auth: 'x509-thumbprint', thumbprints: [thumbprintOf(pair)] })
const retire = (deviceId: string) => must('POST', `/devices/${deviceId}/life/retire`, { reason: 'stolen' })
const enters = (deviceId: string, pair: KeyPair) =>
  Promise.all(HUB_DOORS.map((door) => knock({ ...the().ready, idScope: '' }, door, deviceId, pair)))
const told = (deviceId: string) =>
  eventsOf(the().data)
    .filter(({ type, subject }) => type === 'key.retired' && subject === `device/${deviceId}`)
    .map(({ detail }) => detail.heldBy)

function enrol(deviceId: string, sas: string, key: string) {
  const { client } = the()
  const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
  const token = formatSasToken({ resource: `localhost/devices/${deviceId}`, key: sas, expirySeconds })
  const request = client.newRequest(deviceId, key)
  return { operation: 'simpleenroll', request, basic: `${deviceId}:${token}` } as const
}

suite('a retired device', { skip }, () => {
  test('is let in under no other id by its certificate, whether it ever came before or not', async () => {
    for (const name of ['seen', 'unseen']) {
      const pair = the().client.newCertificate(name)
      await withThumbprint(name, pair)
      if (name === 'seen') assert.deepEqual(await enters(name, pair), [true, true, true])
      await retire(name)
      for (const id of [name, `${name}-2`]) {
        await withThumbprint(id, pair)
        for (const answer of await enters(id, pair)) assert.notEqual(answer, true, `${id} came in`)
        assert.ok(told(id).length > 0 && told(id).every((holder) => holder === name))
      }
    }
  })

  test('gets no certificate by its key, nor does its key get one under another id', async () => {
    const { api, client } = the()
    const key = client.newKey()
    const pair = client.obtain(enrol('issued', await api.createDevice('issued'), key), key)
    assert.deepEqual(await enters('issued', pair), [true, true, true])
    await retire('issued')
    for (const answer of await enters('issued', pair)) assert.notEqual(answer, true)
    for (const id of ['issued', 'issued-2']) {
      const sas = await api.createDevice(id)
      assert.equal(client.ask(enrol(id, sas, key)).status, 403)
      assert.deepEqual(told(id), ['issued'])
      assert.equal(client.ask(enrol(id, sas, client.newKey())).status, 200, 'a new key is another matter')
    }
  })

  test('a TPM that attests for one device is provisioned as no other', { skip: skipTpm }, async () => {
    const { root, ready, api } = the()
    const folder = join(root, 'tpm-2')
    const authority = readFileSync(ready.caFile, 'utf8')
    const attesting = await AttestingDevice.start({
      folder,
      ready,
      authority,
      id: 'hw-1',
      key: await api.createDevice('hw-1'),
    })
    await attesting.makeKeys()
    assert.equal((await attesting.enrol()).status, 200)
    await attesting.stopTpm()
    const software = await SoftwareTpm.start(folder)
    const tpm = await TpmDevice.open(software)
    try {
      const endorsementKey = Buffer.from(tpm.endorsementKey).toString('base64')
      const storageRootKey = Buffer.from(tpm.storageRootKey).toString('base64')
      await must('POST', '/enrollments', { id: 'hw-2', attestation: 'tpm', endorsementKey })
      const { idScope } = (await must('GET', '/status')) as { readonly idScope: string }
      const register = async (token?: string): Promise<Record<string, unknown>> => {
        const url = `https://localhost:${ready.httpsPort}/${idScope}/registrations/hw-2/register?api-version=2019-03-31`
        const body = JSON.stringify({ registrationId: 'hw-2', tpm: { endorsementKey, storageRootKey } })
        const proof = token === undefined ? [] : ['-H', `Authorization: ${token}`]
        const given = ['-sS', '--cacert', ready.caFile, '-X', 'PUT', '-H', 'content-type: application/json', ...proof]
        const run = spawnSync('curl', [...given, '-d', body, url], { encoding: 'utf8', timeout: 20_000 })
        return JSON.parse(run.stdout) as Record<string, unknown>
      }
      await tpm.activate(Buffer.from(String((await register()).authenticationKey), 'base64'))
      await register(await tpm.token(`${idScope}/registrations/hw-2`, 'registration'))
      const shared = () =>
        eventsOf(the().data).find(({ type, subject }) => type === 'key.shared' && subject === 'device/hw-2')
      for (let attempt = 0; attempt < 50 && shared() === undefined; attempt += 1) await wait(100)
      assert.equal(shared()?.detail.heldBy, 'hw-1')
      assert.equal((await api.call('GET', '/api/v1/devices/hw-2')).status, 404)
    } finally {
      await tpm.close()
      await software.stop()
    }
  })

  test('does not attest under another id, nor while it lives', { skip: skipTpm }, async () => {
    const { root, ready, api } = the()
    const authority = readFileSync(ready.caFile, 'utf8')
    const options = { folder: join(root, 'tpm'), ready, authority }
    const first = await AttestingDevice.start({ ...options, id: 'boot-1', key: await api.createDevice('boot-1') })
    await first.makeKeys()
    assert.equal((await first.enrol()).status, 200)
    await first.stopTpm()
    const second = await AttestingDevice.start({ ...options, id: 'boot-2', key: await api.createDevice('boot-2') })
    try {
      await second.makeKeys()
      const refused = async (): Promise<void> => {
        const { status, body } = await second.enrol()
        assert.equal(status, 409, JSON.stringify(body))
      }
      await refused()
      await retire('boot-1')
      await refused()
      assert.deepEqual(told('boot-2'), ['boot-1'])
    } finally {
      await second.stop()
    }
  })
})

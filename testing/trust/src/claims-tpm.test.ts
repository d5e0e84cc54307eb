/** A device that stands on a manifest with its endorsement key: claimed, provisioned by its TPM (swtpm), retired. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { HubApi, HubProcess, SoftwareTpm, TpmDevice } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import type { Doors } from './certificate-device.ts'
import { eventsOf } from './events.ts'
import { ManifestMaker } from './manifest-maker.ts'

const skip = requireTool('openssl') || requireTool('curl') || requireTool('swtpm')
type Json = Readonly<Record<string, unknown>>
const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const root = mkdtempSync(join(tmpdir(), 'holdfast-tpm-claims-'))
const endings: (() => Promise<unknown>)[] = []
after(async () => {
  for (const end of endings.toReversed()) await end()
  rmSync(root, { recursive: true, force: true })
})

test('a claimed TPM provisions by exactly its endorsement key, is of the tier full, and comes no more once retired', {
  skip,
  timeout: 240_000,
}, async () => {
  const data = join(root, 'data')
  const process_ = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  endings.push(() => process_.end('SIGTERM'))
  const doors = (await process_.ready) as Awaited<typeof process_.ready> & Doors
  const api = new HubApi(data)
  const must = async (method: string, path: string, body?: object): Promise<Json> => {
    const answer = await api.call(method, `/api/v1${path}`, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return (answer.body ?? {}) as Json
  }
  const tpm = async (name: string): Promise<TpmDevice> => {
    const software = await SoftwareTpm.start(join(root, name))
    const device = await TpmDevice.open(software)
    endings.push(async () => {
      await device.close()
      await software.stop()
    })
    return device
  }
  const [device, other] = [await tpm('own'), await tpm('other')]

  const maker = new ManifestMaker(root, 'tpm-maker', 'ed25519')
  await must('POST', '/manufacturers', { name: maker.name, publicKey: readFileSync(maker.publicKey, 'utf8') })
  const model = {
    manufacturer: maker.name,
    hardwareRevisions: ['A'],
    requirements: { commissioning: false, measuredBoot: false },
  }
  await must('POST', '/models', { ...model, id: 'gateway', tier: 'full' })
  await must('POST', '/models', { ...model, id: 'meter', tier: 'constrained', requirements: {} })
  const entry = { serial: 'GW-1', endorsementKey: Buffer.from(device.endorsementKey).toString('base64') }
  const import_ = (line: Parameters<ManifestMaker['sign']>[0][number]): readonly Json[] => {
    const { file, signature } = maker.sign([line])
    const header = ['-H', `Holdfast-Signature: ${readFileSync(signature).toString('base64')}`]
    const socket = ['--unix-socket', join(data, 'hub.sock')]
    const url = `http://localhost/api/v1/manifests?manufacturer=${maker.name}`
    const run = spawnSync('curl', ['-sS', ...socket, ...header, '--data-binary', `@${file}`, url], { encoding: 'utf8' })
    return run.stdout
      .split('\n')
      .filter((one) => one !== '')
      .map((one) => JSON.parse(one) as Json)
  }
  // A constrained model does not rest on a TPM's key: nothing that could never work is taken in.
  assert.equal(import_({ ...entry, model: 'meter' })[0]?.outcome, 'conflict')
  assert.equal(import_({ ...entry, model: 'gateway' })[0]?.outcome, 'imported')
  await must('POST', '/owners', { name: 'harbour' })
  await must('POST', '/claims', { serial: 'GW-1', owner: 'harbour' })

  const put = (given: TpmDevice, token?: string): { readonly status: number; readonly body: Json } => {
    const body = {
      registrationId: 'gw-1',
      tpm: {
        endorsementKey: Buffer.from(given.endorsementKey).toString('base64'),
        storageRootKey: Buffer.from(given.storageRootKey).toString('base64'),
      },
    }
    return ask('PUT', 'register', body, token)
  }
  const ask = (method: string, path: string, body?: object, token?: string): { status: number; body: Json } => {
    const url = `https://localhost:${doors.httpsPort}/${doors.idScope}/registrations/gw-1/${path}?api-version=2019-03-31`
    const sent = body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]
    const authorization = token === undefined ? [] : ['-H', `Authorization: ${token}`]
    const given = [
      '-sS',
      '--cacert',
      doors.caFile,
      '-X',
      method,
      ...sent,
      ...authorization,
      '-w',
      '\n%{http_code}',
      url,
    ]
    const run = spawnSync('curl', given, { encoding: 'utf8', timeout: 20_000 })
    assert.equal(run.status, 0, run.stderr)
    const at = run.stdout.lastIndexOf('\n')
    return { status: Number(run.stdout.slice(at + 1)), body: JSON.parse(run.stdout.slice(0, at) || '{}') as Json }
  }
  const sign = async (given: TpmDevice): Promise<string> => {
    const resource = encodeURIComponent(`${doors.idScope}/registrations/gw-1`)
    const expiry = Math.floor(Date.now() / 1_000) + 3_600
    const signature = Buffer.from(await given.sign(Buffer.from(`${resource}\n${expiry}`))).toString('base64')
    return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=registration`
  }

  // Another TPM is answered as everybody is, with something that it cannot use.
  const decoy = put(other)
  await assert.rejects(
    other.activate(Buffer.from(text(decoy.body.authenticationKey), 'base64')).then(async () => {
      if (put(other, await sign(other)).status === 401) throw new Error('refused')
    }),
  )
  const challenge = put(device)
  assert.equal(challenge.status, 401)
  await device.activate(Buffer.from(text(challenge.body.authenticationKey), 'base64'))
  const begun = put(device, await sign(device))
  assert.equal(begun.status, 202, JSON.stringify(begun.body))
  let state: Json = {}
  for (let attempt = 0; attempt < 50 && state.status !== 'assigned'; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    state = ask('GET', `operations/${text(begun.body.operationId)}`, undefined, await sign(device)).body
  }
  assert.equal(state.status, 'assigned', JSON.stringify(state))
  const life = await must('GET', '/devices/gw-1/life')
  assert.deepEqual([life.state, life.model, life.owner, life.keyStorage], ['active', 'gateway', 'harbour', 'tpm'])

  await must('POST', '/devices/gw-1/life/retire', { reason: 'scrapped', shred: true })
  const { items } = (await must('GET', '/tombstones?device=gw-1')) as { items: readonly { keys: readonly Json[] }[] }
  assert.ok(items[0]?.keys.some(({ kind }) => kind === 'endorsement-key'))
  // An ordinary enrolment of the same TPM, as if nobody remembered.
  await must('POST', '/enrollments', { id: 'gw-1', attestation: 'tpm', endorsementKey: entry.endorsementKey })
  const again = put(device)
  assert.equal(again.status, 401)
  await device.activate(Buffer.from(text(again.body.authenticationKey), 'base64'))
  assert.equal(put(device, await sign(device)).status, 401)
  assert.ok(eventsOf(data).some(({ type, detail }) => type === 'registration.refused' && detail.code === 'key-retired'))
  assert.equal((await api.call('GET', '/api/v1/devices/gw-1')).status, 404)
})

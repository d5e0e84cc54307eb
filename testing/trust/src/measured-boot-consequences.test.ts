/** What follows from how a device booted: its certificate is not renewed, its model says what is asked, operators see it. */

import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { HubApi, HubProcess, type Ready } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { measurementOf, type WrittenEvent } from '@holdfast/tpm/testing'
import { AttestingDevice } from './attesting-device.ts'
import { EstClient, type KeyPair } from './est-client.ts'

const skip = requireTool('swtpm') || requireTool('tpm2_quote') || requireTool('openssl') || requireTool('curl')
const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../../..')
const HOLDFAST = join(ROOT, 'holdfast')

const KERNEL: WrittenEvent = { pcr: 4, type: 0xd, data: Buffer.from('kernel'), measured: Buffer.from('kernel 6.1') }
const EVIL: WrittenEvent = { pcr: 4, type: 0xd, data: Buffer.from('kernel'), measured: Buffer.from('another') }

suite('what follows from a measured boot', { skip }, () => {
  let folder: string
  let data: string
  let hub: HubProcess
  let ready: Ready
  let api: HubApi
  let device: AttestingDevice
  let key: string
  let client: EstClient
  let pair: KeyPair

  /** `holdfast …` with the hub of this test. */
  const holdfast = async (...parameters: readonly string[]): Promise<{ code: number; out: string; err: string }> => {
    try {
      const { stdout, stderr } = await run(HOLDFAST, [...parameters, '--data', data], { cwd: folder })
      return { code: 0, out: stdout, err: stderr }
    } catch (error) {
      const failed = error as { readonly code?: number; readonly stdout?: string; readonly stderr?: string }
      return { code: failed.code ?? -1, out: failed.stdout ?? '', err: failed.stderr ?? '' }
    }
  }
  const openssl = (...parameters: readonly string[]): void => {
    execFileSync('openssl', parameters, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const values = (serial: number, more: object = {}): object => ({
    format: 'holdfast-reference-values/1',
    name: 'gateway-firmware',
    serial,
    events: [{ pcr: 4, digests: { sha256: [Buffer.from(measurementOf(KERNEL, 'sha256')).toString('hex')] } }],
    ...more,
  })
  const signValues = (content: object): string => {
    const file = join(folder, 'values.json')
    writeFileSync(file, JSON.stringify(content))
    openssl('dgst', '-sha256', '-sign', 'release.key', '-out', 'values.json.sig', 'values.json')
    return file
  }
  const renewed = (): number => {
    const request = client.newRequest('gateway', client.newKey())
    return client.ask({ operation: 'simplereenroll', request, by: pair }).status
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-boot-'))
    data = join(folder, 'hub')
    hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    ready = await hub.ready
    api = new HubApi(data)
    client = new EstClient(ready)
    key = await api.createDevice('gateway')
    const authority = readFileSync(ready.caFile, 'utf8')
    device = await AttestingDevice.start({ id: 'gateway', key, folder: join(folder, 'tpm'), ready, authority })
    await device.makeKeys('ecdsa')
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'release.key')
    openssl('pkey', '-in', 'release.key', '-pubout', '-out', 'release.pub')
    const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
    const token = formatSasToken({ resource: 'localhost/devices/gateway', key, expirySeconds })
    const own = client.newKey()
    const request = client.newRequest('gateway', own)
    pair = client.obtain({ operation: 'simpleenroll', request, basic: `gateway:${token}` }, own)
    await device.useCertificate(pair)
  })
  after(async () => {
    await device.stop()
    await hub.end('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  })

  test('an operator trusts who signs, adds what was signed, and asks for quotes, by commands', async () => {
    const file = signValues(values(1))
    const early = await holdfast('attestation', 'references', 'add', file)
    assert.equal(early.code, 1)
    assert.match(early.err, /not signed by anybody who may/)
    assert.equal((await holdfast('attestation', 'signers', 'add', 'release', 'release.pub')).code, 0)
    const added = await holdfast('attestation', 'references', 'add', file, '--json')
    assert.deepEqual(JSON.parse(added.out).signer, 'release')
    assert.match((await holdfast('attestation', 'references', 'list')).out, /gateway-firmware\s+1\s+release\s+4\s+1/)
    assert.equal((await holdfast('attestation', 'require')).code, 2)
    assert.equal((await holdfast('attestation', 'require', '--all', '--pcrs', 'sha256:99')).code, 2)
    const required = await holdfast('attestation', 'require', 'gateway', '--pcrs', '4', '--max-age', '2h')
    assert.match(required.out, /sha256:4 every 2h, on failure remediation/)
    assert.equal((await holdfast('attestation', 'require', 'nobody', '--pcrs', '4')).code, 1)
    assert.match((await holdfast('attestation', 'show', 'gateway')).out, /state {5}none/)
  })

  test('the certificate of a device that does not attest is not renewed, and is once it does', async () => {
    assert.equal(renewed(), 403)
    assert.equal((await device.enrol()).status, 200)
    await device.boot([EVIL])
    assert.equal((await device.attest()).body.verdict, 'failed')
    assert.equal(renewed(), 403)
    const { out } = await holdfast('attestation', 'show', 'gateway')
    assert.match(out, /state {5}failed \(event-different\)/)
    assert.match(out, /event-different \(PCR 4, event 1, EV_IPL\): expected [0-9a-f]{64}, found [0-9a-f]{64}/)
    await device.restart()
    await device.boot([KERNEL])
    assert.equal((await device.attest()).body.verdict, 'trusted')
    assert.equal(renewed(), 200, 'and while the successor was not seen, the former is good')
    assert.match((await holdfast('attestation', 'list')).out, /gateway\s+trusted\s+\S+\s+\S+\s+gateway-firmware/)
  })

  test('telemetry over HTTPS is not taken from a device that failed, and is from one that is only observed', async () => {
    const send = () => device.call('messages/events', { rpm: 1 })
    assert.equal((await send()).status, 204)
    await device.restart()
    await device.boot([EVIL])
    await device.attest()
    assert.equal((await send()).status, 403)
    await holdfast('attestation', 'require', 'gateway', '--pcrs', '4', '--on-failure', 'observe')
    assert.equal((await send()).status, 204)
    await holdfast('attestation', 'require', 'gateway', '--off')
    assert.equal((await send()).status, 204)
  })

  test('a model says what is asked of its devices, and reference values say for which model they are', async () => {
    const must = async (path: string, body: object): Promise<void> => {
      const answer = await api.call('POST', `/api/v1${path}`, body)
      assert.ok(answer.status < 300, `${path}: ${JSON.stringify(answer.body)}`)
    }
    const publicKey = readFileSync(join(folder, 'release.pub'), 'utf8')
    await must('/manufacturers', { name: 'acme', publicKey })
    const attestation = { pcrs: [4], maxAgeMs: 60_000 }
    await must('/models', { id: 'gateway', manufacturer: 'acme', tier: 'full', hardwareRevisions: ['A'], attestation })
    await must('/devices/gateway/life/model', { model: 'gateway' })
    const shown = JSON.parse((await holdfast('attestation', 'show', 'gateway', '--json')).out)
    assert.deepEqual([shown.policySource, shown.policy.maxAgeMs], ['model', 60_000])
    await device.restart()
    await device.boot([KERNEL])
    assert.equal((await device.attest()).body.verdict, 'trusted')
    for (const [serial, models, verdict] of [
      [2, ['pump'], 'failed'],
      [3, ['gateway', 'pump'], 'trusted'],
    ] as const) {
      assert.equal((await holdfast('attestation', 'references', 'add', signValues(values(serial, { models })))).code, 0)
      assert.equal((await device.attest()).body.verdict, verdict)
    }
  })

  test('where a manufacturer has to vouch for the TPM, one without a certificate is refused', async () => {
    await holdfast('attestation', 'forget', 'gateway')
    await holdfast('attestation', 'require', 'gateway', '--pcrs', '4', '--endorsement-certificate')
    const refused = await device.showKeys()
    assert.deepEqual([refused.status, refused.body.code], [403, 'endorsement-unproven'])
  })
})

/**
 * Devices with TPMs and a hub: swtpm at one end, `holdfast up` at the other, certificates of endorsement keys made by
 * swtpm_localca, which stands for a manufacturer.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import type { TpmApi } from '@holdfast/api'
import { freePort, HubApi, HubProcess, type Ready, SoftwareTpm, TpmDevice } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { TpmRefusal } from '@holdfast/tpm'

const run = promisify(execFile)
const skip = requireTool('swtpm') || requireTool('swtpm_setup') || requireTool('tpm2_nvread')
const API_VERSION = 'api-version=2019-03-31'
/** Where TPMs keep the certificate of their RSA endorsement key (EK Credential Profile 2.5 §2.2.1.4). */
const EK_CERTIFICATE = '0x1c00002'

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, unknown>>
}

interface Made {
  readonly tpm: SoftwareTpm
  readonly device: TpmDevice
  /** DER. */
  readonly certificate: Buffer
}

suite('devices with TPMs', { skip }, () => {
  let folder: string
  let hub: HubProcess
  let api: HubApi
  let ready: Ready
  let idScope: string
  let ca: Buffer
  const open: { stop(): Promise<void> }[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-tpm-provisioning-'))
    const data = join(folder, 'data')
    hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
    ready = await hub.ready
    ca = await readFile(ready.caFile)
    api = new HubApi(data)
    idScope = (await api.status()).idScope
  })
  after(async () => {
    for (const one of open.toReversed()) await one.stop()
    await hub.end('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  })

  /** A TPM as it leaves a factory: keys made, and the certificate of its endorsement key in its memory. */
  async function manufacture(name: string, maker: string): Promise<Made> {
    const home = join(folder, name)
    const state = join(home, 'state')
    const authority = join(folder, maker)
    await mkdir(state, { recursive: true })
    await mkdir(authority, { recursive: true })
    const lines = (...all: string[]): string => `${all.join('\n')}\n`
    await writeFile(
      join(home, 'ca.conf'),
      lines(
        `statedir = ${authority}`,
        `signingkey = ${authority}/key.pem`,
        `issuercert = ${authority}/issuer.pem`,
        `certserial = ${authority}/serial`,
      ),
    )
    await writeFile(join(home, 'ca.options'), '')
    await writeFile(
      join(home, 'setup.conf'),
      lines(
        'create_certs_tool = /usr/bin/swtpm_localca',
        `create_certs_tool_config = ${home}/ca.conf`,
        `create_certs_tool_options = ${home}/ca.options`,
        'active_pcr_banks = sha256',
      ),
    )
    const options = [
      '--tpm2',
      '--tpmstate',
      state,
      '--create-ek-cert',
      '--config',
      join(home, 'setup.conf'),
      '--overwrite',
    ]
    await run('swtpm_setup', options)
    const tpm = await SoftwareTpm.start(home)
    open.push(tpm)
    await tpm.tools(`tpm2_nvread -C o ${EK_CERTIFICATE} -o ek.der`)
    const device = await TpmDevice.open(tpm)
    open.push({ stop: () => device.close() })
    return { tpm, device, certificate: await readFile(join(home, 'ek.der')) }
  }

  /** Asks the management API for a success. */
  async function manage(method: 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    const answer = await api.call(method, path, body)
    assert.ok(answer.status < 300, JSON.stringify(answer))
    return answer.body
  }

  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

  const enrolmentOf = (id: string, device: TpmDevice, more: object): object => ({
    id,
    attestation: 'tpm',
    endorsementKey: base64(device.endorsementKey),
    ...more,
  })

  async function enrol(id: string, { device }: Made, more: object = {}): Promise<void> {
    await manage('POST', '/api/v1/enrollments', enrolmentOf(id, device, more))
  }

  function ask(method: string, path: string, body?: object, authorization?: string): Promise<Answer> {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(authorization !== undefined && { authorization }),
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const asked = request(
      { host: '127.0.0.1', servername: ready.hostname, port: ready.httpsPort, method, path, headers, ca },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const found: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}')
          assert.ok(typeof found === 'object' && found !== null)
          resolve({
            status: response.statusCode ?? 0,
            body: Object.fromEntries(Object.entries(found)),
            headers: response.headers,
          })
        })
      },
    )
    asked.once('error', reject)
    asked.end(text)
    return promise
  }

  const tpmOf = (device: TpmDevice, storage: TpmDevice = device): object => ({
    endorsementKey: base64(device.endorsementKey),
    storageRootKey: base64(storage.storageRootKey),
  })
  const registerPath = (id: string): string => `/${idScope}/registrations/${id}/register?${API_VERSION}`

  /** The blob of the 401 that a TPM is challenged with. */
  async function challenge(id: string, tpm: object): Promise<Buffer> {
    const { status, body } = await ask('PUT', registerPath(id), { registrationId: id, tpm })
    assert.equal(status, 401)
    assert.equal(body['keyName'], 'registration')
    const { authenticationKey } = body
    assert.ok(typeof authenticationKey === 'string')
    return Buffer.from(authenticationKey, 'base64')
  }

  const tokenOf = (device: TpmDevice, id: string): Promise<string> =>
    device.token(`${idScope}/registrations/${id}`, 'registration')

  /** Registers, and polls until there is an outcome. */
  async function provision(id: string, device: TpmDevice, more: object = {}): Promise<Answer> {
    const tpm = { ...tpmOf(device), ...more }
    await device.activate(await challenge(id, tpm))
    const token = await tokenOf(device, id)
    const begun = await ask('PUT', registerPath(id), { registrationId: id, tpm }, token)
    if (begun.status !== 202) return begun
    for (let polls = 0; polls < 200; polls += 1) {
      const path = `/${idScope}/registrations/${id}/operations/${String(begun.body['operationId'])}?${API_VERSION}`
      const answer = await ask('GET', path, undefined, token)
      if (answer.status !== 202) return answer
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('never done')
  }

  function stateOf({ body }: Answer): Readonly<Record<string, unknown>> {
    const { registrationState: state } = body
    assert.ok(typeof state === 'object' && state !== null)
    return Object.fromEntries(Object.entries(state))
  }

  /** Codes of refusals of a registration, the last one last. */
  async function refusals(id: string): Promise<readonly unknown[]> {
    const lines = hub.lines.filter(
      ({ event, subject }) => event === 'registration.refused' && subject === `registration/${id}`,
    )
    return lines.map(({ detail }) => detail?.['code'])
  }

  /** The log tells of refusals some moments later. */
  async function isRefusedAs(id: string, code: string): Promise<void> {
    for (let looks = 0; looks < 400; looks += 1) {
      if ((await refusals(id)).includes(code)) return
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    assert.fail(`no refusal ${code} of ${id}: ${JSON.stringify(await refusals(id))}`)
  }

  test('a replayed activation is refused, and so is a token of it without the register', async () => {
    const made = await manufacture('replay', 'acme')
    await enrol('replay', made)
    const { device } = made
    const tpm = tpmOf(device)
    await device.activate(await challenge('replay', tpm))
    const token = await tokenOf(device, 'replay')
    const body = { registrationId: 'replay', tpm }
    const first = await ask('PUT', registerPath('replay'), body, token)
    assert.equal(first.status, 202)
    assert.match(String(first.headers['retry-after']), /^\d+$/)
    for (const again of [token, await tokenOf(device, 'replay')]) {
      const answer = await ask('PUT', registerPath('replay'), body, again)
      assert.equal(answer.status, 401)
      assert.equal(answer.body['authenticationKey'], undefined)
    }
    await isRefusedAs('replay', 'activation-replayed')
  })

  test('another endorsement key than the enrolled one proves nothing', async () => {
    const [enrolled, other] = [await manufacture('right', 'acme'), await manufacture('wrong', 'acme')]
    await enrol('ek', enrolled)
    const answer = await provision('ek', other.device)
    assert.equal(answer.status, 401)
    await isRefusedAs('ek', 'endorsement-key-differs')
    assert.equal((await provision('ek', enrolled.device)).status, 200)
  })

  test('the storage root key of another TPM: neither of the two opens the challenge', async () => {
    const [one, other] = [await manufacture('srk-1', 'acme'), await manufacture('srk-2', 'acme')]
    await enrol('srk', one)
    const blob = await challenge('srk', tpmOf(one.device, other.device))
    for (const { device } of [one, other]) await assert.rejects(device.activate(blob), TpmRefusal)
    // Named by the enrolment, it is the only one.
    await enrol('srk-pinned', one, { storageRootKey: base64(other.device.storageRootKey) })
    assert.equal((await provision('srk-pinned', one.device)).status, 401)
    await isRefusedAs('srk-pinned', 'storage-root-key-differs')
  })

  test('a certificate counts when its manufacturer is trusted, and then alone', async () => {
    const made = await manufacture('certified', 'acme')
    const { device, certificate } = made
    const required = { requireEndorsementCertificate: true }
    await enrol('cert', made, { ...required, endorsementCertificate: base64(certificate) })
    // Unknown manufacturer.
    assert.equal((await provision('cert', device)).status, 401)
    await isRefusedAs('cert', 'endorsement-unproven')
    const issuer = await readFile(join(folder, 'acme', 'issuer.pem'), 'utf8')
    const added = (await manage('POST', '/api/v1/tpm/roots', {
      name: 'acme',
      certificate: issuer,
    })) as TpmApi.EndorsementRoot
    assert.match(added.subject, /swtpm-localca/)
    const answer = await provision('cert', device)
    assert.equal(answer.status, 200)
    assert.equal(stateOf(answer)['status'], 'assigned')
    const assigned = hub.lines.find(
      ({ event, subject }) => event === 'registration.assigned' && subject === 'registration/cert',
    )
    assert.match(String(assigned?.detail?.['manufacturer']), /^id:/)

    // Sent by the device, when the enrolment has none.
    const sent = await manufacture('sent', 'acme')
    await enrol('sent', sent, required)
    assert.equal((await provision('sent', sent.device)).status, 401)
    const shown = { endorsementCertificate: base64(sent.certificate) }
    assert.equal((await provision('sent', sent.device, shown)).status, 200)

    // Of another manufacturer, and another TPM's certificate.
    const foreign = await manufacture('foreign', 'umbrella')
    await enrol('foreign', foreign, { ...required, endorsementCertificate: base64(foreign.certificate) })
    assert.equal((await provision('foreign', foreign.device)).status, 401)
    await isRefusedAs('foreign', 'endorsement-unproven')
    const swapped = enrolmentOf('swapped', foreign.device, { endorsementCertificate: base64(certificate) })
    const refused = await api.call('POST', '/api/v1/enrollments', swapped)
    assert.equal(refused.status, 400)
    assert.match(JSON.stringify(refused.body), /endorsementCertificate.*is not of the endorsement key/)

    // With the root above and the certificate between, the chain holds too.
    await manage('DELETE', '/api/v1/tpm/roots/acme')
    assert.equal((await provision('cert', device)).status, 401)
    const root = await readFile(join(folder, 'acme', 'swtpm-localca-rootca-cert.pem'), 'utf8')
    await manage('POST', '/api/v1/tpm/roots', { name: 'acme-root', certificate: root })
    assert.equal((await provision('cert', device)).status, 401)
    await manage('DELETE', '/api/v1/enrollments/cert')
    const { stdout } = await run('openssl', ['x509', '-inform', 'der', '-in', join(folder, 'certified', 'ek.der')])
    await enrol('cert', made, { ...required, endorsementCertificate: stdout + issuer })
    assert.equal((await provision('cert', device)).status, 200)
  })

  test('the endorsement key of one device is refused under a second id', async () => {
    const made = await manufacture('twice', 'acme')
    await enrol('twice-1', made)
    await enrol('twice-2', made)
    assert.equal(stateOf(await provision('twice-1', made.device))['status'], 'assigned')
    const second = await provision('twice-2', made.device)
    assert.equal(stateOf(second)['status'], 'failed')
    assert.equal(stateOf(second)['errorCode'], 409203)
    // Deleted, the first one leaves the TPM to the second.
    await manage('DELETE', '/api/v1/devices/twice-1')
    assert.equal(stateOf(await provision('twice-2', made.device))['status'], 'assigned')
  })
})

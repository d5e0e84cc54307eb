/** Row 58 of azure-iot.md §12: every client trusts the hub's own root when it is told to, and nobody does unasked. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect } from 'node:tls'
import { HubProcess } from './hub-process.ts'
import type { Outcomes, Scenario } from './private-ca-clients.ts'
import { ADDRESS, requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
after(() => hub?.stop())

const RUN_MS_MAX = 120_000
const PROGRAM = join(import.meta.dirname, 'private-ca-clients.ts')
const BY_OPTION = ['mqtt', 'mqtt-ws'].flatMap((name) => [
  `device with ca as text ${name}`,
  `device with ca as path ${name}`,
])
const BY_ENVIRONMENT = [
  'device mqtt',
  'device mqtt-ws',
  'provisioning mqtt',
  'provisioning mqtt-ws',
  'provisioning https',
  'provisioning service https',
]

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

/** Runs every client once, in a process that has the root in its environment or has not. */
function run(scenario: Scenario, extra: string | undefined): Promise<Outcomes> {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [PROGRAM, JSON.stringify(scenario)],
      {
        env: extra === undefined ? env : { ...env, NODE_EXTRA_CA_CERTS: extra },
        timeout: RUN_MS_MAX,
        encoding: 'utf8',
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout) as Outcomes)
        else reject(new Error(`${error.message}: ${stderr}`))
      },
    )
  })
}

let scenario: Promise<Scenario> | undefined
async function prepared(): Promise<Scenario> {
  const { ready, ca } = theHub()
  const { primary } = await theHub().device({ deviceId: 'r58' })
  const registrationKey = Buffer.alloc(64, 58).toString('base64')
  const enrollment = { id: 'r58-enrolled', attestation: 'symmetric-key', primaryKey: registrationKey }
  assert.equal((await theHub().api('POST', '/enrollments', enrollment)).status, 201)
  return {
    idScope: ready.idScope,
    deviceString: primary,
    serviceString: await theHub().policy('provisioningserviceowner'),
    registrationId: enrollment.id,
    registrationKey,
    caFile: ready.caFile,
    ca,
  }
}

test('row 58: with NODE_EXTRA_CA_CERTS every client connects, on every transport', { skip }, async () => {
  scenario ??= prepared()
  // As the help of the command has it: NODE_EXTRA_CA_CERTS=$(holdfast ca root)
  const { code, stdout } = await theHub().command('ca', 'root')
  assert.equal(code, 0)
  const outcomes = await run(await scenario, stdout.trim())
  assert.deepEqual(outcomes, Object.fromEntries([...BY_ENVIRONMENT, ...BY_OPTION].map((name) => [name, 'ok'])))
})

test('row 58: without it only who has the ca option connects; the others refuse the hub', { skip }, async () => {
  scenario ??= prepared()
  const outcomes = await run(await scenario, undefined)
  for (const name of BY_OPTION) assert.equal(outcomes[name], 'ok', name)
  for (const name of BY_ENVIRONMENT) {
    assert.match(outcomes[name] ?? '', /self-signed certificate|unable to (get|verify)/i, name)
  }
})

/** The version that was agreed on, or the error's code. */
function handshake(
  port: number,
  version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3',
  servername = 'localhost',
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      host: ADDRESS,
      port,
      servername,
      ca: theHub().ca,
      minVersion: version,
      maxVersion: version,
      // Else the client itself would not offer what is long out of use.
      ...(version === 'TLSv1' || version === 'TLSv1.1' ? { ciphers: 'DEFAULT:@SECLEVEL=0' } : {}),
    })
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol() ?? '')
      socket.destroy()
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

test('row 58: TLS 1.2 and 1.3 on both ports, nothing older, and under the hub’s names alone', { skip }, async () => {
  const { mqttPort, httpsPort } = theHub().ready
  for (const port of [mqttPort, httpsPort]) {
    assert.equal(await handshake(port, 'TLSv1.3'), 'TLSv1.3')
    assert.equal(await handshake(port, 'TLSv1.2'), 'TLSv1.2')
    assert.equal(await handshake(port, 'TLSv1.1'), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    assert.equal(await handshake(port, 'TLSv1'), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    assert.equal(await handshake(port, 'TLSv1.3', 'other.example'), 'ERR_TLS_CERT_ALTNAME_INVALID')
  }
})

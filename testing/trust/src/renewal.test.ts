/**
 * Renewal without a gap: offered in the twin, asked for over MQTT, overlapping, and through the grace lane. mqtt.js and
 * openssl at the other end.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { connect, type MqttClient } from 'mqtt'
import { EstClient, type KeyPair, openssl, readCertificate } from './est-client.ts'

const skip = requireTool('openssl') || requireTool('curl')
const ANSWER_MS_MAX = 15_000

async function start() {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-renewal-'))
  const process_ = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  const ready = await process_.ready
  return { data, process: process_, ready, api: new HubApi(data), client: new EstClient(ready) }
}
const hub = skip === false ? await start() : undefined
const peers: Peer[] = []
after(async () => {
  for (const peer of peers) peer.end()
  if (hub === undefined) return
  await hub.process.end('SIGTERM')
  rmSync(hub.data, { recursive: true, force: true })
})

function the() {
  assert.ok(hub !== undefined)
  return hub
}

async function must(method: string, path: string, body?: object): Promise<void> {
  const answer = await the().api.call(method, `/api/v1${path}`, body)
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
}

interface Heard {
  readonly topic: string
  readonly body: string
}

/** A device with mqtt.js, which does not come back by itself. */
class Peer {
  readonly #client: MqttClient
  readonly #heard: Heard[] = []
  #requests = 1_000

  private constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload) => this.#heard.push({ topic, body: payload.toString() }))
  }

  /** Rejects when the hub does not let it in. */
  static async open(deviceId: string, by: KeyPair): Promise<Peer> {
    const { ready } = the()
    const client = connect({
      protocol: 'mqtts',
      host: 'localhost',
      port: ready.mqttPort,
      ca: [readFileSync(ready.caFile)],
      cert: readFileSync(by.certificate),
      key: readFileSync(by.key),
      clientId: deviceId,
      username: `localhost/${deviceId}/?api-version=2021-04-12`,
      clean: true,
      reconnectPeriod: 0,
    })
    const peer = new Peer(client)
    peers.push(peer)
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.once('error', reject)
      client.once('close', () => reject(new Error('closed before it was let in')))
    })
    const filters = ['$iothub/credentials/res/#', '$iothub/twin/res/#', '$iothub/twin/PATCH/properties/desired/#']
    await new Promise<void>((resolve, reject) =>
      client.subscribe(filters, { qos: 1 }, (error) => (error ? reject(error) : resolve())),
    )
    return peer
  }

  get isConnected(): boolean {
    return this.#client.connected
  }

  /** The first that was heard, or will be, for which `isIt` holds; it is not given twice. */
  async hear(isIt: (heard: Heard) => boolean): Promise<Heard> {
    for (const until = Date.now() + ANSWER_MS_MAX; Date.now() < until; await wait(20)) {
      const at = this.#heard.findIndex(isIt)
      const [found] = at < 0 ? [] : this.#heard.splice(at, 1)
      if (found !== undefined) return found
    }
    throw new Error(`not heard in time; heard ${JSON.stringify(this.#heard)}`)
  }

  /** Whether telemetry is acknowledged within `milliseconds`. */
  telemetry(deviceId: string, milliseconds: number): Promise<boolean> {
    const acknowledged = new Promise<boolean>((resolve) =>
      this.#client.publish(`devices/${deviceId}/messages/events/`, 'x', { qos: 1 }, (error) => resolve(!error)),
    )
    return Promise.race([acknowledged, wait(milliseconds, false)])
  }

  /** @returns status and body. */
  async ask(topic: string, body: string): Promise<{ readonly status: number; readonly body: string }> {
    this.#requests += 1
    const id = String(this.#requests)
    this.#client.publish(`${topic}?$rid=${id}`, body, { qos: 0 })
    const answer = await this.hear((heard) => heard.topic.includes(`/res/`) && heard.topic.includes(`$rid=${id}`))
    return { status: Number(/\/res\/(\d+)\//.exec(answer.topic)?.[1]), body: answer.body }
  }

  async twin(): Promise<string> {
    const { status, body } = await this.ask('$iothub/twin/GET/', '')
    assert.equal(status, 200, body)
    return body
  }

  /** Asks for a certificate; resolves with the last answer, after the 202 where there was one. */
  async certificate(deviceId: string, csr: string): Promise<{ readonly status: number; readonly body: string }> {
    const first = await this.ask(
      '$iothub/credentials/POST/issueCertificate/',
      JSON.stringify({ id: deviceId, csr, replace: '*' }),
    )
    if (first.status !== 202) return first
    const id = String(this.#requests)
    const last = await this.hear(({ topic }) => topic.includes('/credentials/res/') && topic.includes(`$rid=${id}`))
    return { status: Number(/\/res\/(\d+)\//.exec(last.topic)?.[1]), body: last.body }
  }

  end(): void {
    this.#client.end(true)
  }
}

/** A device with a certificate of the profile, by EST and its first key. */
async function enrolled(deviceId: string, profile: string): Promise<KeyPair> {
  const { api, client } = the()
  const sas = await api.createDevice(deviceId)
  await must('PATCH', `/devices/${deviceId}/certificate-profile`, { profile })
  const key = client.newKey()
  const expirySeconds = Math.floor(Date.now() / 1_000) + 600
  const token = formatSasToken({ resource: `localhost/devices/${deviceId}`, key: sas, expirySeconds })
  const request = client.newRequest(deviceId, key)
  return client.obtain({ operation: 'simpleenroll', request, basic: `${deviceId}:${token}` }, key)
}

/** @returns a key, and a request by it as the wire has it. */
function request(
  deviceId: string,
  kind: 'P-256' | 'rsa-1024' = 'P-256',
): { readonly key: string; readonly csr: string } {
  const { client } = the()
  const key = client.newKey(kind)
  return { key, csr: readFileSync(client.newRequest(deviceId, key), 'utf8').replace(/-----[A-Z ]+-----|\n/g, '') }
}

function pairOf(key: string, body: string): KeyPair {
  const { client } = the()
  const { certificates } = JSON.parse(body) as { readonly certificates: readonly string[] }
  const pem = certificates.map((der) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`).join('')
  return { key, certificate: client.write('renewed.pem', pem) }
}

suite('renewal', { skip }, () => {
  test('profiles for short lives are made', async () => {
    const common = { mayReplaceKeys: true }
    await must('PATCH', '/certificate-profiles/brief', { ...common, lifetimeSeconds: 120, graceSeconds: 3_600 })
    await must('PATCH', '/certificate-profiles/instant', { ...common, lifetimeSeconds: 2, graceSeconds: 3_600 })
    await must('PATCH', '/certificate-profiles/strict', { ...common, lifetimeSeconds: 2, graceSeconds: 0 })
  })

  test('past two thirds of its life a certificate is offered renewal in the twin; both work until the new one is seen', async () => {
    const old = await enrolled('pump', 'brief')
    const peer = await Peer.open('pump', old)
    const { body } = await peer.hear(({ topic, body }) => topic.includes('/desired/') && body.includes('renew'))
    const { renew } = (JSON.parse(body) as { readonly holdfast: { readonly renew: Record<string, string> } }).holdfast
    assert.equal(renew.certificate, readCertificate(old.certificate).fingerprint256.replaceAll(':', ''))
    assert.equal(renew.notAfter, new Date(readCertificate(old.certificate).validTo).toISOString())
    assert.match(renew.est ?? '', /^https:\/\/localhost:\d+\/\.well-known\/est$/)

    const { key, csr } = request('pump')
    const issued = await peer.certificate('pump', csr)
    assert.equal(issued.status, 200, issued.body)
    assert.equal(await peer.telemetry('pump', 5_000), true, 'the data path goes on')
    const renewed = pairOf(key, issued.body)
    const chain = JSON.parse(issued.body) as { readonly certificates: readonly string[] }
    assert.equal(chain.certificates.length, 3, 'leaf, issuing authority, root')
    assert.match(
      openssl(['verify', '-CAfile', the().ready.caFile, '-untrusted', renewed.certificate, renewed.certificate]),
      /: OK/,
    )
    peer.end()

    const again = await Peer.open('pump', old)
    assert.equal(await again.telemetry('pump', 5_000), true, 'the old one still works: the new one was not seen')
    again.end()
    const next = await Peer.open('pump', renewed)
    assert.equal(await next.telemetry('pump', 5_000), true)
    for (let tries = 0; (await next.twin()).includes('"renew":{"certificate":"' + renew.certificate); tries += 1) {
      assert.ok(tries < 100, 'the offer is taken back')
      await wait(50)
    }
    await assert.rejects(Peer.open('pump', old), 'the old one has retired')
  })

  test('a renewal that is refused says why, and the data path goes on', async () => {
    const pair = await enrolled('stubborn', 'brief')
    const peer = await Peer.open('stubborn', pair)
    const weak = await peer.certificate('stubborn', request('stubborn', 'rsa-1024').csr)
    assert.equal(weak.status, 400)
    assert.match(weak.body, /weak-key/)
    const foreign = await peer.certificate('stubborn', request('another').csr)
    assert.equal(foreign.status, 400)
    assert.match(foreign.body, /wrong-name|wrong-subject/)
    const none = await peer.certificate('stubborn', 'AAAA')
    assert.equal(none.status, 400)
    assert.equal(await peer.telemetry('stubborn', 5_000), true)
    assert.ok(peer.isConnected)
  })

  test('who comes back past its expiry may renew and nothing else', async () => {
    const pair = await enrolled('sleeper', 'instant')
    await wait(3_000)
    const peer = await Peer.open('sleeper', pair)
    assert.equal(await peer.telemetry('sleeper', 1_500), false, 'telemetry is not taken')
    assert.equal((await peer.ask('$iothub/twin/GET/', '')).status, 403)
    assert.ok(peer.isConnected, 'and nobody is disconnected for trying')
    await must('PATCH', '/devices/sleeper/certificate-profile', { profile: 'brief' })
    const { key, csr } = request('sleeper')
    const issued = await peer.certificate('sleeper', csr)
    assert.equal(issued.status, 200, issued.body)
    peer.end()
    const back = await Peer.open('sleeper', pairOf(key, issued.body))
    assert.equal(await back.telemetry('sleeper', 5_000), true)
  })

  test('past its grace a certificate opens nothing', async () => {
    const pair = await enrolled('late', 'strict')
    await wait(3_000)
    await assert.rejects(Peer.open('late', pair))
  })

  test('the calendar has every certificate of every kind, soonest first', async () => {
    const answer = await the().api.call('GET', '/api/v1/credentials/calendar?limit=1000')
    const { items } = answer.body as { readonly items: readonly { at: string; kind: string; state: string }[] }
    assert.deepEqual(
      items.map(({ at }) => at),
      items.map(({ at }) => at).toSorted(),
    )
    const kinds = new Set(items.map(({ kind }) => kind))
    assert.ok(kinds.has('hub') && kinds.has('device-certificate'))
    assert.ok(items.some(({ kind, state }) => kind === 'device-certificate' && state === 'lapsed'))
    assert.ok(items.some(({ kind, state }) => kind === 'device-certificate' && state === 'due'))
  })
})

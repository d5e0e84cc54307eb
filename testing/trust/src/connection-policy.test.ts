/** Connection policies on every transport: mqtt.js, mosquitto and curl, which choose their address and their TLS. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, suite, test } from 'node:test'
import { type Answer, HubApi, HubProcess, type Ready } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { connect } from 'mqtt'
import { eventsOf } from './events.ts'
import { mosquitto, SasDevice, type SasDeviceOptions, sasPassword } from './sas-device.ts'

const skip = requireTool('mosquitto_pub') || requireTool('curl')
const HOME = '127.0.2.2'
const AWAY = '127.0.3.3'

suite('connection policies', { skip }, () => {
  let data: string
  let hub: HubProcess
  let ready: Ready
  let api: HubApi
  let tests = 0
  let id = ''
  let key = ''
  /** Of each test another, for the hub sums up what one address does too often. */
  let address = ''

  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'holdfast-policies-'))
    hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    ready = await hub.ready
    api = new HubApi(data)
  })
  after(async () => {
    await hub.end('SIGTERM')
    rmSync(data, { recursive: true, force: true })
  })
  beforeEach(async () => {
    tests += 1
    id = `device-${tests}`
    address = `127.0.${10 + tests}.1`
    key = await api.createDevice(id)
  })

  const call = (method: string, path: string, body?: object): Promise<Answer> =>
    api.call(method, `/api/v1${path}`, body)
  const set = async (policy: object, path = `/devices/${id}/connection-policy`): Promise<void> => {
    const answer = await call('POST', path, policy)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
  }
  const device = (more: Partial<SasDeviceOptions> = {}): SasDevice =>
    new SasDevice({ server: ready, id, key, address, ...more })
  /** Return code of the CONNACK; 0 for who is in. */
  const mqtt = async (more: Partial<SasDeviceOptions> = {}): Promise<number | undefined> => {
    const it = device(more)
    try {
      await it.open()
      await it.close()
      return 0
    } catch {
      return it.refusal
    }
  }
  /** Exit code of mosquitto, which is the return code of the CONNACK. */
  const publish = async (more: Partial<SasDeviceOptions> = {}): Promise<number | null> => {
    const options = { server: ready, id, key, address, ...more }
    return (await mosquitto('mosquitto_pub', options, ['-t', `devices/${id}/messages/events/`, '-q', '1', '-m', 'x']))
      .code
  }
  /** Status of a message sent over HTTPS. */
  const https = (...parameters: readonly string[]): string => {
    const url = `https://localhost:${ready.httpsPort}/devices/${id}/messages/events?api-version=2021-04-12`
    const from = parameters.includes('--interface') ? [] : ['--interface', address]
    const run = spawnSync(
      'curl',
      [
        '--silent',
        '--output',
        '/dev/null',
        '--write-out',
        '%{http_code}',
        '--cacert',
        ready.caFile,
        '-4',
        '--header',
        `authorization: ${sasPassword(id, key)}`,
        '--data',
        'x',
        ...parameters,
        ...from,
        url,
      ],
      { encoding: 'utf8' },
    )
    return run.stdout
  }
  const webSocket = (): Promise<boolean> =>
    new Promise((resolve) => {
      const client = connect({
        protocol: 'wss',
        host: 'localhost',
        port: ready.httpsPort,
        path: '/$iothub/websocket',
        ca: [readFileSync(ready.caFile)],
        clientId: id,
        username: `localhost/${id}/?api-version=2021-04-12`,
        password: sasPassword(id, key),
        reconnectPeriod: 0,
      })
      const done = (isIn: boolean): void => {
        client.end(true)
        resolve(isIn)
      }
      client.on('error', () => undefined)
      client.once('connect', () => done(true))
      client.once('close', () => done(false))
    })
  const refusals = (): readonly unknown[] =>
    eventsOf(data)
      .filter(({ type, subject }) => type === 'session.refused' && subject === `device/${id}`)
      .map(({ detail }) => detail.code)

  test('a device comes from the networks of its policy and from no other, by MQTT and HTTPS', async () => {
    await set({ networks: ['127.0.2.0/24', '2001:db8::/32'] })
    assert.equal(await mqtt({ address: HOME }), 0)
    assert.equal(await mqtt({ address: AWAY }), 5)
    assert.equal(await publish({ address: HOME }), 0)
    assert.equal(await publish({ address: AWAY }), 5)
    assert.equal(https('--interface', HOME), '204')
    assert.equal(https('--interface', AWAY), '401')
    assert.ok(refusals().every((code) => code === 'network-not-allowed'))
    assert.ok(refusals().length >= 2)
  })

  test('each transport is let in or not by its name', async () => {
    for (const [transports, expected] of [
      [['mqtt'], [0, false, '401']],
      [['mqtt-ws'], [5, true, '401']],
      [['https'], [5, false, '204']],
      [
        ['mqtt', 'mqtt-ws', 'https'],
        [0, true, '204'],
      ],
    ] as const) {
      await set({ transports })
      assert.deepEqual([await mqtt(), await webSocket(), https()], expected, transports.join(' '))
    }
  })

  test('TLS 1.2 is below a floor of 1.3', async () => {
    assert.equal(await publish({ tlsMax: 'TLSv1.2' }), 0)
    await set({ tlsFloor: '1.3' })
    assert.equal(await publish({ tlsMax: 'TLSv1.2' }), 5)
    assert.equal(await mqtt({ tlsMax: 'TLSv1.2' }), 5)
    assert.equal(https('--tls-max', '1.2'), '401')
    assert.equal(await publish(), 0)
    assert.equal(https(), '204')
    assert.ok(refusals().every((code) => code === 'tls-below-floor'))
  })

  test('a change is held against live connections at once', async () => {
    const home = await device({ address: HOME }).open()
    await set({ networks: ['127.0.2.0/24'] })
    assert.equal(await home.send('stays'), true)
    await set({ networks: ['127.0.3.0/24'] })
    await home.closed()
    const closed = eventsOf(data).filter(
      ({ type, subject }) => type === 'session.not-admitted' && subject === `device/${id}`,
    )
    assert.equal(closed.at(-1)?.detail.code, 'network-not-allowed')
    assert.equal((await call('DELETE', `/devices/${id}/connection-policy`)).status, 204)
    assert.equal(await mqtt({ address: HOME }), 0)
  })

  test('who is connected stays where the policy lets nobody take over; by default the newcomer does', async () => {
    const first = await device().open()
    const second = await device().open()
    await first.closed()
    await set({ duplicates: 'refuse-newcomer' })
    assert.equal(await mqtt(), 3)
    assert.equal(await second.send('still here'), true)
    assert.equal(https(), '204', 'a request takes over from nobody')
    assert.equal(refusals().at(-1), 'already-connected')
    await second.close()
    // Its place is free once the hub has heard that it has gone.
    let code = await mqtt()
    for (let tries = 0; code === 3 && tries < 20; tries += 1) code = await mqtt()
    assert.equal(code, 0)
  })

  test("a device's policy stands before the hub's, member by member, over a restart", async () => {
    await set({ tlsFloor: '1.3', transports: ['mqtt'] }, '/connection-policy')
    await set({ tlsFloor: '1.2' })
    await hub.end('SIGTERM')
    hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    ready = await hub.ready
    assert.equal(await publish({ tlsMax: 'TLSv1.2' }), 0)
    assert.equal(https(), '401')
    const shown = (await call('GET', `/devices/${id}/connection-policy`)).body as Record<
      string,
      Record<string, unknown>
    >
    assert.deepEqual(shown.policy, { tlsFloor: '1.2' })
    assert.deepEqual(shown.effective?.transports, ['mqtt'])
    assert.equal((await call('DELETE', '/connection-policy')).status, 204)
    assert.equal(https(), '204')
  })

  test('what is no policy is refused with every fault, and of nobody who is not there', async () => {
    const answer = await call('POST', `/devices/${id}/connection-policy`, { networks: ['10.0.0.1/8'], tls: '1.3' })
    assert.equal(answer.status, 400)
    const { faults } = answer.body as { faults: readonly { path: string }[] }
    assert.deepEqual(
      faults.map(({ path }) => path),
      ['/networks/0', '/tls'],
    )
    assert.equal((await call('POST', '/devices/nobody/connection-policy', {})).status, 404)
    assert.equal((await call('GET', '/devices/nobody/connection-policy')).status, 404)
    assert.equal((await call('DELETE', `/devices/${id}/connection-policy`)).status, 404)
  })
})

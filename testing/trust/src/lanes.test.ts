/** What a device has outside its lane, by quarantine, with a client that knows nothing of us. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, HubApi, HubProcess, type Ready } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { eventsOf } from './events.ts'
import { SasDevice, type SasDeviceOptions, sasPassword } from './sas-device.ts'

suite('lanes', { skip: requireTool('curl') }, () => {
  let data: string
  let hub: HubProcess
  let ready: Ready
  let api: HubApi

  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'holdfast-lanes-'))
    hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    ready = await hub.ready
    api = new HubApi(data)
  })
  after(async () => {
    await hub.end('SIGTERM')
    rmSync(data, { recursive: true, force: true })
  })

  const must = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer: Answer = await api.call(method, `/api/v1${path}`, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return (answer.body ?? {}) as Record<string, unknown>
  }
  const device = async (id: string, more: Partial<SasDeviceOptions> = {}): Promise<SasDevice> => {
    const known = await api.call('GET', `/api/v1/devices/${id}`)
    const key = known.status === 404 ? await api.createDevice(id) : await api.keyOf(id)
    return new SasDevice({ server: ready, id, key, ...more }).open()
  }
  const quarantine = (id: string): Promise<unknown> =>
    must('POST', '/quarantine', { deviceId: id, reason: 'for the test' })
  const stored = async (id: string): Promise<readonly string[]> => {
    const bodies: string[] = []
    for await (const { body } of api.messages({ device: id })) bodies.push(body)
    return bodies
  }
  const call = (id: string, name: string): Promise<Answer> =>
    api.call('POST', `/api/v1/devices/${id}/methods`, { name, responseTimeoutSeconds: 5 })
  /** A lane reaches the front a moment after the answer to the operator. */
  const settled = (): Promise<void> => wait(150)
  const eventually = async (claim: () => boolean, what: string): Promise<void> => {
    for (let turns = 0; turns < 100 && !claim(); turns += 1) await wait(50)
    assert.ok(claim(), what)
  }

  test('telemetry is not acknowledged and not stored, and the connection stays', async () => {
    const pump = await device('telemetry')
    assert.equal(await pump.send('before'), true)
    await quarantine('telemetry')
    await settled()
    assert.equal(await pump.send('meanwhile', 700), false)
    assert.equal(await pump.send('meanwhile too', 300), false)
    assert.equal(pump.isOpen, true)
    await must('DELETE', '/quarantine/telemetry')
    await settled()
    assert.equal(await pump.send('after'), true)
    assert.deepEqual(await stored('telemetry'), ['before', 'after'])
    const withheld = eventsOf(data).filter(
      ({ type, subject }) => type === 'session.telemetry-withheld' && subject === 'device/telemetry',
    )
    assert.equal(withheld.length, 1, 'one event says so, however much is sent')
    await pump.close()
  })

  test('a device that comes while it is in quarantine is let in and held, over a restart of the hub too', async () => {
    await (await device('comes')).close()
    await quarantine('comes')
    await hub.end('SIGTERM')
    hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    ready = await hub.ready
    const pump = await device('comes')
    assert.equal(await pump.send('x', 500), false)
    assert.equal(pump.isOpen, true)
    const shown = (await must('GET', '/devices/comes')).quarantined as Record<string, unknown>
    assert.equal(shown.reason, 'for the test')
    assert.equal(shown.actor, 'operator/local')
    await pump.close()
  })

  test('of its twin it has the member holdfast alone, both ways', async () => {
    const pump = await device('twin')
    assert.equal((await pump.report({ holdfast: { a: 1 }, speed: 7 })).status, 204)
    await quarantine('twin')
    await settled()
    const { status, body } = await pump.twin()
    assert.equal(status, 200)
    const { reported, desired } = JSON.parse(body) as Record<string, Record<string, unknown>>
    assert.deepEqual(
      Object.keys(reported ?? {}).filter((name) => !name.startsWith('$')),
      ['holdfast'],
    )
    assert.deepEqual(
      Object.keys(desired ?? {}).filter((name) => !name.startsWith('$')),
      [],
    )
    assert.equal((await pump.report({ speed: 8 })).status, 403)
    assert.equal((await pump.report({ holdfast: { b: 2 }, speed: 8 })).status, 403)
    assert.equal((await pump.report({ holdfast: { b: 2 } })).status, 204)
    await must('DELETE', '/quarantine/twin')
    await settled()
    const after = JSON.parse((await pump.twin()).body) as { reported: Record<string, unknown> }
    assert.equal(after.reported.speed, 7)
    assert.deepEqual(after.reported.holdfast, { a: 1, b: 2 })
    await pump.close()
  })

  test('it answers methods whose names begin with holdfast. and is not there for the others', async () => {
    const pump = await device('methods')
    assert.equal((await call('methods', 'reboot')).status, 200)
    await quarantine('methods')
    await settled()
    assert.equal((await call('methods', 'holdfast.diagnose')).status, 200)
    assert.notEqual((await call('methods', 'reboot')).status, 200)
    assert.notEqual((await call('methods', 'holdfastish')).status, 200)
    assert.deepEqual(pump.methods, ['reboot', 'holdfast.diagnose'])
    await must('DELETE', '/quarantine/methods')
    await settled()
    assert.equal((await call('methods', 'reboot')).status, 200)
    await pump.close()
  })

  test('messages to it wait in their queue and come, in order, when it is released, without a new connection', async () => {
    const pump = await device('commands')
    await quarantine('commands')
    await settled()
    for (const body of ['one', 'two']) await must('POST', '/devices/commands/messages', { body })
    await wait(500)
    assert.deepEqual(pump.commands, [])
    await must('DELETE', '/quarantine/commands')
    await eventually(() => pump.commands.length === 2, 'both messages come')
    assert.deepEqual(pump.commands, ['one', 'two'])
    await pump.close()
  })

  test('what an upload was granted before does not let a device in quarantine write files', async () => {
    const id = 'uploads'
    const key = await api.createDevice(id)
    const curl = (path: string, args: readonly string[]): { readonly status: string; readonly body: string } => {
      const url = path.startsWith('/') ? `https://localhost:${ready.httpsPort}${path}` : path
      const fixed = ['-sS', '--cacert', ready.caFile, '--resolve', `localhost:${ready.httpsPort}:127.0.0.1`]
      const { stdout } = spawnSync('curl', [...fixed, '-w', '\n%{http_code}', ...args, url], { encoding: 'utf8' })
      const at = stdout.lastIndexOf('\n')
      return { status: stdout.slice(at + 1), body: stdout.slice(0, at) }
    }
    const asked = ['-H', `Authorization: ${sasPassword(id, key)}`, '-H', 'Content-Type: application/json']
    const grant = curl(`/devices/${id}/files?api-version=2021-04-12`, [...asked, '-d', '{"blobName":"log.txt"}'])
    assert.equal(grant.status, '200', grant.body)
    const { containerName, blobName, sasToken } = JSON.parse(grant.body) as Record<string, string>
    const put = (): string =>
      curl(`/${containerName}/${blobName}${sasToken}&comp=block&blockid=QUFB`, ['-X', 'PUT', '-d', 'x']).status
    assert.equal(put(), '201')
    await quarantine(id)
    assert.equal(put(), '403')
    await must('DELETE', `/quarantine/${id}`)
    assert.equal(put(), '201')
  })

  test('a will of a device in quarantine is not published', async () => {
    const held = await device('will', { will: 'last words' })
    await quarantine('will')
    await settled()
    held.drop()
    await eventually(
      () => eventsOf(data).some(({ type, subject }) => type === 'session.closed' && subject === 'device/will'),
      'it is gone',
    )
    await must('DELETE', '/quarantine/will')
    const free = await device('will', { will: 'last words of the free' })
    free.drop()
    await wait(500)
    assert.deepEqual(await stored('will'), ['last words of the free'])
  })

  test('who is in quarantine twice, or does not exist, is told so; release of nobody is refused', async () => {
    await (await device('twice')).close()
    await quarantine('twice')
    const status = async (method: string, path: string, body?: object): Promise<number> =>
      (await api.call(method, `/api/v1${path}`, body)).status
    assert.equal(await status('POST', '/quarantine', { deviceId: 'twice', reason: 'x' }), 409)
    assert.equal(await status('POST', '/quarantine', { deviceId: 'nobody', reason: 'x' }), 404)
    assert.equal(await status('POST', '/quarantine', { deviceId: 'a/b', reason: 'x' }), 400)
    assert.equal(await status('POST', '/quarantine', { deviceId: 'twice' }), 400)
    assert.equal(await status('DELETE', '/quarantine/nobody'), 404)
    const { items } = (await must('GET', '/quarantine')) as { items: readonly Record<string, unknown>[] }
    assert.ok(items.some(({ deviceId }) => deviceId === 'twice'))
    await must('DELETE', '/devices/twice')
    await (await device('twice')).close()
    assert.equal((await must('GET', '/devices/twice')).quarantined, undefined, 'a new identity inherits nothing')
  })
})

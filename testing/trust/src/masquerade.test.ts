/** Copies of a device: two clients of one key, on two networks, with two TLS libraries; mosquitto and mqtt.js. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, HubApi, HubProcess, type Ready } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { eventsOf, type HubEvent } from './events.ts'
import { mosquitto, SasDevice, type SasDeviceOptions } from './sas-device.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** Two networks of this machine, which are two /24. */
const HOME = '127.0.2.2'
const AWAY = '127.0.3.3'
/** Another TLS library than Node's with what it has by default. */
const OTHER_LIBRARY = { sigalgs: 'ECDSA+SHA256:RSA-PSS+SHA256' }
const skip = requireTool('mosquitto_pub') || requireTool('curl')

suite('copies', { skip }, () => {
  let data: string
  let hub: HubProcess
  let ready: Ready
  let api: HubApi

  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'holdfast-copies-'))
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
  const optionsOf = async (id: string, more: Partial<SasDeviceOptions> = {}): Promise<SasDeviceOptions> => {
    const known = await api.call('GET', `/api/v1/devices/${id}`)
    const key = known.status === 404 ? await api.createDevice(id) : await api.keyOf(id)
    return { server: ready, id, key, ...more }
  }
  const device = async (id: string, more: Partial<SasDeviceOptions> = {}): Promise<SasDevice> =>
    new SasDevice(await optionsOf(id, more)).open()
  const events = (type: string, id: string): readonly HubEvent[] =>
    eventsOf(data).filter((event) => event.type === type && event.subject === `device/${id}`)
  const findings = (id: string): readonly unknown[] =>
    events('identity.suspected', id).map(({ detail }) => detail.finding)
  const shown = (id: string): Promise<Record<string, unknown>> => must('GET', `/devices/${id}/masquerade`)
  const quarantined = async (id: string): Promise<boolean> =>
    (await must('GET', `/devices/${id}`)).quarantined !== undefined
  const eventually = async (claim: () => boolean | Promise<boolean>, what: string): Promise<void> => {
    for (let turns = 0; turns < 100; turns += 1) {
      if (await claim()) return
      await wait(50)
    }
    assert.fail(what)
  }
  /** One connection of a device that keeps its rolling nonce. @returns what it has stored by then. */
  const roll = async (it: SasDevice, stored: string): Promise<string> => {
    const offer = await answer(it, stored)
    assert.equal((await it.report({ holdfast: { nonce: { shown: offer, next: offer } } })).status, 204)
    return offer
  }
  /** Answers what is offered, until it is taken: what it reads first may be of an earlier connection. */
  const answer = async (it: SasDevice, stored: string): Promise<string> => {
    let taken = ''
    await eventually(async () => {
      const offer = await it.offer(stored)
      const { status } = await it.report({ holdfast: { nonce: { shown: stored, next: offer } } })
      assert.ok(status === 204 || status === 412, String(status))
      if (status === 204) taken = offer
      return status === 204
    }, 'its answer is taken')
    return taken
  }

  test('a rolling nonce exposes a stolen copy when the second of the two speaks, and both are in quarantine', async () => {
    const id = 'nonce'
    const original = await device(id, { address: HOME })
    assert.equal((await original.report({ holdfast: { nonce: '' } })).status, 204)
    let stored = await roll(original, '')
    await original.close()
    // As an honest device goes on: it comes back, with another address, and rolls.
    for (const address of [HOME, AWAY, HOME]) {
      const again = await device(id, { address })
      stored = await roll(again, stored)
      await again.close()
    }
    assert.deepEqual(findings(id), [])
    // The copy has the same key, the same library and the same storage, and comes first.
    const copied = stored
    const copy = await device(id, { address: AWAY })
    await roll(copy, copied)
    assert.equal(await quarantined(id), false, 'one that is alone is the device, for all that can be known')
    assert.equal(await copy.send('by the copy'), true)
    await copy.close()
    const back = await device(id, { address: HOME })
    // It answers each nonce that it sees, which is first the one that the copy has answered.
    await eventually(async () => {
      const offer = await back.offer(stored)
      const { status } = await back.report({ holdfast: { nonce: { shown: stored, next: offer } } })
      assert.ok(status === 204 || status === 412, 'it is told that it has not answered, and stores nothing')
      return quarantined(id)
    }, 'the copy shows')
    assert.deepEqual(findings(id), ['nonce-outdated'])
    const [event] = events('identity.suspected', id)
    assert.equal(event?.detail.verdict, 'proven')
    assert.equal(event?.detail.response, 'quarantine')
    assert.match(String(event?.detail.because), /nonce-outdated \(100 points, now 100\).*127\.0\.2\.0\/24/)
    await wait(150)
    // Which of the two it is nobody knows: it stays connected, and gets nothing through.
    assert.equal(await back.send('by the original', 500), false)
    assert.equal(back.isOpen, true)
    const answer = await api.call('POST', `/api/v1/devices/${id}/methods`, { name: 'holdfast.diagnose' })
    assert.equal(answer.status, 200)
    // The operator replaces what was stolen, and lets the device out: its nonce begins anew.
    await must('DELETE', `/quarantine/${id}`)
    await eventually(() => back.send('after the release', 1_000), 'the connection goes on')
    assert.equal((await shown(id)).verdict, 'clear')
    await roll(back, stored)
    assert.equal(await quarantined(id), false)
    await back.close()
  })

  test('a copy that cannot show the nonce is exposed at its first answer, with mosquitto', async () => {
    const id = 'nonce-mosquitto'
    const original = await device(id)
    await original.report({ holdfast: { nonce: '' } })
    const stored = await roll(original, '')
    await original.close()
    // Two programs of the thief, who has the key and not the storage.
    const options = await optionsOf(id, { address: AWAY })
    const reader = await new SasDevice(options).open()
    const twin = (await reader.twin()).body
    assert.ok(!twin.includes(stored), 'what it would have to show stands nowhere in the twin')
    const offer = await reader.offer(stored)
    const report = JSON.stringify({ holdfast: { nonce: { shown: 'guessed', next: offer } } })
    const topic = '$iothub/twin/PATCH/properties/reported/?$rid=2'
    assert.equal((await mosquitto('mosquitto_pub', options, ['-t', topic, '-m', report])).code, 0)
    assert.equal(await quarantined(id), false, 'the offer was of another connection')
    const guesser = await new SasDevice(options).open()
    await eventually(async () => {
      await guesser.report({ holdfast: { nonce: { shown: 'guessed', next: await guesser.offer(stored) } } })
      return quarantined(id)
    }, 'the copy shows')
    assert.ok(findings(id).includes('nonce-outdated'))
    await guesser.close()
  })

  test('a copy that only listens learns nothing that it could show later', async () => {
    const id = 'nonce-listener'
    const options = await optionsOf(id)
    const original = await new SasDevice(options).open()
    await original.report({ holdfast: { nonce: '' } })
    let stored = await roll(original, '')
    await original.close()
    const thief = await new SasDevice({ ...options, address: AWAY }).open()
    const seen = await thief.offer(stored)
    await thief.close()
    const again = await new SasDevice(options).open()
    stored = await roll(again, stored)
    await again.close()
    assert.notEqual(stored, seen)
    assert.deepEqual(findings(id), [])
  })

  test('a device that loses power or its network at any step is not accused', async () => {
    const id = 'nonce-crash'
    let stored = ''
    const first = await device(id)
    await first.report({ holdfast: { nonce: '' } })
    await first.offer('')
    first.drop()
    for (const crash of [
      'unread',
      'before-report',
      'before-storing',
      'after-storing',
      'none',
      'before-storing',
      'none',
    ]) {
      const again = await device(id)
      if (crash === 'unread') {
        again.drop()
        continue
      }
      await again.offer(stored)
      if (crash !== 'before-report') {
        const offer = await answer(again, stored)
        if (crash !== 'before-storing') stored = offer
        if (crash === 'none') await again.report({ holdfast: { nonce: { shown: offer, next: offer } } })
      }
      again.drop()
    }
    assert.deepEqual(findings(id), [])
  })

  test('a nonce that is required holds who has not answered it in remediation, until it has', async () => {
    const id = 'nonce-required'
    const options = await optionsOf(id)
    await must('POST', `/devices/${id}/connection-policy`, { nonce: 'required' })
    const pump = await new SasDevice(options).open()
    assert.equal(await pump.send('before', 500), false)
    const stored = await roll(pump, '')
    await eventually(() => pump.send('after', 1_000), 'it is let out')
    await pump.close()
    const silent = await new SasDevice(options).open()
    assert.equal(await silent.send('without', 500), false)
    await roll(silent, stored)
    await eventually(() => silent.send('with', 1_000), 'it is let out')
    await silent.close()
  })

  test('two copies with two libraries in two networks that push each other out are proven, and held', async () => {
    const id = 'fight'
    let rounds = 0
    await optionsOf(id)
    while (!(await quarantined(id))) {
      await device(id, { address: HOME })
      await device(id, { address: AWAY, ...OTHER_LIBRARY })
      rounds += 1
      assert.ok(rounds < 8, `findings: ${JSON.stringify(await shown(id))}`)
    }
    assert.ok(rounds >= 2, 'not for one exchange')
    const found = new Set(findings(id))
    for (const kind of ['alternating-clients', 'alternating-networks']) assert.ok(found.has(kind), kind)
    const { verdict, provenScore } = await shown(id)
    assert.equal(verdict, 'proven')
    assert.ok(Number(provenScore) >= 100)
  })

  test('take-overs without end are slowed: the newcomer is told to come later, and who is connected stays', async () => {
    const id = 'storm'
    const options = await optionsOf(id)
    let refused: SasDevice | undefined
    let last: SasDevice | undefined
    for (let round = 0; refused === undefined; round += 1) {
      assert.ok(round < 20)
      const next = new SasDevice(options)
      try {
        last = await next.open()
      } catch {
        refused = next
      }
    }
    // 3, "server unavailable": 5 would tell clients that their key is wrong.
    assert.equal(refused.refusal, 3)
    assert.equal(last?.isOpen, true)
    assert.ok(findings(id).includes('takeover-storm'))
    assert.equal(events('session.refused', id).at(-1)?.detail.code, 'too-many-connections')
    assert.equal(await last?.send('still here'), true)
    await last?.close()
    await wait(1_200)
    const later = await new SasDevice(options).open()
    await later.close()
  })

  test('mosquitto_pub for each message, and a device that roams, are nobody else', async () => {
    const id = 'honest'
    const options = await optionsOf(id)
    for (let message = 0; message < 5; message += 1) {
      const topic = ['-t', `devices/${id}/messages/events/`, '-q', '1', '-m', String(message)]
      assert.equal((await mosquitto('mosquitto_pub', options, topic)).code, 0)
    }
    assert.deepEqual(findings(id), [])
    const roaming = await device(id, { address: HOME })
    const elsewhere = await device(id, { address: AWAY })
    await roaming.closed()
    await elsewhere.close()
    assert.equal((await shown(id)).verdict, 'clear')
  })

  test('who is refused instead of held, by policy, leaves the incumbent alone', async () => {
    const id = 'refused'
    await optionsOf(id)
    await must('POST', `/devices/${id}/connection-policy`, {
      whenProven: 'refuse-newcomer',
      whenSuspected: 'refuse-newcomer',
    })
    let incumbent = await device(id, { address: HOME })
    let refusal: SasDevice | undefined
    for (let round = 0; refusal === undefined && round < 10; round += 1) {
      const address = round % 2 === 0 ? AWAY : HOME
      const library = round % 2 === 0 ? OTHER_LIBRARY : {}
      const next = new SasDevice(await optionsOf(id, { address, ...library }))
      try {
        incumbent = await next.open()
      } catch {
        refusal = next
      }
    }
    assert.equal(refusal?.refusal, 3)
    assert.equal(events('session.refused', id).at(-1)?.detail.code, 'identity-suspected')
    assert.equal(await incumbent.send('incumbent'), true)
    assert.equal(await quarantined(id), false)
    await must('DELETE', `/devices/${id}/masquerade`)
    await (await device(id)).close()
  })

  test('a counter that runs backwards is found', async () => {
    const id = 'counter'
    for (const counter of [1, 2, 900, 3]) {
      const pump = await device(id)
      assert.equal((await pump.report({ holdfast: { counter } })).status, 204)
      await pump.close()
    }
    assert.deepEqual(findings(id), ['counter-backwards'])
    assert.match(String(events('identity.suspected', id)[0]?.detail.what), /900 and then 3/)
    assert.equal((await shown(id)).counter, 3)
  })

  test('what was found lasts over a kill of the hub, and so does the nonce', async () => {
    const id = 'lasting'
    const pump = await device(id)
    await pump.report({ holdfast: { nonce: '' } })
    const stored = await roll(pump, '')
    await hub.end('SIGKILL')
    hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    ready = await hub.ready
    assert.equal((await shown('fight')).verdict, 'proven')
    assert.equal(await quarantined('fight'), true)
    const again = await device(id)
    await roll(again, stored)
    assert.deepEqual(findings(id), [])
    await again.close()
  })

  test('the operator sees all of it from the command line', async () => {
    const cli = (...parameters: readonly string[]): string => {
      const run = spawnSync(process.execPath, [join(ROOT, 'apps/cli/src/main.ts'), ...parameters, '--data', data], {
        encoding: 'utf8',
        env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/holdfast/compiled') },
      })
      assert.equal(run.status, 0, `${parameters.join(' ')}: ${run.stderr}`)
      return run.stdout
    }
    await api.createDevice('by-hand')
    assert.match(cli('quarantine', 'add', 'by-hand', '--reason', 'seen twice'), /in quarantine since/)
    assert.match(cli('quarantine', 'list'), /by-hand +- +\S+ +operator\/local +seen twice/)
    assert.match(cli('device', 'show', 'by-hand'), /quarantine +since .*seen twice/)
    assert.match(cli('masquerade', 'show', 'fight'), /alternating-clients: \d+ of 30 points, worth/)
    const json = JSON.parse(cli('masquerade', 'show', 'fight', '--json')) as { verdict: string }
    assert.equal(json.verdict, 'proven')
    assert.match(cli('quarantine', 'release', 'by-hand'), /out of quarantine/)
    cli('masquerade', 'clear', 'fight')
    assert.match(cli('connection-policy', 'show'), /whenProven +quarantine/)
  })
})

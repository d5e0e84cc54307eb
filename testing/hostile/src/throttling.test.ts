/**
 * Fair shares, black box: on each interface somebody asks for as much as it can, and somebody else, who asks for little,
 * gets all of it. The limits are set low, so that they are what is met and not the machine.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DeviceServer, freePort, HubApi, HubProcess, LiveDevice, ServiceCaller } from '@holdfast/testing-hub'

const SECONDS = 5
const LANES = 16
/** Five times a second, a quarter of what everybody may do together. */
const MODEST_GAP_MS = 200
const LIMIT = { hub: { perSecond: 20, burst: 100 }, principal: { perSecond: 1_000, burst: 1_000 } }

interface Stage {
  readonly hub: HubProcess
  readonly api: HubApi
  readonly server: DeviceServer
  readonly httpsPort: number
}

async function stage(context: TestContext, throttling: object): Promise<Stage> {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-hostile-'))
  writeFileSync(join(data, 'config.json'), JSON.stringify({ throttling }))
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
  context.after(async () => {
    await hub.end('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  })
  const { hostname, mqttPort, httpsPort, caFile } = await hub.ready
  const server = { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') }
  return { hub, api: new HubApi(data), server, httpsPort }
}

async function caller({ api, server, httpsPort }: Stage, policy: string): Promise<ServiceCaller> {
  const { hostname, authority } = server
  const key = await api.policyKey(policy)
  return new ServiceCaller({ hostname, httpsPort, authority, policy, key, connectionsMax: LANES })
}

interface Outcomes {
  readonly served: number
  readonly throttled: number
  readonly others: readonly number[]
}

/** Statuses of what `lanes` do without a pause, or one after the other every `gapMs`. */
async function outcomes(
  ask: () => Promise<number>,
  { lanes, gapMs }: { readonly lanes: number; readonly gapMs: number },
): Promise<Outcomes> {
  let served = 0
  let throttled = 0
  const others: number[] = []
  const until = performance.now() + SECONDS * 1000
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      const status = await ask()
      if (status === 429) throttled += 1
      else if (status >= 200 && status < 300) served += 1
      else others.push(status)
      if (gapMs > 0) await sleep(gapMs)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return { served, throttled, others }
}

const GREEDY = { lanes: LANES, gapMs: 0 }
const MODEST = { lanes: 1, gapMs: MODEST_GAP_MS }

function fair(context: TestContext, name: string, greedy: Outcomes, modest: Outcomes): void {
  context.diagnostic(
    `${name}: greedy ${greedy.served} served, ${greedy.throttled} refused; modest ${modest.served}, ${modest.throttled}`,
  )
  assert.deepEqual([...greedy.others, ...modest.others], [], name)
  assert.ok(greedy.throttled > 0, `${name}: the greedy one is held up`)
  // What all may do in that time, less what the other got, with room for a machine that is busy.
  assert.ok(greedy.served >= 20 && greedy.served <= 20 * (SECONDS + 2) + 100, `${name}: ${greedy.served} served`)
  assert.equal(modest.throttled, 0, `${name}: the modest one is never refused`)
  assert.ok(modest.served >= SECONDS, `${name}: and is served`)
}

test('on every interface, who asks for little gets it beside who asks for all', async (context) => {
  const operations = ['twin.read', 'method', 'query', 'registry.read', 'device.twin-read', 'device.telemetry-https']
  const hub = await stage(context, Object.fromEntries(operations.map((operation) => [operation, LIMIT])))
  const { api, server, httpsPort } = hub
  const keys = { greedy: await api.createDevice('greedy'), modest: await api.createDevice('modest') }
  const services = { greedy: await caller(hub, 'iothubowner'), modest: await caller(hub, 'service') }
  // Who may send to devices may not look at all of them.
  const reader = await caller(hub, 'registryRead')
  const devices = (['greedy', 'modest'] as const).map(
    (id) =>
      new LiveDevice({ id, key: keys[id], server, onMethod: () => ({ status: 1, payload: Buffer.from('"done"') }) }),
  )
  context.after(() => {
    for (const device of devices) device.close()
    for (const service of [...Object.values(services), reader]) service.close()
  })
  for (const device of devices) await device.open()
  const [loud, quiet] = devices
  assert.ok(loud !== undefined && quiet !== undefined)

  for (const [name, method, path, body] of [
    ['twins', 'GET', '/twins/greedy', undefined],
    ['methods', 'POST', '/twins/greedy/methods', { methodName: 'x', payload: null }],
    ['queries', 'POST', '/devices/query', { query: 'SELECT deviceId FROM devices' }],
  ] as const) {
    await context.test(`${name} over REST`, async (one) => {
      const ask = (service: ServiceCaller) => async (): Promise<number> => {
        const { status, headers, text } = await service.call(method, path, body)
        if (status === 429) {
          assert.match(String(headers['retry-after']), /^[1-9]\d*$/)
          assert.equal(headers['iothub-errorcode'], 'ThrottlingException')
          assert.match(text, /^\{"Message":"ErrorCode:ThrottlingException;/)
        }
        return status
      }
      const [greedy, modest] = await Promise.all([
        outcomes(ask(services.greedy), GREEDY),
        outcomes(ask(name === 'queries' ? reader : services.modest), MODEST),
      ])
      fair(one, name, greedy, modest)
    })
  }

  await context.test('twins over MQTT: 429 with a body, and the connection stays', async (one) => {
    const ask = (device: LiveDevice) => async (): Promise<number> => {
      const { status, body } = await device.twin()
      if (status === 429) assert.equal(JSON.parse(body).errorCode, 429_001)
      // As fast as a front lets it: faster ends the connection.
      if (device === loud) await sleep(300)
      return status
    }
    const [greedy, modest] = await Promise.all([
      outcomes(ask(loud), { lanes: 6, gapMs: 0 }),
      outcomes(ask(quiet), MODEST),
    ])
    one.diagnostic(`greedy ${greedy.served} served, ${greedy.throttled} refused; modest ${modest.served}`)
    assert.equal(modest.throttled, 0)
    assert.ok(modest.served >= SECONDS)
    assert.ok(loud.isOpen, `it was ended: ${loud.ended}`)
  })

  await context.test('telemetry over HTTPS', async (one) => {
    const { hostname, authority } = server
    const senders = (['greedy', 'modest'] as const).map((id) => {
      const target = `${hostname}/devices/${id}`
      const options = { httpsPort, authority, policy: '', key: keys[id], connectionsMax: LANES }
      return { id, service: new ServiceCaller({ ...options, hostname, resource: target }) }
    })
    one.after(() => {
      for (const { service } of senders) service.close()
    })
    const ask = (index: number) => async (): Promise<number> => {
      const sender = senders[index]
      assert.ok(sender !== undefined)
      return (await sender.service.call('POST', `/devices/${sender.id}/messages/events`, '{}')).status
    }
    const [greedy, modest] = await Promise.all([outcomes(ask(0), GREEDY), outcomes(ask(1), MODEST)])
    fair(one, 'telemetry', greedy, modest)
  })

  const { throttled } = await api.status()
  assert.ok(throttled.total > 0 && (throttled.operations.query ?? 0) > 0, JSON.stringify(throttled))
  const told = hub.hub.lines.filter(({ event }) => event === 'request.throttled')
  assert.ok(told.some(({ actor }) => actor === 'policy/iothubowner'))
  assert.ok(!told.some(({ actor }) => actor === 'policy/service'))
  assert.ok(told.length < 30 * SECONDS, `${told.length} lines`)
})

test('who guesses keys of a policy is slowed; a service that has the key is not', async (context) => {
  const hub = await stage(context, {})
  const good = await caller(hub, 'service')
  const { hostname, authority } = hub.server
  const options = { hostname, httpsPort: hub.httpsPort, authority, connectionsMax: LANES }
  const guessers = ['service', 'no-such-policy'].map(
    (policy) => new ServiceCaller({ ...options, policy, key: Buffer.alloc(32, 7).toString('base64') }),
  )
  context.after(() => {
    for (const service of [good, ...guessers]) service.close()
  })
  await hub.api.createDevice('device')
  assert.equal((await good.call('GET', '/twins/device')).status, 200)
  const statuses = new Set<number>()
  await Promise.all(
    guessers.map(async (guesser) => {
      for (let tries = 0; tries < 40; tries += 1) statuses.add((await guesser.call('GET', '/twins/device')).status)
    }),
  )
  // From the same address: who came in before is let in again.
  assert.equal((await good.call('GET', '/twins/device')).status, 200)
  assert.deepEqual([...statuses], [401])
  const reasons = new Set(
    hub.hub.lines.filter(({ event }) => event === 'request.refused').map(({ detail }) => detail?.['reason']),
  )
  await sleep(1_500)
  assert.ok(reasons.has('wrong-signature') || reasons.has('throttled'), [...reasons].join(' '))
})

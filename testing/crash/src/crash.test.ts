import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Device, freePort, HubApi, HubProcess, type HubStart, NumberedMessages, Random } from '@holdfast/testing-hub'
import { Campaign, type Moment } from './campaign.ts'

const DEVICES = 8
/** Kills under load: 25, those of `start` included, each of which kills a start as well. Order by the seed. */
const ROUNDS: readonly Moment[] = [
  ...Array.from({ length: 6 }, (): Moment => 'load'),
  ...Array.from({ length: 8 }, (): Moment => 'regrouping'),
  ...Array.from({ length: 4 }, (): Moment => 'rotation'),
  ...Array.from({ length: 3 }, (): Moment => 'creation'),
  ...Array.from({ length: 4 }, (): Moment => 'start'),
  ...Array.from({ length: 2 }, (): Moment => 'stop'),
]

function seedOf(context: TestContext): number {
  const seed = Number(process.env['CRASH_SEED'] ?? randomInt(0x7fff_ffff))
  context.diagnostic(`seed ${seed}; again with CRASH_SEED=${seed}`)
  return seed
}

async function startIn(context: TestContext): Promise<HubStart> {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-crash-'))
  context.after(() => rmSync(data, { recursive: true, force: true }))
  return { data, mqttPort: await freePort(), httpsPort: await freePort() }
}

test('killed under load at any moment, the hub has everything acknowledged, in order, nothing else; SIGTERM ends in 5 s', async (context) => {
  const seed = seedOf(context)
  const random = new Random(seed)
  const rounds = ROUNDS.map((moment) => ({ moment, at: random.unit() })).toSorted((a, b) => a.at - b.at)
  const campaign = await Campaign.begin({ seed, devices: DEVICES, log: (line) => context.diagnostic(line) })
  try {
    for (const { moment } of rounds) {
      const report = await campaign.round(moment)
      assert.deepEqual(campaign.problems, [], `seed ${seed}, ${JSON.stringify(report)}`)
    }
    await campaign.finish()
    assert.deepEqual(campaign.problems, [], `seed ${seed}, at the end`)
    assert.ok(campaign.kills >= 25, `${campaign.kills} kills`)
    assert.ok(campaign.acknowledged > 1_000, 'there was load')
    const segments = await campaign.segmentsBegun()
    assert.ok(segments > ROUNDS.length, `${segments} segments: there was regrouping to be killed in`)
  } finally {
    await campaign.end()
  }
})

test('killed at any moment of its first start, the hub starts the next time, with one root of trust', async (context) => {
  const seed = seedOf(context)
  const random = new Random(seed)
  const start = await startIn(context)
  const root = join(start.data, 'ca', 'root.pem')
  let known: string | undefined
  for (let kill = 0; kill < 5; kill++) {
    const hub = HubProcess.launch(start)
    await Promise.race([sleep(random.between(100, 1_200)), hub.exit])
    assert.equal(hub.hasExited, false, `seed ${seed}: it ended by itself: ${hub.text}`)
    await hub.end('SIGKILL')
    known ??= contentOf(root)
    assert.equal(contentOf(root), known, `seed ${seed}: devices may trust this root already`)
  }
  const hub = HubProcess.launch(start)
  context.after(() => hub.end('SIGKILL'))
  await hub.ready
  if (known !== undefined) assert.equal(contentOf(root), known)
  assert.equal((await new HubApi(start.data).ready()).status, 200)
  assert.deepEqual(await hub.end('SIGTERM'), { code: 0, signal: null })
})

test('killed while an epoch of keys is dropped, the hub starts, and what was said to be dropped is gone', async (context) => {
  const seed = seedOf(context)
  const random = new Random(seed)
  const start = await startIn(context)
  const api = new HubApi(start.data)
  let hub = HubProcess.launch(start)
  context.after(() => hub.end('SIGKILL'))
  const { hostname, mqttPort, caFile } = await hub.ready
  const messages = new NumberedMessages(seed, 'pump')
  const device = new Device({
    id: 'pump',
    key: await api.createDevice('pump'),
    server: { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') },
    inflightMax: 20,
    gapMs: 2,
    message: (number) => messages.message(number),
  })
  context.after(() => device.stop())
  device.start()
  for (let kill = 0; kill < 3; kill++) {
    await sleep(400)
    const [old] = (await api.keys()).filter(({ purpose, state }) => purpose === 'telemetry' && state === 'current')
    assert.ok(old !== undefined)
    await api.rotateKeys()
    await sleep(100)
    const dropped = api.dropKey(old.epoch).then(
      () => true,
      () => false,
    )
    await sleep(random.between(0, 20))
    await hub.end('SIGKILL')
    const wasTold = await dropped
    hub = HubProcess.launch(start)
    await hub.ready
    const now = (await api.keys()).find(({ epoch, purpose }) => epoch === old.epoch && purpose === 'telemetry')
    if (wasTold) assert.equal(now?.state, 'dropped', `seed ${seed}`)
    else assert.ok(now?.state === 'retired' || now?.state === 'dropped', `seed ${seed}: ${now?.state}`)
    let last = -1
    for await (const message of api.messages({ device: 'pump' })) {
      assert.equal(messages.faultOf(message), undefined, `seed ${seed}`)
      assert.ok(message.sequenceNumber > last)
      last = message.sequenceNumber
    }
    assert.deepEqual((await api.status()).conditions, [])
  }
})

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Device, freePort, HubApi, HubProcess, NumberedMessages } from '@holdfast/testing-hub'

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-start-'))
  context.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function launch(context: TestContext, data: string, options: readonly string[] = []): Promise<HubProcess> {
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort(), options })
  context.after(() => hub.end('SIGKILL'))
  return hub
}

test('bad configuration: every fault with its path, exit 2, nothing started', async (context) => {
  const data = folder(context)
  const file = {
    mqttPort: 70_000,
    hostnames: ['a b', 'ok.example'],
    partitions: 0,
    retentionDays: -1,
    logLevel: 'loud',
    metricsOnHttps: 'yes',
    fronts: 1.5,
    unknown: 1,
  }
  writeFileSync(join(data, 'config.json'), JSON.stringify(file))
  const hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0, options: ['--no-such-option', '--amqp-port', 'x'] })
  assert.deepEqual(await hub.exit, { code: 2, signal: null })
  for (const path of [
    'hostnames.0',
    'partitions',
    'retentionDays',
    'logLevel',
    'metricsOnHttps',
    'fronts',
    'unknown',
  ]) {
    assert.match(hub.text, new RegExp(`config\\.json: .*\\b${path.replace('.', '\\.')}\\b`), path)
  }
  assert.match(hub.text, /--no-such-option/)
  assert.match(hub.text, /command line: amqpPort/)
  assert.deepEqual(readdirSync(data), ['config.json'], 'nothing was made')
})

test('a configuration that is no JSON: said so, exit 2', async (context) => {
  const data = folder(context)
  writeFileSync(join(data, 'config.json'), '{"mqttPort": 1883,')
  const hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  assert.deepEqual(await hub.exit, { code: 2, signal: null })
  assert.match(hub.text, /config\.json: .*JSON/)
})

test('a second hub on the same folder, and a port in use: refused in one line that says what to do, exit 1', async (context) => {
  const data = folder(context)
  const first = await launch(context, data)
  const { mqttPort } = await first.ready
  const second = await launch(context, data)
  assert.deepEqual(await second.exit, { code: 1, signal: null })
  assert.match(second.text, /another hub is running on the data folder .*--data/)
  assert.equal((await new HubApi(data).ready()).status, 200, 'the first goes on')

  const other = folder(context)
  const third = HubProcess.launch({ data: other, mqttPort, httpsPort: await freePort() })
  assert.deepEqual(await third.exit, { code: 1, signal: null })
  assert.match(third.text, new RegExp(`cannot listen on port ${mqttPort}: .*--mqtt-port`))

  const squatter = createServer()
  const httpsPort = await freePort()
  await new Promise<void>((resolve) => squatter.listen(httpsPort, '127.0.0.1', resolve))
  context.after(() => void squatter.close())
  const fourth = HubProcess.launch({ data: other, mqttPort: await freePort(), httpsPort })
  assert.deepEqual(await fourth.exit, { code: 1, signal: null })
  assert.match(fourth.text, new RegExp(`cannot listen on port ${httpsPort}: .*--https-port`))
  assert.deepEqual(await first.end('SIGTERM'), { code: 0, signal: null })
})

test('a damaged file: the start says which and what to do, refuses, and changes nothing', {
  concurrency: 2,
}, async (context) => {
  const whole = await filledFolder(context)
  const files: readonly (readonly [name: string, at: number])[] = [
    ['state.db', 20],
    ['state.db', 101],
    ['log.db', 16],
    ['log.db', 8_192 + 3],
    ['history.db', 16],
    ['history.db', 8_192 + 3],
    ['keys/ring.json', 40],
    ['keys/kek.json', 40],
    ['ca/server.json', 60],
    ['ca/issuing.json', 60],
    ['ca/authority.json', 200],
  ]
  const one = ([name, at]: (typeof files)[number]): Promise<void> =>
    context.test(`${name}, byte ${at}`, async () => {
      const data = folder(context)
      cpSync(whole, data, { recursive: true })
      const path = join(data, name)
      const bytes = readFileSync(path)
      for (let index = 0; index < 8; index++) bytes[at + index] = (bytes[at + index] ?? 0) ^ 0xa5
      writeFileSync(path, bytes)
      const hub = await launch(context, data)
      const end = await Promise.race([hub.exit, hub.ready.then(() => 'started')])
      assert.deepEqual(end, { code: 1, signal: null }, hub.text)
      const [line] = hub.lines.filter(({ text }) => text.startsWith('holdfast: '))
      assert.ok(line !== undefined, hub.text)
      assert.ok(line.text.includes(name.split('/').at(-1) ?? name), `it names the file: ${line.text}`)
      assert.match(line.text, /restore|backup|move|delete|replace/i, 'it names a remedy')
      assert.doesNotMatch(hub.text, /\n\s+at .*\.ts:\d+/, 'no stack')
      assert.ok(readFileSync(path).equals(bytes), 'the file is as it was')
    })
  await Promise.all(files.map(one))
})

test('the file of what devices are to trust is written anew where it was damaged', async (context) => {
  const data = await filledFolder(context)
  const path = join(data, 'ca/root.pem')
  const whole = readFileSync(path)
  writeFileSync(path, whole.subarray(0, 200))
  const hub = await launch(context, data)
  assert.equal((await hub.ready).caFile, path)
  assert.ok(readFileSync(path).equals(whole))
})

/** A folder of a hub that has run, with a device and its telemetry, stopped in order. */
async function filledFolder(context: TestContext): Promise<string> {
  const data = folder(context)
  writeFileSync(join(data, 'config.json'), JSON.stringify({ partitions: 1, regroupMinutes: 0.005 }))
  const hub = await launch(context, data)
  const { hostname, mqttPort, caFile } = await hub.ready
  const api = new HubApi(data)
  const messages = new NumberedMessages(3, 'pump')
  const device = new Device({
    id: 'pump',
    key: await api.createDevice('pump'),
    server: { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') },
    inflightMax: 10,
    gapMs: 2,
    message: (number) => messages.message(number),
  })
  device.start()
  // Long enough for some of it to be regrouped, and some not.
  await sleep(2_500)
  device.stop()
  assert.ok(device.acknowledged.size > 50)
  assert.deepEqual(await hub.end('SIGTERM'), { code: 0, signal: null })
  return data
}

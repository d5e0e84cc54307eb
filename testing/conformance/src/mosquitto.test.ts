/** Row 25 of azure-iot.md §12, with clients that know nothing of Azure: Debian's mosquitto_pub and mosquitto_sub. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { Workshop } from './certificates.ts'
import { HubProcess } from './hub-process.ts'
import { eventually } from './sdk-client.ts'

const skip = requireTool('mosquitto_pub') || requireTool('mosquitto_sub')
const hub = await HubProcess.start('free')
after(() => hub.stop())

const RUN_MS_MAX = 30_000

interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Runs one of them as a device. Its exit code is that of CONNACK where the hub refused. */
function run(tool: string, deviceId: string, parameters: readonly string[], input?: string): Promise<Outcome> {
  const where = ['-h', 'localhost', '-p', String(hub.ready.mqttPort), '--cafile', hub.ready.caFile, '-V', 'mqttv311']
  const who = ['-i', deviceId, '-u', `localhost/${deviceId}/?api-version=2021-04-12`]
  return new Promise((resolve, reject) => {
    const child = spawn(tool, [...where, ...who, ...parameters], { timeout: RUN_MS_MAX })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
    child.stdin.end(input)
  })
}

/** The token as the CLI hands it out for clients of this kind. */
async function tokenOf(deviceId: string): Promise<string> {
  await hub.device({ deviceId })
  const { code, stdout } = await hub.command('device', 'token', deviceId, '--minutes', '10')
  assert.equal(code, 0)
  return stdout.trim()
}

test('row 25 mosquitto_pub: publishes with QoS 0 and 1, properties, RETAIN, an empty body and lines', {
  skip,
}, async () => {
  const deviceId = 'mosquitto'
  const password = ['-P', await tokenOf(deviceId)]
  const topic = `devices/${deviceId}/messages/events/`
  for (const parameters of [
    ['-t', topic, '-q', '0', '-m', 'zero'],
    ['-t', `${topic}place=Z%C3%BCrich&$.ct=text%2Fplain`, '-q', '1', '-m', 'one'],
    ['-t', topic, '-q', '1', '-r', '-m', 'retained'],
    ['-t', topic, '-q', '1', '-n'],
  ]) {
    const { code, output } = await run('mosquitto_pub', deviceId, [...password, ...parameters])
    assert.equal(code, 0, output)
  }
  const lines = await run('mosquitto_pub', deviceId, [...password, '-t', topic, '-q', '1', '-l'], 'a\nb\nc\n')
  assert.equal(lines.code, 0, lines.output)
  await eventually(async () => (await hub.messages(deviceId)).length >= 7, 'not all is kept')
  const messages = await hub.messages(deviceId)
  assert.deepEqual(
    messages.map(({ body, properties, systemProperties }) => [body, properties, systemProperties.contentType]),
    [
      ['zero', {}, undefined],
      ['one', { place: 'Zürich' }, 'text/plain'],
      ['retained', { 'mqtt-retain': 'true' }, undefined],
      ['', {}, undefined],
      ...['a', 'b', 'c'].map((body) => [body, {}, undefined]),
    ],
  )
})

test('row 25 mosquitto_pub: by X.509, with no password', { skip: skip || requireTool('openssl') }, async () => {
  const deviceId = 'mosquitto-x509'
  const shop = new Workshop()
  const certified = shop.make({ commonName: deviceId })
  await hub.device({ deviceId, auth: 'x509-thumbprint', thumbprints: [certified.sha256] })
  const credentials = ['--cert', certified.file, '--key', shop.write('key.pem', certified.key)]
  const message = ['-t', `devices/${deviceId}/messages/events/`, '-q', '1', '-m', 'signed']
  const { code, output } = await run('mosquitto_pub', deviceId, [...credentials, ...message])
  assert.equal(code, 0, output)
  const [kept] = await hub.messages(deviceId)
  assert.equal(kept?.body, 'signed')
  assert.notEqual((await run('mosquitto_pub', deviceId, message)).code, 0, 'nothing is shown')
})

test('row 25 mosquitto_pub: is told why it is refused, and is closed for QoS 2 and foreign topics', {
  skip,
}, async () => {
  const deviceId = 'mosquitto-refused'
  const password = ['-P', await tokenOf(deviceId)]
  const own = ['-t', `devices/${deviceId}/messages/events/`]
  const wrong = await run('mosquitto_pub', deviceId, ['-P', 'secret', ...own, '-m', 'x'])
  assert.match(wrong.output, /not authori[sz]ed/i)
  assert.notEqual(wrong.code, 0)
  const notOurs = await run('mosquitto_pub', deviceId, ['-P', 'x', '-u', 'me', ...own, '-m', 'x'])
  assert.match(notOurs.output, /bad user name or password/i)
  for (const parameters of [
    [...own, '-q', '2', '-m', 'x'],
    ['-t', 'home/kitchen', '-q', '1', '-m', 'x'],
  ]) {
    const { code } = await run('mosquitto_pub', deviceId, [...password, ...parameters])
    assert.notEqual(code, 0)
  }
  assert.deepEqual(await hub.messages(deviceId), [])
})

test('row 25 mosquitto_sub: a subscription of its own is granted, another closes; its will is kept', {
  skip,
}, async () => {
  const deviceId = 'mosquitto-sub'
  const password = ['-P', await tokenOf(deviceId)]
  const own = ['-t', `devices/${deviceId}/messages/devicebound/#`, '-q', '1']
  const granted = await run('mosquitto_sub', deviceId, [...password, ...own, '-d', '-E', '-c'])
  assert.equal(granted.code, 0, granted.output)
  assert.match(granted.output, /Subscribed \(mid: \d+\): 1/)
  const foreign = await run('mosquitto_sub', deviceId, [...password, '-t', '#', '-W', '5', '-d'])
  assert.doesNotMatch(foreign.output, /Subscribed/)
  const will = ['--will-topic', `devices/${deviceId}/messages/events/`, '--will-payload', 'gone', '--will-qos', '1']
  // It is cut off by its own misuse, so the will stands for it.
  await run('mosquitto_sub', deviceId, [...password, '-t', '#', '-W', '5', ...will])
  await eventually(async () => (await hub.messages(deviceId)).length > 0, 'the will is not kept')
  const [message] = await hub.messages(deviceId)
  assert.deepEqual([message?.body, message?.properties], ['gone', { 'iothub-MessageType': 'Will' }])
})

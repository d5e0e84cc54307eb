/** First bytes of clients that cannot run here, as azure-iot.md §5 and their sources have them: SASL, then AMQP. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { serveEcho, type Stage } from './testing/echo-application.ts'
import { beginFrame, openFrame } from './testing/frames.ts'

let stage: Stage
before(async () => {
  stage = await serveEcho()
})
after(() => stage.close())

const SASL = '414d515003010000'
const AMQP = '414d515000010000'

/** sasl-init: descriptor 0x41, a list of mechanism, initial response and host name, as uAMQP and AMQP.Net write it. */
function init(mechanism: string, response: string | null, hostName?: string): Buffer {
  const symbol = Buffer.concat([Buffer.from([0xa3, mechanism.length]), Buffer.from(mechanism)])
  const binary =
    response === null ? Buffer.of(0x40) : Buffer.concat([Buffer.from([0xa0, response.length]), Buffer.from(response)])
  const host = hostName === undefined ? [] : [Buffer.from([0xa1, hostName.length]), Buffer.from(hostName)]
  const fields = Buffer.concat([symbol, binary, ...host])
  const list = Buffer.concat([Buffer.from([0xc0, fields.length + 1, 2 + host.length / 2]), fields])
  const body = Buffer.concat([Buffer.from([0, 0x53, 0x41]), list])
  const head = Buffer.from([0, 0, 0, 0, 2, 1, 0, 0])
  head.writeUInt32BE(body.length + 8)
  return Buffer.concat([head, body])
}

async function answerTo(...parts: readonly Buffer[]): Promise<Buffer> {
  const socket = connect(stage.port, '127.0.0.1')
  socket.setNoDelay(true)
  const received: Buffer[] = []
  socket.on('data', (bytes: Buffer) => received.push(bytes))
  socket.on('error', () => {})
  for (const part of parts) {
    socket.write(part)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  await new Promise((resolve) => setTimeout(resolve, 300))
  socket.destroy()
  return Buffer.concat(received)
}

/** sasl-outcome with code 0. */
const OUTCOME_OK = Buffer.from('0053 44d0 0000 0006 0000 0001 5000'.replaceAll(' ', ''), 'hex')

for (const [client, frame] of [
  ['C, MSSBCBS with a host name', init('MSSBCBS', null, 'hub.example')],
  ['.NET, EXTERNAL without a response', init('EXTERNAL', '', 'hub.example')],
  ['.NET, ANONYMOUS', init('ANONYMOUS', 'hub.example')],
  ['event hubs, ANONYMOUS with the policy', init('ANONYMOUS', '\0service')],
  ['the sample of a redirect, PLAIN', init('PLAIN', '\0me\0secret', 'hub.example')],
] as const) {
  test(`${client}: one step at a time, and all at once`, async () => {
    const rest = Buffer.concat([Buffer.from(AMQP, 'hex'), openFrame(), beginFrame(0)])
    const stepwise = await answerTo(Buffer.from(SASL, 'hex'), frame, rest)
    const joined = await answerTo(Buffer.concat([Buffer.from(SASL, 'hex'), frame, rest]))
    for (const answer of [stepwise, joined]) {
      assert.equal(answer.subarray(0, 8).toString('hex'), SASL)
      for (const mechanism of ['MSSBCBS', 'PLAIN', 'ANONYMOUS', 'EXTERNAL']) assert.ok(answer.includes(mechanism))
      assert.ok(answer.includes(OUTCOME_OK), answer.toString('hex'))
      const at = answer.indexOf(Buffer.from(AMQP, 'hex'))
      assert.ok(at > 0)
      // Our open, with our container's name.
      assert.ok(
        answer.subarray(at).includes('test'),
        `${answer.subarray(at).toString('latin1')} ${stage.log.join('; ')} ${String(stage.faults)}`,
      )
    }
  })
}

test('a mechanism that is not offered, and one that is a method of objects, are refused', async () => {
  for (const mechanism of ['GSSAPI', '__proto__', 'enable_anonymous', 'toString']) {
    const answer = await answerTo(Buffer.from(SASL, 'hex'), init(mechanism, ''))
    assert.ok(answer.toString('hex').endsWith('5001'), mechanism)
  }
  assert.deepEqual(stage.faults, [])
  assert.deepEqual(
    stage.log.filter((line) => line.includes('internal')),
    [],
  )
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { formatResponseTopic, parseRequestTopic } from '@holdfast/dps'
import { monotonicNow } from './mqtt-socket.ts'
import { provision, readAnswer } from './provisioning.ts'
import { openDoor } from './testing/door.ts'

const key = randomBytes(32).toString('base64')

test('a device registers, polls while assigning, and learns its id', async (t) => {
  const operations: string[] = []
  const door = await openDoor({
    onConnect: ({ username, clientId }) =>
      username?.startsWith(`0ne0/registrations/${clientId}/api-version=`) === true ? 0 : 5,
    onPublish: ({ topic }, { connection }) => {
      const request = parseRequestTopic(topic)
      assert.ok(request)
      operations.push(request.kind)
      const isDone = request.kind === 'poll'
      const body = isDone
        ? {
            operationId: '4.a',
            status: 'assigned',
            registrationState: { deviceId: 'sensor-1', assignedHub: 'hub.test' },
          }
        : { operationId: '4.a', status: 'assigning' }
      setImmediate(() => {
        connection.publish({
          topic: formatResponseTopic({
            status: isDone ? 200 : 202,
            requestId: request.requestId,
            retryAfterSeconds: 0,
          }),
          payload: Buffer.from(JSON.stringify(body)),
          qos: 1,
        })
        connection.tick(monotonicNow())
      })
      return true
    },
  })
  t.after(() => door.close())
  const assignment = await provision(door.server, { idScope: '0ne0', registrationId: 'sensor-1', key })
  assert.deepEqual(assignment, { deviceId: 'sensor-1', assignedHub: 'hub.test' })
  assert.deepEqual(operations, ['register', 'poll'])
})

test('a refusal at the door ends the attempt with its code', async (t) => {
  const door = await openDoor({ onConnect: () => 5, onPublish: () => false })
  t.after(() => door.close())
  await assert.rejects(
    provision(door.server, { idScope: '0ne0', registrationId: 's', key }),
    /s was not provisioned: CONNACK 5/,
  )
})

test('an answer that is none of provisioning is a failure with a reason', () => {
  const topic = (status: number): string => `$dps/registrations/res/${status}/?$rid=1`
  const cases: readonly (readonly [string, string])[] = [
    [topic(202), 'no JSON'],
    [topic(202), 'null'],
    [topic(202), '[]'],
    [topic(202), '{"status":"assigning"}'],
    [topic(200), '{"status":"assigned","registrationState":{"deviceId":7}}'],
    [topic(401), '{"errorCode":401002,"message":"Unauthorized"}'],
    [topic(200), '{"status":"failed","registrationState":{"errorMessage":"disabled"}}'],
    ['$dps/other', '{"status":"assigned"}'],
  ]
  for (const [on, body] of cases) assert.equal(readAnswer(on, Buffer.from(body)).kind, 'failed', body)
  const long = readAnswer(`${topic(202)}&retry-after=86400`, Buffer.from('{"operationId":"4.a","status":"assigning"}'))
  assert.deepEqual(long, { kind: 'assigning', operationId: '4.a', retrySeconds: 2 })
})

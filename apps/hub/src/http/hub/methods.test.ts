import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentityKey } from '@holdfast/identity'
import type { MethodCall, MethodOutcome } from '@holdfast/methods'
import { DEFAULT_LIMITS, Throttle } from '@holdfast/throttling'
import { codeOf, hubStage } from '../../testing/hub-stage.ts'

const PATH = '/twins/pump/methods'

async function world(outcome: MethodOutcome = { kind: 'answered', status: 200, payload: 'null' }) {
  const calls: { readonly key: IdentityKey; readonly call: MethodCall; readonly actor: string }[] = []
  const stage = await hubStage({
    methods: {
      invoke: async (key, call, actor) => {
        calls.push({ key, call, actor })
        return outcome
      },
    },
  })
  await stage.services.registry.create({ deviceId: 'pump' }, 'test')
  return { ...stage, calls }
}

function payloadOf(calls: readonly { readonly call: MethodCall }[]): string {
  return Buffer.from(calls.at(-1)?.call.payload ?? []).toString()
}

test('a payload goes to the device as the text it is, and what the device said comes back so', async () => {
  const digits = '{"large": 12345678901234567890.10, "large": 2e400}'
  const { service, calls } = await world({ kind: 'answered', status: -7, payload: digits })
  const body = `{"payload": ${digits} , "methodName": "x", "responseTimeoutInSeconds": 10, "unknown": true}`
  const { status, body: answer } = await service('service', 'POST', PATH, body)
  assert.equal(status, 200)
  assert.deepEqual(answer, { status: -7, payload: { large: Number.POSITIVE_INFINITY } })
  assert.equal(payloadOf(calls), digits)
  const [first] = calls
  assert.deepEqual(
    [first?.key, first?.actor, first?.call.name, first?.call.responseTimeoutSeconds, first?.call.connectTimeoutSeconds],
    [{ deviceId: 'pump' }, 'policy/service', 'x', 10, 0],
  )
})

test('without a payload, and without times, it is null and half a minute', async () => {
  const { service, calls } = await world()
  await service('service', 'POST', PATH, { methodName: 'x', connectTimeoutInSeconds: null })
  assert.equal(payloadOf(calls), 'null')
  const [first] = calls
  assert.deepEqual([first?.call.responseTimeoutSeconds, first?.call.connectTimeoutSeconds], [30, 0])
})

test('bodies of the wrong form never reach a device', async () => {
  const { service, calls } = await world()
  for (const [body, status, code] of [
    ['', 400, 'ArgumentNull'],
    ['{', 400, 'IotHubFormatError'],
    ['[]', 400, 'ArgumentInvalid'],
    [{ payload: 1 }, 400, 'ArgumentInvalid'],
    [{ methodName: '' }, 400, 'ArgumentInvalid'],
    [{ methodName: 'a\u0000' }, 400, 'ArgumentInvalid'],
    [{ methodName: 'x', responseTimeoutInSeconds: 4 }, 400, 'ArgumentInvalid'],
    [{ methodName: 'x', payload: 'x'.repeat(131_071) }, 413, 'MessageTooLarge'],
    [{ methodName: 'x', payload: 'x'.repeat(300_000) }, 413, 'MessageTooLarge'],
  ] as const) {
    const answer = await service('service', 'POST', PATH, body)
    assert.deepEqual([answer.status, codeOf(answer)], [status, code], JSON.stringify(body).slice(0, 60))
  }
  assert.equal(calls.length, 0)
})

test('each way to fail has its status, its code and its form', async () => {
  for (const [outcome, status, code, info] of [
    [{ kind: 'not-online' }, 404, 404_103, { timeout: '00:01:05' }],
    [{ kind: 'closed' }, 404, 404_104, {}],
    [{ kind: 'no-answer' }, 504, 504_101, { timeout: '00:05:00' }],
    [{ kind: 'bad-answer', why: 'not-json' }, 502, 502_001, {}],
  ] as const) {
    const { service } = await world(outcome)
    const call = { methodName: 'x', connectTimeoutInSeconds: 65, responseTimeoutInSeconds: 300 }
    const answer = await service('service', 'POST', PATH, call)
    assert.equal(answer.status, status)
    const { Message, ExceptionMessage } = Object(answer.body)
    assert.equal(ExceptionMessage, '')
    const inner = JSON.parse(Message)
    assert.deepEqual([inner.errorCode, inner.info], [code, info])
    assert.deepEqual(Object.keys(inner), ['errorCode', 'trackingId', 'message', 'info', 'timestampUtc'])
    // Node's SDK splits there, and would take what follows for the text of a coded error.
    assert.ok(!Message.includes(';'))
  }
  for (const [outcome, status, code] of [
    [{ kind: 'busy', of: 'identity' }, 429, 'ThrottlingException'],
    [{ kind: 'ended' }, 503, 'ServiceUnavailable'],
  ] as const) {
    const { service } = await world(outcome)
    const answer = await service('service', 'POST', PATH, { methodName: 'x' })
    assert.deepEqual([answer.status, codeOf(answer), answer.headers.get('retry-after')], [status, code, '5'])
  }
})

test('who asks for more than there is gets 429 with the time to come back, before anything is done', async () => {
  const limits = {
    ...DEFAULT_LIMITS,
    method: { hub: { perSecond: 1, burst: 8 }, principal: { perSecond: 1, burst: 8 } },
  }
  const stage = await hubStage()
  const throttle = new Throttle(stage.clock.monotonic(), limits)
  const { service, local, services } = await hubStage({
    throttling: { take: (operation, principal) => throttle.take(operation, principal, stage.clock.monotonic()) },
  })
  await services.registry.create({ deviceId: 'pump' }, 'test')
  const statuses: number[] = []
  for (let count = 0; count < 6; count += 1) {
    const answer = await service('service', 'POST', PATH, { methodName: 'x' })
    statuses.push(answer.status)
    if (answer.status !== 429) continue
    assert.equal(codeOf(answer), 'ThrottlingException')
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  }
  assert.deepEqual(statuses, [404, 404, 429, 429, 429, 429])
  assert.equal((await service('iothubowner', 'POST', PATH, { methodName: 'x' })).status, 404, 'another has its share')
  assert.equal((await local('POST', PATH, { methodName: 'x' })).status, 404, 'the operator is not throttled')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryAnswers } from '../../testing/memory-answers.ts'
import { stage } from '../../testing/management-stage.ts'

async function stageOfAnswers() {
  const answers = new MemoryAnswers()
  const hub = await stage({ answers })
  const key = (value: string) => ({ 'idempotency-key': value })
  const create = (deviceId: string, header: string) => hub.local('POST', '/devices', { deviceId }, key(header))
  return { answers, hub, key, create }
}

test('a request that comes again is answered as the first time, and nothing is done twice', async () => {
  const { hub, create } = await stageOfAnswers()
  const first = await create('a', '"k1"')
  const again = await create('a', 'k1')
  assert.deepEqual([first.status, again.status], [201, 201])
  assert.deepEqual(again.body, first.body)
  assert.equal(again.headers.get('etag'), first.headers.get('etag'))
  assert.equal(first.headers.get('idempotency-replayed'), null)
  assert.equal(again.headers.get('idempotency-replayed'), 'true')
  assert.equal(hub.events.filter(({ type }) => type === 'identity.created').length, 1)
  assert.equal((await create('a', 'k2')).status, 409, 'with another key it is another request')
})

test('a key is refused for another request, whatever differs in it', async () => {
  const { hub, key, create } = await stageOfAnswers()
  await create('a', 'k')
  const other = await create('b', 'k')
  assert.deepEqual([other.status, other.body['code']], [422, 'idempotency-mismatch'])
  await hub.local('POST', '/devices/a/regenerate-key', { key: 'primary' }, key('r'))
  for (const body of [{ key: 'secondary' }]) {
    assert.equal((await hub.local('POST', '/devices/a/regenerate-key', body, key('r'))).status, 422)
  }
  const elsewhere = await hub.local('POST', '/devices/b/regenerate-key', { key: 'primary' }, key('r'))
  assert.equal(elsewhere.status, 422, 'the path is part of it')
})

test('the key of one caller is not that of another', async () => {
  const { hub, key, create } = await stageOfAnswers()
  await create('a', 'k')
  const headers = { authorization: hub.token('iothubowner'), ...key('k') }
  assert.equal((await hub.remote('POST', '/devices', headers, { deviceId: 'b' })).status, 201)
})

test('what was refused may be asked again with the same key', async () => {
  const { hub, key, create } = await stageOfAnswers()
  await create('a', 'k1')
  assert.equal((await create('a', 'k2')).status, 409)
  await hub.local('DELETE', '/devices/a')
  assert.equal((await create('a', 'k2')).status, 201)
  assert.equal((await hub.local('POST', '/devices', {}, key('k3'))).status, 400)
  assert.equal((await create('c', 'k3')).status, 201, 'what could not be read was never begun')
})

test('while the first is not answered the second waits, and what ended unknown is not done again', async () => {
  const { answers, hub, key } = await stageOfAnswers()
  let end: (outcome: { kind: 'answered'; status: number; payload: unknown }) => void = () => undefined
  const called: string[] = []
  const staged = await stage({
    answers,
    methods: {
      invoke: async (_key, { name }) => {
        called.push(name)
        return new Promise((resolve) => (end = resolve as typeof end))
      },
    },
  })
  await staged.local('POST', '/devices', { deviceId: 'a' })
  const call = () => staged.local('POST', '/devices/a/methods', { name: 'go' }, key('m'))
  const first = call()
  while (called.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const second = await call()
  assert.deepEqual([second.status, second.body['code']], [409, 'idempotency-in-progress'])
  end({ kind: 'answered', status: 200, payload: 1 })
  assert.equal((await first).status, 200)
  assert.equal((await call()).headers.get('idempotency-replayed'), 'true')
  assert.deepEqual(called, ['go'])
  // As after a power cut: begun, and nobody wrote down how it ended.
  for (const [id, { digest }] of answers.kept) answers.kept.set(id, { digest })
  const lost = await call()
  assert.deepEqual([lost.status, lost.body['code']], [409, 'idempotency-unknown'])
  assert.equal(hub.failures.length, 0)
})

test('what keeps no answers refuses the key rather than pass it over', async () => {
  const { answers, hub, key } = await stageOfAnswers()
  for (const [method, path, body] of [
    ['GET', '/devices', undefined],
    ['PATCH', '/devices/a', { status: 'disabled' }],
    ['POST', '/query', { query: 'SELECT * FROM devices' }],
  ] as const) {
    const { status, body: refused } = await hub.local(method, path, body, key('k'))
    assert.deepEqual([status, refused['code']], [400, 'idempotency-unsupported'], path)
  }
  const without = await stage()
  assert.equal((await without.local('POST', '/devices', { deviceId: 'a' }, key('k'))).status, 400)
  assert.equal((await hub.local('POST', '/devices', { deviceId: 'a' }, key('a b'))).status, 400)
  answers.isFull = true
  assert.equal((await hub.local('POST', '/devices', { deviceId: 'a' }, key('k'))).status, 429)
})

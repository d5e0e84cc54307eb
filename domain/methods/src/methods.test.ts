import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import { countingRandom } from '@holdfast/identity/testing'
import {
  type MethodCall,
  type MethodWaiter,
  type MethodOutcome,
  type MethodRequest,
  Methods,
  type MethodsLimits,
} from './index.ts'

const PUMP: IdentityKey = { deviceId: 'pump' }
const PRESS: IdentityKey = { deviceId: 'press' }
const MODULE: IdentityKey = { deviceId: 'pump', moduleId: 'motor' }
const ACTOR = 'policy/service'

function callOf(changes: Partial<MethodCall> = {}): MethodCall {
  return {
    name: 'reboot',
    payload: Buffer.from('null'),
    responseTimeoutSeconds: 30,
    connectTimeoutSeconds: 0,
    ...changes,
  }
}

function stage(limits: Partial<MethodsLimits> = {}) {
  const sent: { readonly key: IdentityKey; readonly request: MethodRequest }[] = []
  const random = countingRandom()
  let isReachable = true
  let nowMs = 0
  const methods = new Methods(
    {
      random,
      send: (key, request) => {
        if (isReachable) sent.push({ key, request })
        return isReachable
      },
    },
    limits,
  )
  const now = () => instantOf(nowMs)
  return {
    methods,
    sent,
    now,
    unreachable: () => {
      isReachable = false
    },
    reachable: () => {
      isReachable = true
    },
    /** Begins a call; `outcome()` is undefined while it waits. */
    invoke: (key: IdentityKey, changes: Partial<MethodCall> = {}, actor = ACTOR, caller?: MethodWaiter) => {
      let outcome: MethodOutcome | undefined
      const promise = methods.invoke(key, callOf(changes), actor, now(), caller).then((value) => {
        outcome = value
        return value
      })
      return { promise, outcome: () => outcome }
    },
    /** Time passes as a driver lets it: the machine is called when it asked to be. */
    pass: async (milliseconds: number) => {
      const until = nowMs + milliseconds
      for (let turns = 0; ; turns += 1) {
        assert.ok(turns < 10_000, 'the machine asks for the same time again and again')
        const { deadline } = methods
        if (deadline === undefined || deadline > until) break
        nowMs = Math.max(nowMs, deadline)
        methods.tick(now())
      }
      nowMs = until
      await settled()
    },
    answer: (key: IdentityKey, requestId: string, status: number, payload: string | Uint8Array) =>
      methods.answered(key, { requestId, status, payload: Buffer.from(payload) }),
    last: () => {
      const found = sent.at(-1)
      assert.ok(found !== undefined)
      return found
    },
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
}

test('a device that listens is asked at once, and its answer is the outcome', async () => {
  const { methods, invoke, last, answer, now } = stage()
  methods.listening(PUMP, true, now())
  const call = invoke(PUMP, { name: 'öffnen/1', payload: Buffer.from('{"a":1}') })
  const { key, request } = last()
  assert.deepEqual(key, PUMP)
  assert.equal(request.name, 'öffnen/1')
  assert.equal(Buffer.from(request.payload).toString(), '{"a":1}')
  assert.match(request.requestId, /^[0-9a-f]{32}$/)
  answer(PUMP, request.requestId, 200, '{"done": 12345678901234567890}')
  assert.deepEqual(await call.promise, { kind: 'answered', status: 200, payload: '{"done": 12345678901234567890}' })
  assert.equal(methods.pending, 0)
})

test('what is not there, or does not listen, is not online (404103), at once where no time is given', async () => {
  const { methods, invoke, sent, now } = stage()
  assert.deepEqual(await invoke(PUMP).promise, { kind: 'not-online' })
  methods.listening(PUMP, false, now())
  assert.deepEqual(await invoke(PUMP).promise, { kind: 'not-online' })
  methods.listening(MODULE, true, now())
  assert.deepEqual(await invoke(PUMP).promise, { kind: 'not-online' }, 'the module is not its device')
  assert.equal(sent.length, 0)
})

test('a call waits for its device as long as it was given, and is sent when the device listens', async () => {
  const { methods, invoke, sent, pass, answer, last, now } = stage()
  const call = invoke(PUMP, { connectTimeoutSeconds: 10, responseTimeoutSeconds: 5 })
  await pass(9_999)
  assert.equal(call.outcome(), undefined)
  methods.listening(PUMP, true, now())
  assert.equal(sent.length, 1)
  // The time for the answer begins now.
  await pass(4_999)
  assert.equal(call.outcome(), undefined)
  answer(PUMP, last().request.requestId, 0, '')
  assert.deepEqual(await call.promise, { kind: 'answered', status: 0, payload: 'null' })
})

test('a device that never comes ends the call when its time is over', async () => {
  const { methods, invoke, pass } = stage()
  const call = invoke(PUMP, { connectTimeoutSeconds: 300 })
  await pass(299_999)
  assert.equal(call.outcome(), undefined)
  await pass(1)
  assert.deepEqual(call.outcome(), { kind: 'not-online' })
  assert.equal(methods.deadline, undefined)
})

test('a device that does not answer in time ends the call (504101), and what it says later is ignored', async () => {
  const { methods, invoke, pass, last, answer, now } = stage()
  methods.listening(PUMP, true, now())
  const call = invoke(PUMP, { responseTimeoutSeconds: 5 })
  await pass(5_000)
  assert.deepEqual(call.outcome(), { kind: 'no-answer' })
  answer(PUMP, last().request.requestId, 200, '1')
  assert.equal(methods.counters.strayAnswers, 1)
})

test('a connection that ends while it is asked ends the call (404104); calls that wait for it go on waiting', async () => {
  const { methods, invoke, pass, now, sent } = stage()
  methods.listening(PUMP, true, now())
  const asked = invoke(PUMP)
  methods.gone(PUMP)
  await settled()
  assert.deepEqual(asked.outcome(), { kind: 'closed' })
  const waiting = invoke(PUMP, { connectTimeoutSeconds: 20 })
  methods.gone(PUMP)
  await pass(1_000)
  assert.equal(waiting.outcome(), undefined)
  methods.listening(PUMP, true, now())
  assert.equal(sent.length, 2)
})

test('a connection that is gone before the hub has told so keeps the call waiting', async () => {
  const { methods, invoke, pass, now, unreachable, reachable, sent } = stage()
  methods.listening(PUMP, true, now())
  unreachable()
  const call = invoke(PUMP, { connectTimeoutSeconds: 5 })
  methods.gone(PUMP)
  await pass(1_000)
  assert.equal(call.outcome(), undefined)
  reachable()
  methods.listening(PUMP, true, now())
  assert.equal(sent.length, 1)
  unreachable()
  const other = invoke(PUMP)
  await pass(0)
  assert.deepEqual(other.outcome(), { kind: 'not-online' })
})

test('nobody answers for another: neither another device, nor its module, nor twice, nor unasked', async () => {
  const { methods, invoke, last, answer, now } = stage()
  for (const key of [PUMP, PRESS, MODULE]) methods.listening(key, true, now())
  const call = invoke(PUMP)
  const { requestId } = last().request
  answer(PRESS, requestId, 200, '"forged"')
  answer(MODULE, requestId, 200, '"forged"')
  answer(PUMP, 'ffffffffffffffffffffffffffffffff', 200, '"unasked"')
  await settled()
  assert.equal(call.outcome(), undefined)
  answer(PUMP, requestId, 200, '"true"')
  answer(PUMP, requestId, 500, '"again"')
  assert.deepEqual(await call.promise, { kind: 'answered', status: 200, payload: '"true"' })
  assert.equal(methods.counters.strayAnswers, 4)
  assert.equal(methods.counters.answered, 1)
})

test('answers that cannot be passed on are told from none (502)', async () => {
  const { methods, invoke, last, answer, now } = stage()
  methods.listening(PUMP, true, now())
  for (const [status, payload, why] of [
    [200, 'no json', 'not-json'],
    [200, '{"a":1}x', 'not-json'],
    [200, Uint8Array.of(0x22, 0xff, 0x22), 'not-json'],
    [200, '\u{feff}1', 'not-json'],
    [200, Buffer.alloc(131_073, '1'), 'too-large'],
    [2 ** 31, '1', 'status'],
    [-(2 ** 31) - 1, '1', 'status'],
  ] as const) {
    const call = invoke(PUMP)
    answer(PUMP, last().request.requestId, status, payload)
    assert.deepEqual(await call.promise, { kind: 'bad-answer', why })
  }
  for (const status of [-(2 ** 31), -1, 0, 200, 2 ** 31 - 1]) {
    const call = invoke(PUMP)
    answer(PUMP, last().request.requestId, status, `"${'x'.repeat(131_070)}"`)
    assert.equal((await call.promise).kind, 'answered', String(status))
  }
})

test('answers out of order go to their callers', async () => {
  const { methods, invoke, sent, answer, now } = stage()
  methods.listening(PUMP, true, now())
  const calls = ['a', 'b', 'c'].map((name) => invoke(PUMP, { name }))
  for (const { request } of sent.toReversed()) answer(PUMP, request.requestId, 200, JSON.stringify(request.name))
  const outcomes = await Promise.all(calls.map(({ promise }) => promise))
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'answered' && outcome.payload),
    ['"a"', '"b"', '"c"'],
  )
})

test('calls that waited are sent in the order in which they came', () => {
  const { methods, invoke, sent, now } = stage()
  for (const name of ['a', 'b', 'c']) void invoke(PUMP, { name, connectTimeoutSeconds: 5 })
  methods.listening(PUMP, true, now())
  assert.deepEqual(
    sent.map(({ request }) => request.name),
    ['a', 'b', 'c'],
  )
})

test('one identity, and the hub, have only so many calls under way', async () => {
  const { methods, invoke, now, last, answer } = stage({ callsPerIdentityMax: 2, callsMax: 6 })
  for (const key of [PUMP, PRESS, MODULE]) methods.listening(key, true, now())
  void invoke(PUMP)
  void invoke(PUMP)
  assert.deepEqual(await invoke(PUMP).promise, { kind: 'busy', of: 'identity' })
  void invoke(PRESS, {}, 'policy/a')
  void invoke(PRESS, {}, 'policy/b')
  void invoke(MODULE, {}, 'policy/c')
  void invoke(MODULE, {}, 'policy/d')
  assert.equal(methods.pending, 6)
  assert.deepEqual(await invoke({ deviceId: 'other' }, { connectTimeoutSeconds: 5 }, 'policy/e').promise, {
    kind: 'busy',
    of: 'hub',
  })
  answer(MODULE, last().request.requestId, 200, '1')
  assert.equal(methods.pending, 5)
  assert.equal(methods.counters.busy, 2)
})

test('an actor that has filled half of the hub leaves room for others', async () => {
  const { methods, invoke, now } = stage({ callsMax: 100, callsPerIdentityMax: 1_000 })
  methods.listening(PUMP, true, now())
  for (let count = 0; count < 200; count += 1) void invoke(PUMP, {}, 'policy/greedy')
  assert.equal(methods.pending, 50)
  assert.deepEqual(await invoke(PUMP, {}, 'policy/greedy').promise, { kind: 'busy', of: 'actor' })
  for (let count = 0; count < 30; count += 1) assert.equal(invoke(PUMP, {}, 'policy/modest').outcome(), undefined)
  await settled()
  assert.equal(methods.pending, 50 + 30)
})

test('payloads that wait for devices are bounded together; those that were sent are not held', async () => {
  const payload = Buffer.from(`"${'x'.repeat(998)}"`)
  const { methods, invoke, now, pass } = stage({ waitingBytesMax: 2_500 })
  const waiting = [
    invoke(PUMP, { payload, connectTimeoutSeconds: 5 }),
    invoke(PRESS, { payload, connectTimeoutSeconds: 5 }),
  ]
  assert.deepEqual(await invoke(PUMP, { payload, connectTimeoutSeconds: 5 }).promise, { kind: 'busy', of: 'hub' })
  methods.listening(PUMP, true, now())
  void invoke(MODULE, { payload, connectTimeoutSeconds: 5 })
  await pass(5_000)
  assert.deepEqual(waiting[1]?.outcome(), { kind: 'not-online' })
  for (let count = 0; count < 2; count += 1) {
    assert.equal(invoke(PRESS, { payload, connectTimeoutSeconds: 5 }).outcome(), undefined)
  }
})

test('nothing is left of an identity that neither listens nor is called', () => {
  const { methods, invoke, now } = stage()
  for (let count = 0; count < 100; count += 1) {
    const key = { deviceId: `d${count}` }
    methods.listening(key, true, now())
    void invoke(key)
    methods.gone(key)
  }
  assert.equal(methods.pending, 0)
  assert.equal(methods.identities, 0)
})

test('a caller that has gone makes room, and its device is not asked when it comes', async () => {
  const { methods, invoke, now, sent } = stage()
  const leave: (() => void)[] = []
  const caller = { onLeft: (left: () => void) => void leave.push(left) }
  const calls = Array.from({ length: 64 }, () => invoke(PUMP, { connectTimeoutSeconds: 300 }, ACTOR, caller))
  assert.deepEqual(await invoke(PUMP, { connectTimeoutSeconds: 1 }).promise, { kind: 'busy', of: 'identity' })
  for (const left of leave) left()
  for (const { promise } of calls) assert.deepEqual(await promise, { kind: 'left' })
  assert.equal(methods.pending, 0)
  assert.equal(methods.identities, 0)
  methods.listening(PUMP, true, now())
  assert.equal(sent.length, 0)
  // Twice, or after the answer, it means nothing.
  for (const left of leave) left()
  const answered = invoke(PUMP, {}, ACTOR, caller)
  methods.answered(PUMP, { requestId: sent[0]?.request.requestId ?? '', status: 200, payload: Buffer.from('1') })
  leave.at(-1)?.()
  assert.equal((await answered.promise).kind, 'answered')
})

test('a caller that has gone before its call begins asks nobody', async () => {
  const { methods, invoke, now, sent } = stage()
  methods.listening(PUMP, true, now())
  const { promise } = invoke(PUMP, {}, ACTOR, { onLeft: (left) => left() })
  assert.deepEqual(await promise, { kind: 'left' })
  assert.equal(sent.length, 0)
})

test('a deleted device takes its calls with it, and those of its modules: its successor hears of none', async () => {
  const { methods, invoke, now, sent } = stage()
  methods.listening(PRESS, true, now())
  methods.listening(MODULE, true, now())
  const ended = [invoke(PUMP, { connectTimeoutSeconds: 300 }), invoke(MODULE)]
  const other = invoke(PRESS)
  methods.deleted(PUMP)
  for (const { promise } of ended) assert.deepEqual(await promise, { kind: 'deleted' })
  // The connection of the old one may take its time to end: it is not the new one's.
  assert.deepEqual(await invoke(MODULE).promise, { kind: 'not-online' })
  const before = sent.length
  methods.listening(PUMP, true, now())
  assert.equal(sent.length, before)
  assert.equal(other.outcome(), undefined)
  methods.deleted({ deviceId: 'pum' })
  methods.deleted({ deviceId: 'press', moduleId: 'motor' })
  assert.equal(methods.pending, 1)
})

test('every caller hears when the hub stops', async () => {
  const { methods, invoke, now } = stage()
  methods.listening(PUMP, true, now())
  const calls = [invoke(PUMP), invoke(PRESS, { connectTimeoutSeconds: 300 })]
  methods.end()
  for (const { promise } of calls) assert.deepEqual(await promise, { kind: 'ended' })
})

test('a call of the wrong form is a bug of the caller', () => {
  const { invoke } = stage()
  for (const changes of [
    { name: '' },
    { name: 'x'.repeat(101) },
    { name: 'a\nb' },
    { name: '\u{d800}' },
    { payload: new Uint8Array(131_073) },
    { responseTimeoutSeconds: 4 },
    { responseTimeoutSeconds: 301 },
    { responseTimeoutSeconds: 5.5 },
    { connectTimeoutSeconds: -1 },
    { connectTimeoutSeconds: 301 },
    { connectTimeoutSeconds: Number.NaN },
  ]) {
    assert.throws(() => invoke(PUMP, changes), TypeError)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkEvent, type SecurityEvent } from '@holdfast/audit'
import { instantOf, timestampOf } from '@holdfast/base'
import { EgressFault } from '@holdfast/egress'
import { type SignatureLine, Witness, type WitnessAnswer } from '@holdfast/tlog'
import { MemoryLog, testKey } from '@holdfast/tlog/testing'
import { AGEING_MS, AWAY_MS, Witnesses } from './witnesses.ts'

/** A hub's log, a real witness machine behind a wire that can be cut, and a clock that is moved by hand. */
async function stage({ setting }: { setting?: string } = {}) {
  const world = {
    now: 1_800_000_000_000,
    log: new MemoryLog('hub.example/audit').append('a', 'b', 'c'),
    isCut: false,
    posts: 0,
    events: [] as SecurityEvent[],
    conditions: new Map<string, string | undefined>(),
    notices: new Map<string, unknown>(),
    faults: [] as unknown[],
    cosigned: [] as { size: number; line: SignatureLine }[],
    setting,
    answer: undefined as WitnessAnswer | undefined,
  }
  const { key, sign } = testKey('witness.example', 'cosignature', 2)
  const witness = new Witness(key, sign)
  witness.addLog(world.log.key)
  const clock = { wall: () => timestampOf(world.now), monotonic: () => instantOf(world.now) }
  const witnesses = await Witnesses.open({
    log: {
      latest: () => Promise.resolve({ size: world.log.size, note: world.log.checkpoint() }),
      consistency: (oldSize, size) => Promise.resolve(world.log.consistency(oldSize, size)),
      keepCosignature: (size, line) => Promise.resolve(void world.cosigned.push({ size, line })),
    },
    store: {
      readSetting: () => Promise.resolve(world.setting),
      writeSetting: (_name, value, because) => {
        world.setting = value
        for (const event of because === undefined ? [] : [because].flat()) world.events.push(event as SecurityEvent)
        return Promise.resolve()
      },
    },
    clock,
    events: (event) => world.events.push(event),
    post: (sending, body) => {
      world.posts += 1
      assert.equal(sending.destination.target, '/add-checkpoint')
      if (world.isCut) return Promise.reject(new EgressFault('not-reached', 'the receiver was not reached'))
      const outputs = [...witness.handle({ kind: 'add-checkpoint', id: 1, body, now: clock.wall() })]
      if (outputs.some(({ kind }) => kind === 'persist')) {
        outputs.push(...witness.handle({ kind: 'persisted', id: 1, isOnDisk: true, now: clock.wall() }))
      }
      const answer = world.answer ?? outputs.flatMap((one) => (one.kind === 'answer' ? [one.answer] : []))[0]
      assert.ok(answer !== undefined)
      return Promise.resolve({ status: answer.status, contentType: answer.contentType, body: Buffer.from(answer.body) })
    },
    setCondition: (code, detail) => world.conditions.set(code, detail),
    setNotice: (code, notice) => world.notices.set(code, notice),
    fault: (error) => world.faults.push(error),
  })
  const add = () =>
    witnesses.add(
      { name: 'vault', url: 'https://witness.example:8449', key: key.toString(), allowPrivate: false },
      'operator/local',
    )
  return { world, witnesses, key, add, types: () => world.events.map(({ type }) => type) }
}

test('each checkpoint is brought once, and what comes back is kept with it', async () => {
  const { world, witnesses, add, key } = await stage()
  assert.equal((await add()).kind, 'added')
  await witnesses.push()
  await witnesses.push()
  assert.deepEqual(
    world.cosigned.map(({ size }) => size),
    [3],
  )
  assert.equal(world.cosigned[0]?.line.keyId, key.id)
  world.log.append('d', 'e')
  await witnesses.push()
  assert.deepEqual(
    world.cosigned.map(({ size }) => size),
    [3, 5],
  )
  const [shown] = witnesses.list()
  assert.deepEqual([shown?.state, shown?.behind, shown?.cosigned?.size], ['current', 0, 5])
  assert.deepEqual(world.faults, [])
  for (const event of world.events) checkEvent(event)
})

test('after a restart it goes on from what the witness saw, also where that was not kept', async () => {
  const first = await stage()
  await first.add()
  await first.witnesses.push()
  const { world } = first
  world.log.append('d')
  await first.witnesses.push()
  // Kept once an hour only, so the setting still says 3.
  assert.match(world.setting ?? '', /"cosignedSize":3/)
  const again = await Witnesses.open({
    log: {
      latest: () => Promise.resolve({ size: world.log.size, note: world.log.checkpoint() }),
      consistency: (oldSize, size) => Promise.resolve(world.log.consistency(oldSize, size)),
      keepCosignature: () => Promise.resolve(),
    },
    store: { readSetting: () => Promise.resolve(world.setting), writeSetting: () => Promise.resolve() },
    clock: { wall: () => timestampOf(world.now), monotonic: () => instantOf(world.now) },
    events: () => undefined,
    post: () => Promise.reject(new EgressFault('not-reached', 'x')),
    setCondition: () => undefined,
    setNotice: () => undefined,
    fault: (error) => assert.fail(String(error)),
  })
  assert.equal(again.list()[0]?.cosigned?.size, 3)
})

test('a witness that is away ages for a day, is a condition after three, and told back', async () => {
  const { world, witnesses, add, types } = await stage()
  await add()
  await witnesses.push()
  world.isCut = true
  world.log.append('d')
  await witnesses.push()
  assert.equal(witnesses.list()[0]?.state, 'waiting')
  assert.equal(witnesses.list()[0]?.behind, 1)
  const { posts } = world
  await witnesses.push()
  assert.equal(world.posts, posts, 'it pauses')
  world.now += AGEING_MS
  await witnesses.push()
  assert.equal(witnesses.list()[0]?.state, 'ageing')
  assert.ok(world.notices.get('witness-vault') !== undefined)
  assert.equal(world.conditions.get('witness-away'), undefined)
  world.now += AWAY_MS - AGEING_MS
  await witnesses.push()
  await witnesses.push()
  assert.equal(witnesses.list()[0]?.state, 'away')
  assert.match(world.conditions.get('witness-away') ?? '', /vault/)
  world.isCut = false
  world.now += 3_600_000
  await witnesses.push()
  assert.equal(witnesses.list()[0]?.state, 'current')
  assert.equal(world.conditions.get('witness-away'), undefined)
  assert.equal(world.notices.get('witness-vault'), undefined)
  assert.deepEqual(types(), ['witness.added', 'witness.away', 'witness.returned'])
  for (const event of world.events) checkEvent(event)
})

for (const [name, fork] of [
  ['rewritten', () => new MemoryLog('hub.example/audit').append('a', 'X', 'c', 'd')],
  ['of as many entries', () => new MemoryLog('hub.example/audit').append('a', 'b', 'X')],
  ['cut short', () => new MemoryLog('hub.example/audit').append('a', 'b')],
] as const) {
  test(`a log that is not the one that was witnessed (${name}) is a condition and an event, once`, async () => {
    const { world, witnesses, add, types } = await stage()
    await add()
    await witnesses.push()
    world.log = fork()
    // As after a restart: it does not know that it brought something of this size.
    const again = name === 'of as many entries' ? [...witnesses.list()] : []
    for (const shown of again) Object.assign(shown.cosigned ?? {}, { size: 0 })
    for (let turn = 0; turn < 3; turn += 1) {
      await witnesses.push()
      world.now += 3_600_000
    }
    assert.equal(witnesses.list()[0]?.state, 'forked')
    assert.match(world.conditions.get('audit-forked') ?? '', /vault saw another history/)
    assert.deepEqual(types(), ['witness.added', 'witness.forked'])
    for (const event of world.events) checkEvent(event)
    assert.equal(await witnesses.remove('vault', 'operator/local'), true)
    assert.equal(world.conditions.get('audit-forked'), undefined)
  })
}

test('a witness that refuses, or answers what no witness answers, is told with its reason', async () => {
  for (const [status, body, state] of [
    [404, 'x', 'refusing'],
    [403, 'x', 'refusing'],
    [200, '— witness.example AAAAAAAA\n', 'refusing'],
    [200, '', 'refusing'],
    [409, 'x', 'refusing'],
    [409, '99999999999999999999\n', 'refusing'],
    [503, '', 'waiting'],
    [400, '', 'refusing'],
  ] as const) {
    const { world, witnesses, add } = await stage()
    world.answer = { status, contentType: 'text/plain; charset=utf-8', body }
    await add()
    await witnesses.push()
    const [shown] = witnesses.list()
    assert.equal(shown?.state, state, `${status} ${body}`)
    assert.ok((shown.reason ?? '').length > 0)
    assert.deepEqual(world.cosigned, [])
  }
})

test('what cannot be a witness is refused', async () => {
  const { witnesses, key } = await stage()
  const draft = { name: 'a', url: 'https://w.example', key: key.toString(), allowPrivate: false }
  const kindOf = async (change: object): Promise<string> => (await witnesses.add({ ...draft, ...change }, 'x')).kind
  assert.equal(await kindOf({ key: 'x' }), 'bad-key')
  assert.equal(await kindOf({ key: testKey('l', 'note', 1).key.toString() }), 'bad-key')
  assert.equal(await kindOf({ ca: 'x' }), 'bad-ca')
  for (const url of [
    'http://w.example',
    'https://u:p@w.example',
    'https://w.example:25',
    'syslog://w',
    'x',
    'https://w/?x',
  ]) {
    assert.equal(await kindOf({ url }), 'bad-url', url)
  }
  assert.equal(await kindOf({}), 'added')
  assert.equal(await kindOf({}), 'exists')
  for (let at = 0; at < 7; at += 1) assert.equal(await kindOf({ name: `b${at}` }), 'added')
  assert.equal(await kindOf({ name: 'c' }), 'too-many')
  assert.equal(await witnesses.remove('nobody', 'x'), false)
})

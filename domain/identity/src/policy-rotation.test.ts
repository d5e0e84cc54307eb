import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSasToken } from '@holdfast/tokens'
import type { KeySlot } from './credential.ts'
import { IdentityError, type IdentityErrorCode } from './errors.ts'
import { Policies } from './policies.ts'
import { countingRandom, ManualClock, MemoryPolicyStore, recordedEvents } from './testing/index.ts'

const HOST = 'hub.example'
const HOME = '192.0.2.1'
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

async function world(more: Pick<Parameters<typeof Policies.open>[0], 'keyAge'> = {}, store = new MemoryPolicyStore()) {
  const clock = new ManualClock()
  const { events, sink } = recordedEvents()
  store.sink = sink
  const open = (): Promise<Policies> =>
    Policies.open({ store, clock, random: countingRandom(store.policies.size), hostNames: [HOST], ...more })
  const policies = await open()
  const token = (slot: KeySlot, of = policies): string => {
    const policy = of.read('service')
    const key = slot === 'primary' ? policy?.primaryKey : policy?.secondaryKey
    const expirySeconds = Math.floor(clock.wall() / 1000) + 400 * 86_400
    return formatSasToken({ resource: HOST, key: key ?? '', policyName: 'service', expirySeconds })
  }
  const code = (text: string, of = policies): string => {
    const verdict = of.verifyService(text, HOME)
    return verdict.kind === 'denied' ? verdict.code : verdict.kind
  }
  const types = (): readonly string[] => events.map(({ type }) => type)
  return { clock, events, types, store, policies, open, token, code }
}

function refused(code: IdentityErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof IdentityError && error.code === code
}

test('to rotate makes the other slot current with a new key, and the former works until the overlap is over', async () => {
  const { clock, policies, token, code, events } = await world()
  const former = token('primary')
  const replaced = token('secondary')
  const { policy, cuts } = await policies.rotate('service', { overlapMs: HOUR_MS }, 'operator/local')
  assert.equal(policy.rotation?.current, 'secondary')
  assert.deepEqual(cuts, [{ kind: 'policy', name: 'service', slot: 'secondary' }])
  assert.equal(code(replaced), 'wrong-signature')
  assert.equal(code(former), 'allowed')
  assert.equal(code(token('secondary')), 'allowed')
  clock.advance(HOUR_MS - 1)
  assert.equal(code(former), 'allowed')
  clock.advance(1)
  assert.equal(code(former), 'wrong-signature', 'before anybody has tidied up')
  assert.deepEqual((await policies.upkeep()).cuts, [{ kind: 'policy', name: 'service', slot: 'primary' }])
  assert.equal(code(former), 'wrong-signature')
  assert.equal(code(token('secondary')), 'allowed')
  assert.deepEqual(
    events.slice(-2).map(({ type, actor }) => `${type} ${actor}`),
    ['policy.rotated operator/local', 'policy.key-retired hub'],
  )
})

test('the next rotation goes the other way', async () => {
  const { policies, token, code } = await world()
  await policies.rotate('service', {}, 'a')
  await policies.retire('service', 'a')
  const second = token('secondary')
  await policies.rotate('service', {}, 'a')
  assert.equal(policies.read('service')?.rotation?.current, 'primary')
  assert.equal(code(second), 'allowed')
  assert.equal(code(token('primary')), 'allowed')
})

test('while one overlaps there is no second; retired, the former ends at once', async () => {
  const { policies, token, code } = await world()
  const former = token('primary')
  await policies.rotate('service', {}, 'a')
  await assert.rejects(policies.rotate('service', {}, 'a'), refused('rotating'))
  await policies.retire('service', 'a')
  assert.equal(code(former), 'wrong-signature')
  await assert.rejects(policies.retire('service', 'a'), refused('not-rotating'))
  await assert.rejects(policies.rotate('nobody', {}, 'a'), refused('missing'))
  for (const overlapMs of [-1, 1.5, 31 * DAY_MS, Number.NaN]) {
    await assert.rejects(policies.rotate('service', { overlapMs }, 'a'), refused('invalid'))
  }
})

test('a key that somebody used of late is replaced only by name', async () => {
  const { clock, policies, token, code } = await world()
  assert.equal(code(token('secondary')), 'allowed')
  await assert.rejects(policies.rotate('service', {}, 'a'), refused('slot-in-use'))
  clock.advance(30 * DAY_MS + 1)
  await policies.rotate('service', {}, 'a')
  const other = await world()
  other.code(other.token('secondary'))
  await other.policies.rotate('service', { evenIfUsed: true }, 'a')
})

test('a rotation goes on after a restart, and so does what was used', async () => {
  const first = await world()
  const former = first.token('primary')
  first.code(former)
  await first.policies.rotate('service', { overlapMs: HOUR_MS }, 'a')
  await first.policies.upkeep()
  const again = await first.open()
  assert.equal(first.code(former, again), 'allowed')
  const policy = again.read('service')
  assert.ok(policy !== undefined && again.rotationOf(policy).primaryUsed !== undefined)
  first.clock.advance(HOUR_MS)
  assert.equal(first.code(former, again), 'wrong-signature')
})

test('both keys of a rotation are new in the end, in whatever order changes come', async () => {
  const { policies, store } = await world()
  const before = policies.read('service')
  await Promise.all([
    policies.rotate('service', {}, 'a'),
    policies.regenerateKey('service', 'primary', 'a'),
    policies.upkeep(),
  ])
  const after = store.policies.get('service')
  assert.notEqual(after?.primaryKey, before?.primaryKey)
  assert.notEqual(after?.secondaryKey, before?.secondaryKey)
  assert.equal(after?.rotation?.retiresTime, undefined, 'nothing is left to retire')
})

test('a key that is older than it may be is told of once, and by choice refused', async () => {
  const lenient = await world()
  const old = lenient.token('primary')
  lenient.clock.advance(90 * DAY_MS + 1)
  assert.equal(lenient.code(old), 'allowed')
  const { overdue } = await lenient.policies.upkeep()
  assert.ok(overdue.some(({ name, slot }) => name === 'service' && slot === 'primary'))
  const told = (): number => lenient.types().filter((type) => type === 'policy.rotation-overdue').length
  const count = told()
  assert.equal(count, overdue.length)
  await lenient.policies.upkeep()
  assert.equal(told(), count)
  await lenient.policies.rotate('service', { evenIfUsed: true }, 'a')
  assert.ok(!(await lenient.policies.upkeep()).overdue.some(({ name }) => name === 'service'))

  const strict = await world({ keyAge: { maxMs: 10 * DAY_MS, refuses: true } })
  const refusedLater = strict.token('primary')
  assert.equal(strict.code(refusedLater), 'allowed')
  strict.clock.advance(10 * DAY_MS + 1)
  assert.equal(strict.code(refusedLater), 'key-overdue')
  await strict.policies.rotate('service', {}, 'a')
  assert.equal(strict.code(strict.token('secondary')), 'allowed')
})

test('policies of an earlier version have keys of an age from the first start on', async () => {
  const { store, open, clock } = await world()
  for (const [name, { rotation: _none, ...policy }] of store.policies) store.policies.set(name, policy)
  clock.advance(DAY_MS)
  const policies = await open()
  const policy = policies.read('service')
  assert.equal(policy?.rotation?.primaryTime, clock.wall())
  assert.deepEqual(store.policies.get('service'), policy)
})

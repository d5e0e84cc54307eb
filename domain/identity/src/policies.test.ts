import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSasToken } from '@holdfast/tokens'
import { IdentityError } from './errors.ts'
import { DEFAULT_POLICIES, Policies } from './policies.ts'
import { countingRandom, ManualClock, MemoryPolicyStore, recordedEvents, TEST_START } from './testing/index.ts'

const HOST = 'hub.example'
/** Where services call from. */
const HOME = '192.0.2.1'

async function world(store = new MemoryPolicyStore()) {
  const clock = new ManualClock()
  const { events, sink } = recordedEvents()
  store.sink = sink
  const parts = {
    store,
    clock,
    random: countingRandom(store.policies.size),
    hostNames: [HOST, 'localhost'],
  }
  return { store, clock, events, policies: await Policies.open(parts) }
}

function token(policies: Policies, policyName: string, resource = HOST, key = policies.read(policyName)?.primaryKey) {
  return formatSasToken({ resource, key: key ?? '', policyName, expirySeconds: TEST_START / 1000 + 3_600 })
}

test('the first start makes the default policies, each with two keys of its own; the next keeps them', async () => {
  const { policies, store, events } = await world()
  const keys = policies.list().flatMap(({ primaryKey, secondaryKey }) => [primaryKey, secondaryKey])
  assert.equal(new Set(keys).size, 2 * DEFAULT_POLICIES.length)
  assert.equal(events.filter(({ type }) => type === 'policy.created').length, DEFAULT_POLICIES.length)
  assert.ok(!keys.some((key) => JSON.stringify(events).includes(key)))
  const again = await world(store)
  assert.deepEqual(again.policies.list(), policies.list())
  assert.equal(again.events.length, 0)
})

test('a policy that a newer version adds is made at its first start', async () => {
  const { store } = await world()
  store.policies.delete('registryRead')
  const again = await world(store)
  assert.equal(again.policies.list().length, DEFAULT_POLICIES.length)
  assert.equal(again.events.length, 1)
})

test("a service is who its token's policy is, for the whole hub and under any of its names", async () => {
  const { policies } = await world()
  for (const resource of [HOST, 'HUB.example', 'localhost', `amqps://${HOST}/`]) {
    const verdict = policies.verifyService(token(policies, 'service', resource), HOME)
    assert.ok(verdict.kind === 'allowed')
    assert.deepEqual(
      [verdict.principal.name, verdict.principal.slot, verdict.principal.rights],
      ['service', 'primary', ['ServiceConnect']],
    )
  }
})

test('a token for something narrower, for another hub, of no policy or of a wrong key is refused', async () => {
  const { policies, clock } = await world()
  const code = (text: string): string => {
    const verdict = policies.verifyService(text, HOME)
    return verdict.kind === 'denied' ? verdict.code : verdict.kind
  }
  assert.equal(code(token(policies, 'service', `${HOST}/devices/a`)), 'wrong-audience')
  assert.equal(code(token(policies, 'service', 'other.example')), 'wrong-audience')
  const key = policies.read('iothubowner')?.primaryKey
  assert.equal(code(token(policies, 'service', HOST, key)), 'wrong-signature')
  assert.equal(code(token(policies, 'constructor', HOST, key)), 'policy-unknown')
  assert.equal(
    code(formatSasToken({ resource: HOST, key: key ?? '', expirySeconds: TEST_START / 1000 + 60 })),
    'policy-unknown',
  )
  assert.equal(code('Bearer x'), 'token-malformed')
  clock.advance(3_600_000 + 300_000)
  assert.equal(code(token(policies, 'service')), 'token-expired')
})

test('a new key takes the old one away at once, on disk too, and leaves the other', async () => {
  const { policies, store, events } = await world()
  const old = token(policies, 'service')
  const before = policies.read('service')
  assert.deepEqual(await policies.regenerateKey('service', 'primary', 'operator/local'), {
    cuts: [{ kind: 'policy', name: 'service', slot: 'primary' }],
  })
  assert.equal(policies.verifyService(old, HOME).kind, 'denied')
  assert.equal(policies.verifyService(token(policies, 'service'), HOME).kind, 'allowed')
  assert.equal(policies.read('service')?.secondaryKey, before?.secondaryKey)
  assert.deepEqual(store.policies.get('service'), policies.read('service'))
  assert.equal(events.at(-1)?.type, 'policy.key-changed')
  assert.equal(policies.cutsMade, 1)
})

test('both keys changed at once are both new, in memory and on disk', async () => {
  const { policies, store } = await world()
  const before = policies.read('service')
  await Promise.all([
    policies.regenerateKey('service', 'primary', 'a'),
    policies.regenerateKey('service', 'secondary', 'a'),
  ])
  const after = store.policies.get('service')
  assert.notEqual(after?.primaryKey, before?.primaryKey)
  assert.notEqual(after?.secondaryKey, before?.secondaryKey)
  assert.deepEqual(after, policies.read('service'))
})

test('a policy that does not exist has no key to change, and the next change is not held up by it', async () => {
  const { policies } = await world()
  await assert.rejects(
    policies.regenerateKey('nobody', 'primary', 'a'),
    (error) => error instanceof IdentityError && error.code === 'missing',
  )
  await policies.regenerateKey('service', 'primary', 'a')
})

test('who owns the enrolments has no right to speak as a device', () => {
  const owner = DEFAULT_POLICIES.find(({ name }) => name === 'provisioningserviceowner')
  assert.ok(owner !== undefined && !owner.rights.includes('DeviceConnect'))
})

test('who guesses keys of a policy is soon refused unseen; others, and services that came in before, are not', async () => {
  const { policies, clock } = await world()
  const good = token(policies, 'service')
  const codeOf = (text: string, address: string): string => {
    const verdict = policies.verifyService(text, address)
    return verdict.kind === 'denied' ? verdict.code : verdict.kind
  }
  const guesses = Array.from({ length: 60 }, (_, at) =>
    codeOf(token(policies, 'service', HOST, Buffer.alloc(32, at).toString('base64')), '192.0.2.66'),
  )
  assert.ok(guesses.slice(0, 10).every((code) => code === 'wrong-signature'))
  assert.ok(guesses.slice(12).every((code) => code === 'throttled'))
  // Even the right key is not looked at from there, so that a guess that hits is not told.
  assert.equal(codeOf(good, '192.0.2.66'), 'throttled')
  assert.equal(policies.verifyScoped(good, '192.0.2.66').kind, 'denied')
  assert.equal(codeOf(good, HOME), 'allowed')
  for (let at = 0; at < 60; at += 1) codeOf(token(policies, 'service', HOST, Buffer.alloc(32).toString('base64')), HOME)
  assert.equal(codeOf(good, HOME), 'allowed')
  clock.advance(60_000)
  assert.equal(codeOf(good, '192.0.2.66'), 'allowed')
})

test('tokens of no policy, or of no form, count against the address, and only against others of their kind', async () => {
  const { policies } = await world()
  const codes = Array.from({ length: 120 }, (_, at) => {
    const verdict = policies.verifyService(
      at % 2 === 0 ? 'nonsense' : token(policies, `policy-${at}`, HOST, Buffer.alloc(32).toString('base64')),
      HOME,
    )
    return verdict.kind === 'denied' ? verdict.code : verdict.kind
  })
  assert.ok(codes.slice(0, 50).every((code) => code !== 'throttled'))
  assert.ok(codes.slice(60).every((code) => code === 'throttled'))
  assert.equal(policies.verifyService(token(policies, 'service'), HOME).kind, 'allowed')
})

test('an expired token is no guess', async () => {
  const { policies, clock } = await world()
  const old = token(policies, 'service')
  clock.advance(3_600_000 + 300_001)
  for (let at = 0; at < 60; at += 1) {
    const verdict = policies.verifyService(old, HOME)
    assert.equal(verdict.kind === 'denied' && verdict.code, 'token-expired')
  }
})

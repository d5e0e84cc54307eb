import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from './errors.ts'
import { CEREMONY_LIFE_MS, LINK_LIFE_MS, SESSIONS_PER_OPERATOR_MAX } from './limits.ts'
import { peopleWorld } from './testing/index.ts'

const home = { organisation: 'home', roles: ['administrator'] }
const code = (expected: string) => (error: unknown) => error instanceof OperatorError && error.code === expected

test('a link enrols once, whoever is faster', async () => {
  const { links, enrolment, answer, roll, store } = await peopleWorld()
  const { secret } = await links.makeFirst(home, 'hub')
  const first = enrolment.begin({ secret, name: 'alice' }, 'a')
  const second = enrolment.begin({ secret, name: 'mallory' }, 'b')
  const outcomes = await Promise.allSettled([
    enrolment.finish(first.ceremony, answer('k1'), 'laptop', 'a'),
    enrolment.finish(second.ceremony, answer('k2'), 'laptop', 'b'),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  assert.deepEqual(
    [...roll.all('operator')].map(({ name }) => name),
    ['alice'],
  )
  assert.equal(roll.count('passkey'), 1)
  assert.deepEqual(
    store.events.map(({ type }) => type),
    ['operator.link-made', 'operator.enrolled', 'passkey.added'],
  )
  assert.equal(JSON.stringify(await store.listPeople()).includes(secret), false, 'the secret itself is kept nowhere')
})

test('a link ends after a day, and by a newer one of its kind', async () => {
  const { links, enrolment, clock, events } = await peopleWorld()
  const old = await links.makeFirst(home, 'hub')
  const { secret } = await links.makeFirst(home, 'hub')
  assert.throws(() => enrolment.begin({ secret: old.secret, name: 'alice' }, 'a'), code('link-invalid'))
  clock.advance(LINK_LIFE_MS)
  assert.throws(() => enrolment.begin({ secret, name: 'alice' }, 'a'), code('link-invalid'))
  assert.throws(() => enrolment.begin({ secret: '', name: 'alice' }, 'a'), code('link-invalid'))
  assert.equal(events.filter(({ type }) => type === 'operator.link-refused').length, 3)
})

test('who is suspended or removed lets nobody in by a link of before, also one that is being used', async () => {
  const { links, enrolment, answer, people, join, roll } = await peopleWorld()
  await join('alice')
  await join('mallory')
  const { secret } = await links.invite('puppet', home, 'operator/mallory')
  const begun = enrolment.begin({ secret }, 'a')
  await people.change('mallory', { state: 'suspended' }, 'operator/alice')
  assert.throws(() => enrolment.look(secret), code('link-invalid'))
  assert.throws(() => enrolment.begin({ secret }, 'a'), code('link-invalid'))
  await assert.rejects(enrolment.finish(begun.ceremony, answer('k'), 'laptop', 'a'), code('link-invalid'))
  await people.remove('mallory', 'operator/alice')
  assert.throws(() => enrolment.begin({ secret }, 'a'), code('link-invalid'))
  assert.equal(roll.operatorNamed('puppet'), undefined)
})

test('an invitation whose maker may not give any more what it gives lets nobody in, also one that is being used', async () => {
  const { links, enrolment, answer, inviters, join, roll } = await peopleWorld()
  await join('alice')
  const { secret } = await links.invite('puppet', home, 'operator/alice')
  const begun = enrolment.begin({ secret }, 'a')
  inviters.mayGive = false
  assert.throws(() => enrolment.look(secret), code('link-invalid'))
  assert.throws(() => enrolment.begin({ secret }, 'a'), code('link-invalid'))
  await assert.rejects(enrolment.finish(begun.ceremony, answer('k'), 'laptop', 'a'), code('link-invalid'))
  assert.equal(roll.operatorNamed('puppet'), undefined)
  inviters.mayGive = true
  assert.equal(enrolment.look(secret).needs, 'nothing', 'it was not used up')
})

test('the link of the first operator opens nothing once somebody has come in another way', async () => {
  const { links, enrolment, join } = await peopleWorld()
  const { secret } = await links.makeFirst(home, 'hub')
  assert.equal(enrolment.look(secret).needs, 'name')
  await join('alice')
  assert.throws(() => enrolment.look(secret), code('link-invalid'))
  assert.throws(() => enrolment.begin({ secret, name: 'mallory' }, 'a'), code('link-invalid'))
})

test('names are given once, and are no names of the hub’s own', async () => {
  const { links, join, people } = await peopleWorld()
  await join('alice')
  await join('bob')
  await people.remove('bob', 'operator/alice')
  for (const [name, expected] of [
    ['alice', 'exists'],
    ['bob', 'exists'],
    ['local', 'invalid'],
    ['Alice', 'invalid'],
    ['', 'invalid'],
    ['a/b', 'invalid'],
    ['-a', 'invalid'],
    ['a'.repeat(65), 'invalid'],
  ] as const) {
    await assert.rejects(links.invite(name, home, 'operator/alice'), code(expected), name)
  }
})

test('a challenge counts once, for its purpose, and five minutes', async () => {
  const { passkeys, ceremonies, clock, join } = await peopleWorld()
  await join('alice')
  const offer = passkeys.offer({ kind: 'sign-in' }, 'a')
  assert.throws(() => ceremonies.take(offer.ceremony, 'step-up', clock.monotonic()), code('ceremony-over'))
  assert.throws(() => ceremonies.take(offer.ceremony, 'sign-in', clock.monotonic()), code('ceremony-over'))
  const late = passkeys.offer({ kind: 'sign-in' }, 'a')
  clock.advance(CEREMONY_LIFE_MS)
  assert.throws(() => ceremonies.take(late.ceremony, 'sign-in', clock.monotonic()), code('ceremony-over'))
})

test('ceremonies of one address do not push out those of others', async () => {
  const { ceremonies, clock } = await peopleWorld()
  const mine = ceremonies.begin({ kind: 'sign-in' }, 'me', clock.monotonic())
  let refused = 0
  for (let at = 0; at < 10_000; at += 1) {
    try {
      ceremonies.begin({ kind: 'sign-in' }, 'flood', clock.monotonic())
    } catch {
      refused += 1
    }
  }
  assert.ok(refused > 9_000)
  assert.equal(ceremonies.take(mine.id, 'sign-in', clock.monotonic()).challenge, mine.challenge)
})

test('a counter that goes back, or stands still, ends the key and what it opened; one without a counter goes on', async () => {
  const world = await peopleWorld()
  const { key } = await world.join('alice')
  await world.signIn(key)
  await world.signIn(key)
  world.authenticator.counter = 5
  const { session } = await world.signIn(key)
  for (const counter of [5, 4]) {
    world.authenticator.counter = counter
    await assert.rejects(world.proofBy(key), code('proof-refused'))
  }
  world.authenticator.counter = 9
  await assert.rejects(world.proofBy(key), code('proof-refused'), 'also when it counts on')
  assert.equal(world.sessions.isLive(session.id), false)
  assert.equal(world.store.events.filter(({ type }) => type === 'passkey.counter-regressed').length, 1)
})

test('a forged answer does not end a key, whatever counter it names', async () => {
  const world = await peopleWorld()
  const { key } = await world.join('alice')
  world.authenticator.counter = 5
  await world.signIn(key)
  Object.assign(world.authenticator, { counter: 1, isGood: false })
  await assert.rejects(world.proofBy(key), code('proof-refused'))
  Object.assign(world.authenticator, { counter: 6, isGood: true })
  await world.signIn(key)
})

test('a session ends when idle, after its time, with its key, its person, and by being revoked', async () => {
  const world = await peopleWorld()
  const { clock, sessions } = world
  const { key, operator } = await world.join('alice')
  await world.join('bob')
  const idle = await world.signIn(key)
  clock.advance(899_999)
  assert.ok(sessions.identify(idle.token, 'browser') !== undefined)
  clock.advance(900_000)
  assert.equal(sessions.identify(idle.token, 'browser'), undefined)
  const long = await world.signIn(key)
  for (let at = 0; at < 28_800_000; at += 600_000) {
    assert.ok(sessions.identify(long.token, 'browser') !== undefined, String(at))
    clock.advance(600_000)
  }
  assert.equal(sessions.identify(long.token, 'browser'), undefined)
  await sessions.sweep()
  assert.deepEqual(world.ended.sort(), [idle.session.id, long.session.id].sort())
  const revoked = await world.signIn(key)
  const ending = sessions.end(({ id }) => id === revoked.session.id, 'revoked', 'operator/bob')
  assert.equal(sessions.identify(revoked.token, 'browser'), undefined, 'at once, before the disk has it')
  await ending
  const suspended = await world.signIn(key)
  await world.people.change('alice', { state: 'suspended' }, 'operator/bob')
  assert.equal(sessions.identify(suspended.token, 'browser'), undefined)
  await assert.rejects(world.proofBy(key), code('proof-refused'))
  assert.equal(operator.name, 'alice')
})

test('a session that ended stays ended, also for a hub that starts anew', async () => {
  const world = await peopleWorld()
  const { key } = await world.join('alice')
  const [live, over] = [await world.signIn(key), await world.signIn(key)]
  await world.sessions.end(({ id }) => id === over.session.id, 'revoked', 'operator/local')
  await world.sessions.sweep()
  const again = await peopleWorld(world.store, world.clock)
  assert.ok(again.sessions.identify(live.token, 'browser') !== undefined)
  assert.equal(again.sessions.identify(over.token, 'browser'), undefined)
  assert.equal(again.sessions.identify(live.token, 'command-line'), undefined, 'a cookie is no token')
  assert.equal(JSON.stringify(await world.store.listPeople()).includes(live.token), false, 'tokens are kept nowhere')
})

test('the session used least recently gives way to one too many', async () => {
  const world = await peopleWorld()
  const { key } = await world.join('alice')
  const first = await world.signIn(key)
  for (let at = 0; at < SESSIONS_PER_OPERATOR_MAX; at += 1) {
    world.clock.advance(1)
    await world.signIn(key)
  }
  assert.equal(world.sessions.identify(first.token, 'browser'), undefined)
  assert.deepEqual(world.ended, [first.session.id])
})

test('a recovery needs two others, of whom neither could use it alone', async () => {
  const world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  await assert.rejects(world.recoveries.ask('bob', 'lost', 'operator/alice'), code('not-enough-operators'))
  const carol = await world.join('carol')
  const { id } = await world.recoveries.ask('bob', 'lost', 'operator/alice')
  await assert.rejects(world.recoveries.approve(id, bob.operator), code('self-approval'))
  const first = await world.recoveries.approve(id, alice.operator)
  await assert.rejects(world.recoveries.approve(id, alice.operator), code('already-approved'))
  await assert.rejects(world.recoveries.byMachine('bob', 'operator/local'), code('approvals-needed'))
  const second = await world.recoveries.approve(id, carol.operator)
  assert.ok(first.kind === 'code' && second.kind === 'link')
  const { secret } = second
  assert.throws(() => world.enrolment.begin({ secret }, 'a'), code('link-invalid'))
  const { ceremony } = world.enrolment.begin({ secret, code: first.code }, 'a')
  await world.enrolment.finish(ceremony, world.answer('new'), 'phone', 'a')
  assert.deepEqual(
    world.roll.passkeysOf(bob.operator.id).map(({ id: key }) => key),
    ['new'],
  )
  await assert.rejects(world.proofBy(bob.key), code('proof-refused'))
})

test('a wrong code is tried five times, then the link is worth nothing', async () => {
  const world = await peopleWorld()
  const [alice, , carol] = [await world.join('alice'), await world.join('bob'), await world.join('carol')]
  const { id } = await world.recoveries.ask('bob', 'lost', 'operator/alice')
  const first = await world.recoveries.approve(id, alice.operator)
  const second = await world.recoveries.approve(id, carol.operator)
  assert.ok(first.kind === 'code' && second.kind === 'link')
  for (let at = 0; at < 5; at += 1) {
    const tried = { secret: second.secret, code: 'BBBB-BBBB' }
    assert.throws(() => world.enrolment.begin(tried, 'a'), code('link-invalid'))
  }
  assert.throws(() => world.enrolment.begin({ secret: second.secret, code: first.code }, 'a'), code('link-invalid'))
})

test('an approval of somebody who was removed meanwhile does not count', async () => {
  const world = await peopleWorld()
  const [alice, , carol] = [await world.join('alice'), await world.join('bob'), await world.join('carol')]
  const { id } = await world.recoveries.ask('bob', 'lost', 'operator/alice')
  await world.recoveries.approve(id, alice.operator)
  await world.people.remove('alice', 'operator/carol')
  await assert.rejects(world.recoveries.approve(id, carol.operator), code('approvals-needed'))
})

test('policy: keys that can be copied are refused where it says so', async () => {
  const world = await peopleWorld()
  await world.people.setPasskeyPolicy(
    { backupEligible: 'refused', aaguids: [], attestationRoots: [] },
    'operator/local',
  )
  world.authenticator.isBackupEligible = true
  await assert.rejects(world.join('alice'), code('proof-refused'))
  assert.equal(world.events.at(-1)?.type, 'passkey.refused')
  const wrong = { backupEligible: 'refused', aaguids: ['x'], attestationRoots: [] } as const
  await assert.rejects(world.people.setPasskeyPolicy(wrong, 'operator/local'), code('invalid'))
})

test('a disk that fails leaves nobody enrolled and no session open', async () => {
  const world = await peopleWorld()
  const { key } = await world.join('alice')
  const proof = await world.proofBy(key)
  world.store.changePeople = () => Promise.reject(new Error('the disk is full'))
  await assert.rejects(world.sessions.open(proof, { kind: 'browser', agent: '', address: '' }), /disk is full/)
  assert.equal(world.sessions.liveOf(proof.operatorId).length, 0)
  await assert.rejects(world.join('bob'), /disk is full/)
  assert.equal(world.roll.operatorNamed('bob'), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OperatorError } from './errors.ts'
import { DECIDED_PROPOSALS_MAX, PROPOSALS_OF_ONE_MAX } from './limits.ts'
import { type ProposalDraft, Proposals } from './proposals.ts'
import { asksForTwo, DEFAULT_TWO_PERSON_POLICY, faultOfTwoPersonPolicy } from './two-person-policy.ts'
import { peopleWorld } from './testing/index.ts'

const HOUR_MS = 3_600_000
const code = (expected: string) => (error: unknown) => error instanceof OperatorError && error.code === expected

async function stage() {
  const world = await peopleWorld()
  await world.join('alice')
  await world.join('bob')
  const { roll, clock } = world
  let made = 0
  const random = (bytes: number): Uint8Array => {
    made += 1
    return Uint8Array.from({ length: bytes }, (_, at) => (made >> (8 * at)) & 255)
  }
  const proposals = new Proposals({ roll, clock, random })
  const named = (name: string) => {
    const operator = roll.operatorNamed(name)
    assert.ok(operator)
    return operator
  }
  return { ...world, proposals, alice: named('alice'), bob: named('bob') }
}

const draft = (by: string, digest = 'd'): ProposalDraft => ({
  operation: 'key.drop',
  request: { path: { epoch: '3' }, body: { passphrase: 'swordfish' } },
  digest,
  proposedBy: `operator/${by}`,
  organisation: 'home',
})

test('another who is there approves just what was proposed; it is begun once, and what it asked for is kept no longer', async () => {
  const { proposals, alice, bob, store } = await stage()
  const { id } = await proposals.propose(draft('alice'))
  await assert.rejects(proposals.begin(id, alice, 'd'), code('self-approval'))
  await assert.rejects(proposals.begin(id, bob, 'other'), code('outdated'))
  const both = await Promise.allSettled([proposals.begin(id, bob, 'd'), proposals.begin(id, bob, 'd')])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  const done = await proposals.finish(id, { status: 200 })
  assert.equal(done.state, 'done')
  assert.doesNotMatch(JSON.stringify(await store.listPeople()), /swordfish/)
  await assert.rejects(proposals.begin(id, bob, 'd'), code('not-open'))
  await assert.rejects(proposals.finish(id, { status: 200 }), code('not-open'))
  assert.deepEqual(
    store.events.slice(-3).map(({ type, actor }) => [type, actor]),
    [
      ['proposal.made', 'operator/alice'],
      ['proposal.approved', 'operator/bob'],
      ['proposal.executed', 'operator/bob'],
    ],
  )
})

test('a proposal whose time is over is nobody’s to approve, before it is swept too', async () => {
  const { proposals, bob, clock, store } = await stage()
  const { id } = await proposals.propose(draft('alice'))
  clock.advance(24 * HOUR_MS)
  assert.equal(proposals.named(id, 'home').state, 'expired')
  await assert.rejects(proposals.begin(id, bob, 'd'), code('not-open'))
  await proposals.sweep()
  assert.equal(store.events.at(-1)?.type, 'proposal.expired')
  const events = store.events.length
  await proposals.sweep()
  assert.equal(store.events.length, events)
})

test('the same waits once; one proposer cannot take the room of all; what was decided is remembered up to a bound', async () => {
  const { proposals, bob } = await stage()
  await proposals.propose(draft('alice'))
  await assert.rejects(proposals.propose(draft('alice')), code('exists'))
  for (let at = 1; at < PROPOSALS_OF_ONE_MAX; at += 1) await proposals.propose(draft('alice', `d${at}`))
  await assert.rejects(proposals.propose(draft('alice', 'more')), code('too-many'))
  await proposals.propose(draft('local'))
  for (let at = 0; at < DECIDED_PROPOSALS_MAX + 5; at += 1) {
    const { id } = await proposals.propose(draft('carol', `c${at}`))
    await proposals.reject(id, { actor: 'operator/bob', organisation: 'home', reason: '' })
  }
  const rejected = proposals.list('home').filter(({ state }) => state === 'rejected')
  assert.equal(rejected.length, DECIDED_PROPOSALS_MAX)
  assert.ok(bob)
})

test('who is gone approves nothing; who proposed withdraws; proposals of others are not there', async () => {
  const { proposals, people, bob, alice } = await stage()
  const { id } = await proposals.propose(draft('alice'))
  await people.change('bob', { state: 'suspended' }, 'operator/alice')
  await assert.rejects(proposals.begin(id, bob, 'd'), code('not-allowed'))
  assert.throws(() => proposals.named(id, 'other'), code('missing'))
  await assert.rejects(proposals.begin(id, { ...bob, organisation: 'other' }, 'd'), code('missing'))
  const by = { actor: 'operator/alice', organisation: 'home', reason: 'no need' }
  assert.equal((await proposals.reject(id, by)).state, 'withdrawn')
  assert.ok(alice)
})

test('nobody gets round the rule by suspending the other one, or with a passkey that is suspected', async () => {
  const { proposals, people, bob, roll } = await stage()
  await people.change('bob', { state: 'suspended' }, 'operator/alice')
  assert.equal(proposals.isInForce('home'), true)
  await people.change('bob', { state: 'active' }, 'operator/alice')
  const [key] = roll.passkeysOf(bob.id)
  assert.ok(key)
  await roll.change(() => ({ put: [{ kind: 'passkey', value: { ...key, isSuspected: true } }], result: undefined }))
  assert.equal(proposals.isInForce('home'), true)
  await people.remove('bob', 'operator/alice')
  assert.equal(proposals.isInForce('home'), false)
})

test('whoever one person alone has let in is nobody’s second person, until another than they vouches', async () => {
  const { proposals, people, recoveries, roll, links, enrolment, answer } = await stage()
  const enter = async (name: string, by: string) => {
    const { secret } = await links.invite(name, { organisation: 'home', roles: [] }, `operator/${by}`)
    const { ceremony } = enrolment.begin({ secret }, 'a')
    return (await enrolment.finish(ceremony, answer(`k-${name}`), 'laptop', 'a')).operator
  }
  const puppet = await enter('puppet', 'alice')
  assert.equal(puppet.awaitsWord, true)
  const { id } = await proposals.propose(draft('alice'))
  await assert.rejects(proposals.begin(id, puppet, 'd'), code('not-vouched'))
  await assert.rejects(proposals.propose(draft('puppet')), code('not-vouched'))
  await assert.rejects(enter('another', 'puppet'), code('not-vouched'))
  const { id: recovery } = await recoveries.ask('bob', 'lost', 'operator/alice')
  await assert.rejects(recoveries.approve(recovery, puppet), code('not-vouched'))
  for (const by of ['operator/alice', 'operator/puppet', 'operator/local', 'token/x', 'policy/owner']) {
    assert.equal((await people.change('puppet', { state: 'active' }, by)).awaitsWord, true, by)
  }
  // Suspended and let come again by the same person, they are no more than before.
  await people.change('puppet', { state: 'suspended' }, 'operator/bob')
  assert.equal((await people.change('puppet', { state: 'active' }, 'operator/alice')).awaitsWord, true)
  assert.equal((await people.change('puppet', { state: 'active' }, 'operator/bob')).awaitsWord, undefined)
  const carol = roll.operatorNamed('puppet')
  assert.ok(carol)
  assert.equal((await proposals.begin(id, carol, 'd')).state, 'begun')
})

test('the machine of the hub vouches where nobody else could', async () => {
  const { people, links, enrolment, answer } = await stage()
  const { secret } = await links.invite('carol', { organisation: 'home', roles: [] }, 'operator/alice')
  const { ceremony } = enrolment.begin({ secret }, 'a')
  await enrolment.finish(ceremony, answer('k'), 'laptop', 'a')
  await people.change('bob', { state: 'suspended' }, 'operator/alice')
  assert.equal(people.isShort, true)
  assert.equal((await people.change('carol', { state: 'active' }, 'operator/local')).awaitsWord, undefined)
  assert.equal(people.isShort, false)
})

test('of what was begun before a stop nobody knows how it ended, and it is not begun again', async () => {
  const { proposals, bob, roll, clock } = await stage()
  const { id } = await proposals.propose(draft('alice'))
  await proposals.begin(id, bob, 'd')
  const after = new Proposals({ roll, clock, random: (bytes) => new Uint8Array(bytes) })
  await after.recover()
  const { state, outcome } = after.named(id, 'home')
  assert.deepEqual([state, outcome], ['failed', { status: 500, code: 'interrupted' }])
  await assert.rejects(after.begin(id, bob, 'd'), code('not-open'))
})

type Step =
  | { readonly kind: 'propose'; readonly by: 'alice' | 'bob' | 'local'; readonly what: number }
  | { readonly kind: 'approve' | 'finish' | 'reject'; readonly which: number; readonly by: 'alice' | 'bob' }
  | { readonly kind: 'wait'; readonly hours: number }
  | { readonly kind: 'sweep' | 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('propose' as const),
    by: fc.constantFrom('alice' as const, 'bob' as const, 'local' as const),
    what: fc.nat(3),
  }),
  fc.record({
    kind: fc.constantFrom('approve' as const, 'finish' as const, 'reject' as const),
    which: fc.nat(5),
    by: fc.constantFrom('alice' as const, 'bob' as const),
  }),
  fc.record({ kind: fc.constant('wait' as const), hours: fc.nat(20) }),
  fc.record({ kind: fc.constantFrom('sweep' as const, 'restart' as const) }),
)

test('in whatever order, nothing is begun twice, by one person, or after its time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = await stage()
      const { clock, roll, alice, bob } = world
      let proposals = world.proposals
      const ids: string[] = []
      const begun = new Map<string, number>()
      for (const one of steps) {
        try {
          if (one.kind === 'propose') ids.push((await proposals.propose(draft(one.by, `d${one.what}`))).id)
          else if (one.kind === 'wait') clock.advance(one.hours * HOUR_MS)
          else if (one.kind === 'sweep') await proposals.sweep()
          else if (!('which' in one)) {
            let count = ids.length
            const random = (bytes: number): Uint8Array => {
              count += 1
              return Uint8Array.from({ length: bytes }, (_, at) => (at === 8 ? 1 : (count >> (8 * at)) & 255))
            }
            proposals = new Proposals({ roll, clock, random })
            await proposals.recover()
          } else {
            const id = ids[one.which] ?? ''
            const person = one.by === 'alice' ? alice : bob
            if (one.kind === 'finish') await proposals.finish(id, { status: 204 })
            else if (one.kind === 'reject') {
              await proposals.reject(id, { actor: `operator/${one.by}`, organisation: 'home', reason: '' })
            } else {
              const before = proposals.named(id, 'home')
              const proposal = await proposals.begin(id, person, before.digest)
              begun.set(id, (begun.get(id) ?? 0) + 1)
              assert.notEqual(proposal.proposedBy, `operator/${one.by}`)
              assert.ok(proposal.expires > clock.wall())
            }
          }
        } catch (error) {
          if (!(error instanceof OperatorError)) throw error
        }
      }
      for (const [id, times] of begun) assert.equal(times, 1, id)
    }),
    { numRuns: 200 },
  )
})

test('a policy names acts that can be proposed, one by one or by theme', () => {
  const known = (act: string): boolean => ['key.drop', 'key.*'].includes(act)
  assert.equal(faultOfTwoPersonPolicy({ acts: ['key.drop'], hours: 1 }, known), undefined)
  for (const wrong of [
    { acts: ['key.drop', 'key.drop'], hours: 1 },
    { acts: ['key.read'], hours: 1 },
    { acts: ['*'], hours: 1 },
    { acts: [], hours: 0 },
    { acts: [], hours: 1.5 },
  ]) {
    assert.ok(faultOfTwoPersonPolicy(wrong, known), JSON.stringify(wrong))
  }
  assert.ok(asksForTwo({ acts: ['key.*'], hours: 1 }, 'key.drop'))
  assert.ok(!asksForTwo({ acts: ['key.*'], hours: 1 }, 'keyProvider.set'))
  assert.ok(asksForTwo(DEFAULT_TWO_PERSON_POLICY, 'shred.device'))
})

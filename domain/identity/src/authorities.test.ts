import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { DEVICE_CERTIFICATE, encodePem, ROOT_AUTHORITY } from '@holdfast/pki'
import { createHierarchy, issue, type Issued } from '@holdfast/pki/testing'
import { Authorities } from './authorities.ts'
import { IdentityError, type IdentityErrorCode } from './errors.ts'
import { AUTHORITIES_MAX } from './limits.ts'
import { countingRandom, ManualClock, MemoryAuthorityStore, recordedEvents } from './testing/index.ts'

let hierarchy: Awaited<ReturnType<typeof createHierarchy>>
let other: Issued

before(async () => {
  hierarchy = await createHierarchy('pump-1')
  other = await issue({ profile: ROOT_AUTHORITY, commonName: 'Other' })
})

async function world(store = new MemoryAuthorityStore()) {
  const { events, sink } = recordedEvents()
  store.sink = sink
  const clock = new ManualClock()
  const authorities = await Authorities.open({ store, clock, random: countingRandom(), events: sink })
  return { store, clock, events, authorities }
}

const pem = ({ certificate }: Issued): string => encodePem('CERTIFICATE', certificate.der)
const refusedWith = (code: IdentityErrorCode) => (error: unknown) =>
  error instanceof IdentityError && error.code === code
const proofFor = async (nonce: string, issuer = hierarchy.root): Promise<string> =>
  pem(await issue({ profile: DEVICE_CERTIFICATE, commonName: nonce, issuer }))

function nonceOf(authority: { readonly state: { readonly kind: string; readonly nonce?: string } }): string {
  assert.ok(authority.state.nonce !== undefined)
  return authority.state.nonce
}

test('an authority vouches for nobody until its owner has signed the nonce', async () => {
  const { authorities, events } = await world()
  const added = await authorities.add('plant', pem(hierarchy.root), 'operator/local')
  assert.equal(authorities.verified.length, 0)
  const verified = await authorities.verify('plant', await proofFor(nonceOf(added)), 'operator/local')
  assert.equal(verified.state.kind, 'verified')
  assert.deepEqual(
    authorities.verified.map(({ name }) => name),
    ['plant'],
  )
  assert.deepEqual(
    events.map(({ type, subject }) => `${type} ${subject}`),
    ['authority.added authority/plant', 'authority.verified authority/plant'],
  )
})

test('a proof for another nonce, by another authority or of nothing is refused, and told', async () => {
  const { authorities, events } = await world()
  const added = await authorities.add('plant', pem(hierarchy.root), 'a')
  const nonce = nonceOf(added)
  for (const proof of [
    await proofFor('0'.repeat(nonce.length)),
    await proofFor(nonce, other),
    pem(hierarchy.root),
    'nothing',
    '',
  ]) {
    await assert.rejects(authorities.verify('plant', proof, 'a'), refusedWith('bad-proof'))
  }
  assert.equal(events.filter(({ type }) => type === 'authority.verification-failed').length, 5)
  assert.equal(authorities.verified.length, 0)
  await authorities.verify('plant', await proofFor(nonce), 'a')
  await assert.rejects(authorities.verify('plant', await proofFor(nonce), 'a'), refusedWith('already-verified'))
  await assert.rejects(authorities.verify('plan', await proofFor(nonce), 'a'), refusedWith('missing'))
})

test('only a certificate of an authority, in its time, under a name of its own, is taken', async () => {
  const { authorities, clock } = await world()
  await assert.rejects(authorities.add('plant', pem(hierarchy.device), 'a'), refusedWith('not-an-authority'))
  await assert.rejects(authorities.add('plant', 'nothing', 'a'), refusedWith('bad-certificate'))
  await assert.rejects(authorities.add('plant', pem(other) + pem(other), 'a'), refusedWith('bad-certificate'))
  for (const name of ['', '../plant', 'a b', '-a', 'x'.repeat(129)]) {
    await assert.rejects(authorities.add(name, pem(other), 'a'), refusedWith('invalid'))
  }
  await authorities.add('plant', pem(other), 'a')
  await assert.rejects(authorities.add('plant', pem(hierarchy.root), 'a'), refusedWith('exists'))
  await assert.rejects(authorities.add('again', pem(other), 'a'), refusedWith('authority-known'))
  clock.advance(hierarchy.root.certificate.notAfter)
  await assert.rejects(authorities.add('late', pem(hierarchy.root), 'a'), refusedWith('not-an-authority'))
})

test('the same certificate added twice at once is taken once', async () => {
  const { authorities } = await world()
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, (_, at) => authorities.add(`plant-${at}`, pem(other), 'a')),
  )
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
})

test('what was verified is verified after a start', async () => {
  const { authorities, store } = await world()
  const added = await authorities.add('plant', pem(hierarchy.root), 'a')
  await authorities.verify('plant', await proofFor(nonceOf(added)), 'a')
  const again = await world(store)
  assert.deepEqual(
    again.authorities.verified.map(({ name, thumbprint }) => [name, thumbprint]),
    [['plant', hierarchy.root.certificate.sha256Thumbprint]],
  )
})

test('removing a verified authority cuts what rests on it, removing a pending one nothing', async () => {
  const { authorities } = await world()
  const added = await authorities.add('plant', pem(hierarchy.root), 'a')
  assert.deepEqual(await authorities.remove('plant', 'a'), { cuts: [] })
  const again = await authorities.add('plant', pem(hierarchy.root), 'a')
  assert.notEqual(nonceOf(again), nonceOf(added))
  await assert.rejects(authorities.verify('plant', await proofFor(nonceOf(added)), 'a'), refusedWith('bad-proof'))
  await authorities.verify('plant', await proofFor(nonceOf(again)), 'a')
  assert.equal((await authorities.remove('plant', 'a')).cuts.length, 1)
  await assert.rejects(authorities.remove('plant', 'a'), refusedWith('missing'))
})

test('listeners hear of every change after it holds, until they stop listening', async () => {
  const { authorities } = await world()
  const counts: number[] = []
  const stop = authorities.subscribe(() => counts.push(authorities.list().length))
  await authorities.add('plant', pem(other), 'a')
  await authorities.remove('plant', 'a')
  stop()
  await authorities.add('plant', pem(other), 'a')
  assert.deepEqual(counts, [1, 0])
})

test('there are only so many authorities', async () => {
  const { authorities, store, clock } = await world()
  const one = await authorities.add('plant', pem(other), 'a')
  for (let at = 1; at < AUTHORITIES_MAX; at += 1) {
    store.authorities.set(`plant-${at}`, { ...one, name: `plant-${at}`, createdTime: clock.wall() })
  }
  const full = await world(store)
  await assert.rejects(full.authorities.add('more', pem(hierarchy.root), 'a'), refusedWith('too-many-authorities'))
})

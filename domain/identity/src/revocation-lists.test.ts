import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Timestamp, timestampOf } from '@holdfast/base'
import { DEVICE_CERTIFICATE, issueCrl, type RevokedCertificate, ISSUING_AUTHORITY } from '@holdfast/pki'
import { createHierarchy, type Issued, issue } from '@holdfast/pki/testing'
import { type Authority, cuts, IdentityError, type IdentityErrorCode, RevocationLists } from './index.ts'
import { ManualClock, MemoryRevocationListStore, recordedEvents, TEST_START } from './testing/index.ts'

const NOW = timestampOf(TEST_START)
const DAY_MS = 86_400_000
const { root, issuing, device } = await createHierarchy('pump-1', NOW)

function authorityOf(name: string, { certificate }: Issued): Authority {
  return {
    name,
    certificate: certificate.der,
    etag: 'e',
    createdTime: NOW,
    state: { kind: 'verified', at: NOW },
    parsed: certificate,
    thumbprint: certificate.sha256Thumbprint,
  }
}

async function list(
  by: Issued,
  revoked: readonly Issued[],
  times: { readonly number?: bigint; readonly from?: Timestamp; readonly days?: number } = {},
): Promise<Uint8Array> {
  const from = times.from ?? NOW
  const entries: RevokedCertificate[] = revoked.map(({ certificate }) => ({
    serialNumber: certificate.serialNumber,
    revokedAt: NOW,
    reason: 'keyCompromise',
  }))
  const nextUpdate = timestampOf(from + (times.days ?? 7) * DAY_MS)
  return issueCrl({
    issuer: by.certificate,
    signer: by.signer,
    number: times.number ?? 1n,
    thisUpdate: from,
    nextUpdate,
    entries,
  })
}

async function stage() {
  const clock = new ManualClock()
  const { events, sink } = recordedEvents()
  const store = new MemoryRevocationListStore(sink)
  const parts = { store, clock, events: sink }
  const lists = await RevocationLists.open(parts)
  return { store, clock, events, parts, lists, plant: authorityOf('plant', root) }
}

const path = [device.certificate, issuing.certificate, root.certificate]

async function refused(change: Promise<unknown>, code: IdentityErrorCode): Promise<void> {
  await assert.rejects(change, (error) => error instanceof IdentityError && error.code === code)
}

test('a certificate on a list of its issuer is revoked, and what stands on its path falls with it', async () => {
  const { lists, plant, parts } = await stage()
  assert.equal(lists.judge(lists.linksOf(path), NOW), undefined)
  const before = lists.cutsMade
  const { cuts: made } = await lists.put(plant, { list: await list(root, [issuing]) }, 'a')
  assert.ok(lists.cutsMade > before, 'decisions under way are made anew')
  for (const one of [lists, await RevocationLists.open(parts)]) {
    assert.equal(one.judge(one.linksOf(path), NOW)?.code, 'certificate-revoked')
  }
  const basis = { kind: 'authority', name: 'plant', thumbprint: 'T', path: lists.linksOf(path) } as const
  assert.deepEqual(
    made.map((cut) => cuts(cut, { deviceId: 'pump-1', generationId: 'g', basis })),
    [true],
  )
  const other = await createHierarchy('pump-2', NOW)
  const foreign = lists.linksOf([other.device.certificate, other.issuing.certificate, other.root.certificate])
  assert.equal(lists.judge(foreign, NOW), undefined)
  assert.equal(
    cuts(made[0] ?? assert.fail(), { deviceId: 'x', generationId: 'g', basis: { ...basis, path: foreign } }),
    false,
  )
})

test('an authority that stands below another is revoked by the list of that one', async () => {
  const { lists, plant } = await stage()
  await lists.put(plant, { list: await list(root, [issuing]) }, 'a')
  // The path ends at the intermediate, which is an anchor by itself here.
  const short = lists.linksOf([device.certificate, issuing.certificate])
  assert.equal(lists.judge(short, NOW)?.code, 'certificate-revoked')
})

test('a list of a CA below the authority is taken with its certificate', async () => {
  const { lists, plant } = await stage()
  const revoking = await list(issuing, [device])
  await refused(lists.put(plant, { list: revoking }, 'a'), 'bad-revocation-list')
  await lists.put(plant, { list: revoking, issuer: issuing.certificate.der }, 'a')
  assert.equal(lists.judge(lists.linksOf(path), NOW)?.code, 'certificate-revoked')
  const leafAsIssuer = lists.put(plant, { list: revoking, issuer: device.certificate.der }, 'a')
  await refused(leafAsIssuer, 'not-an-authority')
  const stranger = await createHierarchy('s', NOW)
  const foreign = { list: await list(stranger.issuing, []), issuer: stranger.issuing.certificate.der }
  await refused(lists.put(plant, foreign, 'a'), 'not-an-authority')
  await refused(lists.put(plant, { ...foreign, issuer: new Uint8Array(9) }, 'a'), 'bad-certificate')
})

test('a list that its issuer did not sign, of a time to come, or older than the one before, is not taken', async () => {
  const { lists, plant, clock } = await stage()
  const good = await list(root, [issuing], { number: 5n })
  const broken = good.slice()
  broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
  const early = await list(root, [], { from: timestampOf(NOW + DAY_MS) })
  for (const bytes of [broken, early, new Uint8Array(0), Buffer.from('<html>'), root.certificate.der]) {
    await refused(lists.put(plant, { list: bytes }, 'a'), 'bad-revocation-list')
  }
  await refused(lists.put(plant, {}, 'a'), 'invalid')
  await lists.put(plant, { list: good }, 'a')
  clock.advance(DAY_MS)
  const lower = await list(root, [], { number: 4n, from: timestampOf(NOW + 1_000) })
  const earlier = await list(root, [], { number: 6n, from: timestampOf(NOW - 1_000) })
  for (const bytes of [lower, earlier]) await refused(lists.put(plant, { list: bytes }, 'a'), 'revocation-list-older')
  assert.equal(lists.judge(lists.linksOf(path), NOW)?.code, 'certificate-revoked', 'what was there stays')
})

test('a list past its end is told once; what it means is the choice of the operator', async () => {
  const { lists, plant, clock, events } = await stage()
  await lists.put(plant, { list: await list(root, [], { days: 1 }) }, 'a')
  clock.advance(DAY_MS)
  for (let time = 0; time < 2; time += 1) assert.deepEqual(lists.sweep(clock.wall()), [])
  assert.equal(events.filter(({ type }) => type === 'revocation-list.stale').length, 1)
  assert.equal(lists.judge(lists.linksOf(path), clock.wall()), undefined)
  const { cuts: made } = await lists.put(plant, { whenStale: 'refuse' }, 'a')
  assert.equal(made.length, 1)
  assert.equal(lists.judge(lists.linksOf(path), clock.wall())?.code, 'revocation-unknown')
  assert.equal(lists.staleAt(clock.wall()).length, 1)
  await lists.put(plant, { list: await list(root, [], { number: 2n, from: clock.wall() }) }, 'a')
  assert.equal(lists.judge(lists.linksOf(path), clock.wall()), undefined)
  assert.deepEqual(lists.staleAt(clock.wall()), [])
})

test('a list that has never come is out of date, and counts as such where that was chosen', async () => {
  const { lists, plant } = await stage()
  await lists.put(plant, { url: 'http://ca.example/x', whenStale: 'refuse' }, 'a')
  assert.equal(lists.judge(lists.linksOf(path), NOW)?.code, 'revocation-unknown')
})

test('a removed list, and the lists of a removed authority, say nothing any more', async () => {
  const { lists, plant, store } = await stage()
  const { list: known } = await lists.put(plant, { list: await list(root, [issuing]) }, 'a')
  await lists.remove('plant', known.issuerKey, 'a')
  assert.equal(lists.judge(lists.linksOf(path), NOW), undefined)
  assert.equal(store.lists.size, 0)
  await refused(lists.remove('plant', known.issuerKey, 'a'), 'missing')
  await lists.put(plant, { list: await list(root, [issuing]) }, 'a')
  lists.forget('plant')
  assert.equal(lists.judge(lists.linksOf(path), NOW), undefined)
})

test('a CA with another key of the same name is another CA to its lists', async () => {
  const { lists, plant } = await stage()
  const again = await issue({ profile: ISSUING_AUTHORITY, commonName: 'Test Issuing', issuer: root, now: NOW })
  const sibling = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-3', issuer: again, now: NOW })
  await lists.put(plant, { list: await list(issuing, [sibling]), issuer: issuing.certificate.der }, 'a')
  const links = lists.linksOf([sibling.certificate, again.certificate, root.certificate])
  assert.equal(lists.judge(links, NOW), undefined)
})

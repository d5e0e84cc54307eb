import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { createCertificationRequest, parseCertificate, verifyChain } from '@holdfast/pki'
import { createMemorySigner, signerOf } from '@holdfast/pki/testing'
import { generateKeyPairSync } from 'node:crypto'
import type { CredentialErrorCode } from './errors.ts'
import { credentialWorld } from './testing/index.ts'

const PUMP = { deviceId: 'pump-1' }
const DAY_MS = 86_400_000
const by = { actor: 'device/pump-1', via: 'est' } as const
const refusedWith = (code: CredentialErrorCode) => ({ name: 'CredentialError', code })

test('what is issued leads to the root, is for the key of the request and says no more than the profile', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const signer = createMemorySigner()
  const { chain, record } = await world.service.issue({
    key: PUMP,
    request: await world.request('pump-1', signer),
    ...by,
  })
  const [leaf, ...above] = chain
  assert.ok(leaf !== undefined)
  const verdict = verifyChain({
    leaf,
    intermediates: above,
    anchors: [world.root.certificate],
    now: world.clock.wall(),
    purpose: 'client',
  })
  assert.equal(verdict.kind, 'trusted')
  const certificate = parseCertificate(leaf)
  assert.deepEqual(Buffer.from(certificate.spki), Buffer.from(signer.publicKey))
  assert.equal(certificate.commonName, 'pump-1')
  assert.equal(certificate.serialNumber.length, 32)
  assert.equal(
    record.renewalTime,
    certificate.notBefore + Math.floor(((certificate.notAfter - certificate.notBefore) * 2) / 3),
  )
  assert.equal(certificate.notAfter, world.clock.wall() + 90 * DAY_MS)
  const [event] = world.events.filter(({ type }) => type === 'certificate.issued')
  assert.equal(event?.subject, 'device/pump-1')
  assert.equal(event?.detail.sha256, record.sha256)
})

test('a request in the name of another, of no form or of a weak key is refused', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const issue = async (request: Uint8Array) => world.service.issue({ key: PUMP, request, ...by })
  await assert.rejects(issue(await world.request('pump-2')), refusedWith('wrong-name'))
  await assert.rejects(issue(await world.request('PUMP-1')), refusedWith('wrong-name'))
  await assert.rejects(issue(Uint8Array.of(1, 2, 3)), refusedWith('bad-request'))
  const changed = new Uint8Array(await world.request('pump-1'))
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  await assert.rejects(issue(changed), refusedWith('bad-request'))
  const weak = signerOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }), 'rsa-sha256')
  await assert.rejects(createCertificationRequest({ commonName: 'pump-1' }, weak), { code: 'weak-key' })
  assert.equal(world.store.records.length, 0)
})

test('a module has a certificate of its own, and falls with its device', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const key = { deviceId: 'pump-1', moduleId: 'm' }
  await world.registry.create({ ...key, authentication: { kind: 'certificateAuthority' } }, 'x')
  const { certificate } = await world.obtain(key)
  assert.equal(parseCertificate(certificate).commonName, 'pump-1/m')
  assert.equal((await world.show(key, certificate)).kind, 'allowed')
  await world.registry.delete(PUMP, 'x')
  assert.equal(world.store.records[0]?.state, 'revoked')
})

test('a profile takes the kinds of keys that it names, and no others', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.profiles.set('device', { keyKinds: ['P-384', 'ed25519'] }, 'x')
  const issue = async (kind: 'P-256' | 'P-384' | 'ed25519' | 'rsa') =>
    world.service.issue({ key: PUMP, request: await world.request('pump-1', createMemorySigner(kind)), ...by })
  await assert.rejects(issue('P-256'), refusedWith('key-kind'))
  await assert.rejects(issue('rsa'), refusedWith('key-kind'))
  await issue('P-384')
  await issue('ed25519')
})

test('a device chooses among open profiles; what is not open to it does not exist', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.profiles.set('gateway', { isServer: true, domain: 'plant.example' }, 'x')
  const issue = async (label?: string) =>
    world.service.issue({ key: PUMP, request: await world.request('pump-1'), ...by, ...(label && { label }) })
  await assert.rejects(issue('gateway'), refusedWith('profile-closed'))
  await assert.rejects(issue('nothing'), refusedWith('profile-closed'))
  await world.service.chooseProfile(PUMP, 'gateway', 'operator/local')
  for (const label of [undefined, 'gateway']) {
    const { record } = await issue(label)
    assert.equal(record.profile, 'gateway')
    const text = Buffer.from(record.certificate).toString('latin1')
    assert.ok(text.includes('pump-1.plant.example'))
  }
  await world.service.chooseProfile(PUMP, undefined, 'operator/local')
  assert.equal((await issue()).record.profile, 'device')
  await assert.rejects(world.service.chooseProfile(PUMP, 'nothing', 'x'), refusedWith('profile-missing'))
  await assert.rejects(world.service.chooseProfile({ deviceId: 'x' }, 'gateway', 'x'), refusedWith('identity-missing'))
})

test('a renewal keeps the profile, asks for the same subject and says what it renews', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.profiles.set('long', { lifetimeMs: 300 * DAY_MS, isOpen: true }, 'x')
  const request = await world.request('pump-1')
  const { record: first } = await world.service.issue({ key: PUMP, request, label: 'long', ...by })
  const other = await createCertificationRequest({ commonName: 'pump-1', organization: 'Other' }, createMemorySigner())
  await assert.rejects(
    world.service.renew({ sha256: first.sha256, request: other, ...by }),
    refusedWith('wrong-subject'),
  )
  const renew = async () => world.service.renew({ sha256: first.sha256, request: await world.request('pump-1'), ...by })
  const { record } = await renew()
  assert.equal(record.profile, 'long')
  const [event] = world.events.filter(({ type }) => type === 'certificate.renewed')
  assert.equal(event?.detail.renews, first.sha256)
  await world.service.revoke(first.serialNumber, 'superseded', 'x')
  await assert.rejects(renew(), refusedWith('not-renewable'))
})

test('a certificate that is revoked while its renewal waits for the device’s turn is not renewed', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { sha256, serialNumber } = await world.obtain(PUMP)
  const request = await world.request('pump-1')
  let revoked: Promise<unknown> | undefined
  await world.issued.inTurn(PUMP, async () => {
    revoked = world.service.revoke(serialNumber, 'keyCompromise', 'operator/local')
    await new Promise((resolve) => setImmediate(resolve))
    const renewed = world.service.renew({ sha256, request, ...by })
    renewed.catch(() => undefined)
    revoked = Promise.all([revoked, assert.rejects(renewed, refusedWith('not-renewable'))])
  })
  await revoked
  assert.deepEqual(
    world.store.records.map(({ state }) => state),
    ['revoked'],
  )
})

test('who proved itself before its identity was made anew, or given other keys, gets nothing', async () => {
  const world = await credentialWorld()
  await world.registry.create(PUMP, 'x')
  const before = await world.registry.read(PUMP)
  assert.ok(before !== undefined)
  const { generationId, etag } = before
  const issue = async (proved: { generationId: string; etag?: string }) =>
    world.service.issue({ key: PUMP, request: await world.request('pump-1'), proved, ...by })
  await world.registry.regenerateKey(PUMP, 'primary', 'x')
  await assert.rejects(issue({ generationId, etag }), refusedWith('busy'))
  await world.registry.delete(PUMP, 'x')
  await world.registry.create(PUMP, 'x')
  await assert.rejects(issue({ generationId }), refusedWith('busy'))
  assert.equal(world.store.records.length, 0)
})

test('a renewal is had within the grace and not past it, nor by a successor of the identity', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.profiles.set('device', { lifetimeMs: DAY_MS, graceMs: DAY_MS }, 'x')
  const renew = async (sha256: string) => world.service.renew({ sha256, request: await world.request('pump-1'), ...by })
  const first = await world.obtain(PUMP)
  world.clock.advance(2 * DAY_MS - 1)
  const { record } = await renew(first.sha256)
  assert.equal(record.state, 'next')
  world.clock.advance(2 * DAY_MS)
  await assert.rejects(renew(record.sha256), refusedWith('not-renewable'))
  // What is past its grace counts for nothing: the next one is the current one.
  assert.equal((await world.obtain(PUMP)).state, 'current')
})

test('one key is one identity’s, until that is gone', async () => {
  const world = await credentialWorld()
  for (const id of ['a', 'b']) await world.device(id)
  const signer = createMemorySigner()
  await world.obtain({ deviceId: 'a' }, signer)
  await assert.rejects(world.obtain({ deviceId: 'b' }, signer), refusedWith('key-in-use'))
  await world.obtain({ deviceId: 'a' }, signer)
  await world.registry.delete({ deviceId: 'a' }, 'x')
  await world.obtain({ deviceId: 'b' }, signer)
})

test('a key whose certificate was revoked because it was lost gets none again; one that was superseded may', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const [lost, kept] = [createMemorySigner(), createMemorySigner()]
  await world.service.revoke((await world.obtain(PUMP, lost)).serialNumber, 'keyCompromise', 'x')
  await assert.rejects(world.obtain(PUMP, lost), refusedWith('key-revoked'))
  await world.service.revoke((await world.obtain(PUMP, kept)).serialNumber, 'superseded', 'x')
  await world.obtain(PUMP, kept)
})

test('an identity that is not there, is disabled or proves itself by nothing gets none', async () => {
  const world = await credentialWorld()
  await assert.rejects(world.obtain(PUMP), refusedWith('identity-missing'))
  await world.device('pump-1')
  await world.registry.update(PUMP, { status: 'disabled' }, 'x')
  await assert.rejects(world.obtain(PUMP), refusedWith('identity-disabled'))
  await world.registry.create({ deviceId: 'none', authentication: { kind: 'none' } }, 'x')
  await assert.rejects(world.obtain({ deviceId: 'none' }), refusedWith('wrong-authentication'))
  await world.registry.create({ deviceId: 'keyed' }, 'x')
  await world.profiles.set('device', { mayReplaceKeys: false }, 'x')
  await assert.rejects(world.obtain({ deviceId: 'keyed' }), refusedWith('wrong-authentication'))
})

test('requests that come at once leave one current certificate and one next', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await Promise.all(Array.from({ length: 12 }, () => world.obtain(PUMP)))
  const states = world.store.records.map(({ state }) => state)
  assert.equal(states.filter((state) => state === 'current').length, 1)
  assert.equal(states.filter((state) => state === 'next').length, 1)
})

test('records of one identity are bounded, and nothing that is live or revoked is given up', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.service.revoke((await world.obtain(PUMP)).serialNumber, 'superseded', 'x')
  for (let n = 0; n < 40; n += 1) await world.obtain(PUMP)
  const states = world.store.records.map(({ state }) => state)
  assert.equal(states.filter((state) => state === 'retired').length, 30)
  assert.deepEqual(new Set(states), new Set(['revoked', 'current', 'retired', 'next']))
})

test('what is due and what lapses are told in order', async () => {
  const world = await credentialWorld()
  for (const id of ['a', 'b']) await world.device(id)
  const a = await world.obtain({ deviceId: 'a' })
  world.clock.advance(10 * DAY_MS)
  await world.obtain({ deviceId: 'b' })
  const ids = (records: readonly { readonly key: { readonly deviceId: string } }[]) =>
    records.map(({ key }) => key.deviceId)
  const page = { limit: 10 }
  assert.deepEqual(ids(await world.service.dueForRenewal(world.clock.wall(), page)), [])
  world.clock.advance(50 * DAY_MS)
  assert.deepEqual(ids(await world.service.dueForRenewal(world.clock.wall(), page)), ['a'])
  world.clock.advance(10 * DAY_MS)
  assert.deepEqual(ids(await world.service.dueForRenewal(world.clock.wall(), page)), ['a', 'b'])
  await world.obtain({ deviceId: 'a' })
  assert.deepEqual(ids(await world.service.dueForRenewal(world.clock.wall(), page)), ['b'])
  const to = timestampOf(a.notAfter + 1)
  assert.deepEqual(ids(await world.service.expiring(timestampOf(0), to, page)), ['a'])
})

test('an issuer that has ended issues nothing', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  world.clock.advance(1_826 * DAY_MS)
  await assert.rejects(world.obtain(PUMP), refusedWith('no-issuer'))
})

test('no certificate outlives its issuer', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  world.clock.advance(1_800 * DAY_MS)
  assert.equal((await world.obtain(PUMP)).notAfter, world.issuing.certificate.notAfter)
})

test('records are forgotten when they can be of no use any more', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.obtain(PUMP)
  world.clock.advance((90 + 30 + 90) * DAY_MS)
  assert.equal(await world.service.sweep(), 0)
  world.clock.advance(1)
  assert.equal(await world.service.sweep(), 1)
})

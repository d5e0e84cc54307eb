import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from '@holdfast/identity'
import { certificateFacts } from '@holdfast/pki'
import { credentialWorld } from './testing/index.ts'

const PUMP = { deviceId: 'pump-1' }
const DAY_MS = 86_400_000

function allowed(decision: Decision) {
  assert.ok(decision.kind === 'allowed', JSON.stringify(decision))
  return decision
}

const codeOf = (decision: Decision): string => (decision.kind === 'denied' ? decision.code : decision.kind)

test('a certificate of the hub proves the identity that it was issued to, and nobody else', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.device('pump-2')
  const { sha256, notAfter, certificate } = await world.obtain(PUMP)
  const decision = allowed(await world.show(PUMP, certificate))
  assert.deepEqual(decision.basis, { kind: 'issued', sha256 })
  assert.equal(decision.expires, notAfter)
  assert.equal(decision.lane, 'full')
  assert.equal(decision.authMethod, '{"scope":"device","type":"x509","issuer":"iothub","acceptingIpFilterRule":null}')
  assert.equal(codeOf(await world.show({ deviceId: 'pump-2' }, certificate)), 'certificate-name')
  assert.equal(codeOf(await world.show({ deviceId: 'nobody' }, certificate)), 'unknown-identity')
})

test('a certificate of our issuer that is on no record is unknown, although the issuer signed it', async () => {
  const [world, other] = [await credentialWorld(), await credentialWorld()]
  for (const { device } of [world, other]) await device('pump-1')
  const { certificate } = await world.obtain(PUMP)
  // As after the loss of the records, or by somebody who got hold of the issuer's key.
  other.issuers.splice(0, 1, world.issuing.certificate)
  assert.equal(codeOf(await other.show(PUMP, certificate)), 'certificate-unknown')
})

test('the first sight of the successor retires the former, whose session lives on for the overlap', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const first = await world.obtain(PUMP)
  assert.equal(first.state, 'current')
  allowed(await world.show(PUMP, first.certificate))
  const second = await world.obtain(PUMP)
  assert.equal(second.state, 'next')
  allowed(await world.show(PUMP, first.certificate))
  allowed(await world.show(PUMP, second.certificate))
  assert.equal(codeOf(await world.show(PUMP, first.certificate)), 'certificate-retired')
  assert.equal((await world.store.readIssued(second.sha256))?.state, 'current')
  world.clock.advance(3_599_000)
  await world.issued.closeOverlaps()
  assert.deepEqual(world.cuts, [])
  world.clock.advance(1_000)
  await world.issued.closeOverlaps()
  assert.deepEqual(world.cuts, [{ kind: 'certificate', sha256: first.sha256 }])
  await world.issued.closeOverlaps()
  assert.equal(world.cuts.length, 1)
})

test('an unseen successor gives way to a newer one, and what is in use stays in use', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const first = await world.obtain(PUMP)
  allowed(await world.show(PUMP, first.certificate))
  const lost = await world.obtain(PUMP)
  const second = await world.obtain(PUMP)
  assert.equal(codeOf(await world.show(PUMP, lost.certificate)), 'certificate-retired')
  allowed(await world.show(PUMP, first.certificate))
  allowed(await world.show(PUMP, second.certificate))
  assert.equal(world.store.records.filter(({ state }) => state === 'current' || state === 'next').length, 1)
})

test('one that has expired is good for the lane of renewal within its grace, and then for nothing', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.profiles.set('device', { lifetimeMs: 30 * DAY_MS, graceMs: 7 * DAY_MS }, 'test')
  const { certificate, notAfter } = await world.obtain(PUMP)
  world.clock.advance(30 * DAY_MS)
  const decision = allowed(await world.show(PUMP, certificate))
  assert.equal(decision.lane, 'renewal')
  assert.equal(decision.expires, notAfter + 7 * DAY_MS)
  world.clock.advance(7 * DAY_MS)
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-expired')
})

test('one that is not valid yet is refused, but for the skew of clocks', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { certificate } = await world.obtain(PUMP)
  // Five minutes before now by its issuing, and five by the skew.
  world.clock.advance(-599_000)
  allowed(await world.show(PUMP, certificate))
  world.clock.advance(-2_000)
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-not-yet-valid')
})

test('a revoked one is cut off, and a decision from before is not current any more', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { certificate, serialNumber, sha256 } = await world.obtain(PUMP)
  allowed(await world.show(PUMP, certificate))
  const before = world.issued.cutsMade
  const revoked = await world.service.revoke(serialNumber, 'keyCompromise', 'operator/local')
  assert.deepEqual(world.cuts, [{ kind: 'certificate', sha256 }])
  assert.equal(revoked.sessionsClosed, 1)
  assert.ok(world.issued.cutsMade > before)
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-revoked')
  await assert.rejects(world.service.revoke(serialNumber, 'unspecified', 'x'), { code: 'already-revoked' })
  await assert.rejects(world.service.revoke('AB', 'unspecified', 'x'), { code: 'missing' })
  const page = { limit: 10 }
  assert.deepEqual(
    (await world.service.revoked(world.clock.wall(), page)).map((one) => one.reason),
    ['keyCompromise'],
  )
})

test('a certificate whose issuer does not count any more proves nothing', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { certificate } = await world.obtain(PUMP)
  world.issuers.pop()
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-untrusted')
})

test('a device that is made anew under its id inherits nothing, although the records are there', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { certificate } = await world.obtain(PUMP)
  await world.registry.delete(PUMP, 'x')
  assert.equal(world.store.records[0]?.reason, 'cessationOfOperation')
  await world.device('pump-1')
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-revoked')
})

test('the end of an identity holds also where the disk does not take the end of its certificates', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { certificate } = await world.obtain(PUMP)
  world.store.isBroken = true
  await world.registry.delete(PUMP, 'x')
  assert.equal(world.faults.length, 1)
  world.store.isBroken = false
  await world.device('pump-1')
  assert.equal(world.store.records[0]?.state, 'current')
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-revoked')
  await world.follower.settle()
  assert.equal(world.store.records[0]?.reason, 'cessationOfOperation')
})

test('what is made good late falls on who is gone, not on who has come under the same id since', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.obtain(PUMP)
  world.store.isBroken = true
  await world.registry.delete(PUMP, 'x')
  world.store.isBroken = false
  await world.device('pump-1')
  const successor = await world.obtain(PUMP)
  allowed(await world.show(PUMP, successor.certificate))
  await world.follower.settle()
  assert.deepEqual(
    world.store.records.map(({ state, reason }) => [state, reason]),
    [
      ['revoked', 'cessationOfOperation'],
      ['current', undefined],
    ],
  )
  allowed(await world.show(PUMP, successor.certificate))
})

test('a hold is not lifted late from an identity that was disabled again', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  await world.obtain(PUMP)
  await world.registry.update(PUMP, { status: 'disabled' }, 'x')
  world.store.isBroken = true
  await world.registry.update(PUMP, { status: 'enabled' }, 'x')
  world.store.isBroken = false
  await world.registry.update(PUMP, { status: 'disabled' }, 'x')
  await world.follower.settle()
  assert.equal(world.store.records[0]?.reason, 'certificateHold')
})

test('a disabled identity has its certificates on hold, and gets them back as they were', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const first = await world.obtain(PUMP)
  allowed(await world.show(PUMP, first.certificate))
  const second = await world.obtain(PUMP)
  await world.registry.update(PUMP, { status: 'disabled' }, 'x')
  assert.deepEqual(
    world.store.records.map(({ reason }) => reason),
    ['certificateHold', 'certificateHold'],
  )
  assert.equal((await world.service.revoked(world.clock.wall(), { limit: 9 })).length, 2)
  await world.registry.update(PUMP, { status: 'enabled' }, 'x')
  assert.deepEqual(
    world.store.records.map(({ state }) => state),
    ['current', 'next'],
  )
  allowed(await world.show(PUMP, first.certificate))
  allowed(await world.show(PUMP, second.certificate))
})

test('a hold ends for good when the certificate is revoked for good', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { serialNumber, certificate } = await world.obtain(PUMP)
  await world.registry.update(PUMP, { status: 'disabled' }, 'x')
  await world.service.revoke(serialNumber, 'keyCompromise', 'x')
  await world.registry.update(PUMP, { status: 'enabled' }, 'x')
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-revoked')
})

test('another way to prove itself ends the certificates; leaving keys for them does not', async () => {
  const world = await credentialWorld()
  await world.registry.create(PUMP, 'x')
  const { certificate } = await world.obtain(PUMP)
  const decision = allowed(await world.show(PUMP, certificate))
  assert.equal(decision.basis.kind, 'issued')
  assert.equal((await world.registry.read(PUMP))?.authentication.kind, 'certificateAuthority')
  assert.deepEqual(world.cuts, [{ kind: 'authentication', deviceId: 'pump-1', keepsIssued: true }])
  allowed(await world.show(PUMP, certificate))
  await world.registry.update(PUMP, { authentication: { kind: 'sas' } }, 'x')
  assert.equal(world.store.records[0]?.reason, 'affiliationChanged')
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-revoked')
})

test('a certificate that a key was good for falls with the key, until the device has left it', async () => {
  const world = await credentialWorld()
  await world.registry.create(PUMP, 'x')
  const { certificate } = await world.obtain(PUMP)
  await world.registry.regenerateKey(PUMP, 'primary', 'x')
  assert.equal(codeOf(await world.show(PUMP, certificate)), 'certificate-revoked')
})

test('keys that were given back end the certificate, also where its end was not written down', async () => {
  const world = await credentialWorld()
  await world.registry.create(PUMP, 'x')
  const { certificate, sha256 } = await world.obtain(PUMP)
  allowed(await world.show(PUMP, certificate))
  allowed(await world.show(PUMP, certificate))
  const identity = await world.registry.read(PUMP)
  assert.equal(identity?.authentication.kind, 'certificateAuthority')
  // As a hub that is killed between the two writes leaves it.
  const found = await world.issued.find(certificateFacts([certificate]))
  const keyed = { ...identity, authentication: { kind: 'sas', primaryKey: 'a', secondaryKey: 'b' } } as const
  const judgement = found?.judge(keyed, world.clock.wall())
  assert.equal(judgement?.kind === 'denied' && judgement.code, 'wrong-credential-kind')
  assert.equal((await world.store.readIssued(sha256))?.state, 'current')
})

test('a failure to write down the first sight is tried again at the next', async () => {
  const world = await credentialWorld()
  await world.device('pump-1')
  const { certificate, sha256 } = await world.obtain(PUMP)
  world.store.isBroken = true
  allowed(await world.show(PUMP, certificate))
  assert.equal(world.faults.length, 1)
  world.store.isBroken = false
  allowed(await world.show(PUMP, certificate))
  assert.equal((await world.store.readIssued(sha256))?.seenTime, world.clock.wall())
})

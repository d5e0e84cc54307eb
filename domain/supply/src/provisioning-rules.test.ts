import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeLife } from './life-rules.ts'
import { ACTOR, newEntry, provision, supplyWorld } from './testing/world.ts'

type Rules = Awaited<ReturnType<typeof supplyWorld>>['rules']
type Attested = Parameters<Rules['assigning']>[0]

/** What provisioning hands over of a device that came by an ordinary enrolment. */
function attested(deviceInformation: string | undefined): Attested {
  return {
    kind: 'attested',
    registrationId: 'd',
    enrollment: { id: 'd', scope: 'individual', ...(deviceInformation === undefined ? {} : { deviceInformation }) },
    proof: { kind: 'symmetricKey', primaryKey: 'AAAA', secondaryKey: 'BBBB' },
  } as unknown as Attested
}

test('an enrolment says of which model its device is, and nothing else of what it holds means anything', async () => {
  for (const [information, model] of [
    ['{"holdfast":{"model":"site"},"other":1}', 'site'],
    ['{"holdfast":{"model":7}}', undefined],
    ['{"holdfast":"site"}', undefined],
    ['{"model":"site"}', undefined],
    ['[]', undefined],
    ['null', undefined],
    [undefined, undefined],
  ] as const) {
    const world = await supplyWorld()
    await world.rules.assigning(attested(information), 'd')
    world.create('d')
    await world.rules.assigned(attested(information), 'd')
    const life = await world.lives.read('d')
    assert.deepEqual(
      [life.model, life.state],
      [model, model === undefined ? 'active' : 'provisioned'],
      String(information),
    )
  }
})

test('a model that is not there narrows its devices: what cannot be known is not assumed', async () => {
  const world = await supplyWorld()
  await world.rules.assigning(attested('{"holdfast":{"model":"nothing"}}'), 'd')
  const { generationId } = world.create('d')
  await world.rules.assigned(attested('{"holdfast":{"model":"nothing"}}'), 'd')
  const connection = { generationId, basis: { kind: 'device-key', slot: 'primary' }, isModule: false } as const
  const verdict = judgeLife(await world.lives.written('d'), world.models.requirements('nothing'), connection)
  assert.equal(verdict.kind === 'restrict' ? verdict.code : verdict.kind, 'model-unknown')
})

test('a stop between the life and the identity leaves the device judged, and it goes on from there', async () => {
  const world = await supplyWorld()
  await world.owners.add('a', ACTOR)
  await world.store.importEntries([newEntry(world, 's')])
  await world.claims.claim({ by: { kind: 'serial', serial: 's' }, owner: 'a' }, ACTOR)
  await world.lives.change(
    's',
    { kind: 'provisioning', facts: { model: 'plain', manufacturer: 'acme', serial: 's', owner: 'a' } },
    ACTOR,
  )
  const { generationId } = world.create('s')
  const connection = { generationId, basis: { kind: 'thumbprint', thumbprint: 'AA' }, isModule: false } as const
  const judge = async () =>
    judgeLife(await world.lives.written('s'), world.models.requirements('plain'), connection).kind
  assert.equal(await judge(), 'restrict')
  assert.equal(await provision(world, 's'), true)
  assert.equal(await judge(), 'pass')
  assert.equal((await world.lives.read('s')).state, 'active')
})

test('a public key alone is matched by the key of the certificate that is shown, and by no other certificate', async () => {
  const world = await supplyWorld()
  await world.owners.add('a', ACTOR)
  await world.store.importEntries([newEntry(world, 's')])
  assert.equal(await world.rules.bindingOf('s', undefined), undefined)
  await world.claims.claim({ by: { kind: 'serial', serial: 's' }, owner: 'a' }, ACTOR)
  for (const leaf of [undefined, new Uint8Array(), Uint8Array.of(0x30, 0x00)]) {
    const enrollment = await world.rules.bindingOf('s', leaf)
    assert.ok(enrollment?.attestation.kind === 'x509')
    assert.equal(enrollment.attestation.primary.length, 0)
  }
})

test('the keys of a retired device are known again in whatever form', async () => {
  const world = await supplyWorld()
  const { authentication } = world.create('d', 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=')
  assert.ok(authentication.kind === 'sas')
  const { primaryKey } = authentication
  const proof = { kind: 'symmetricKey', primaryKey: 'b3RoZXI=', secondaryKey: primaryKey } as const
  assert.equal(await world.rules.areRetired(proof), false)
  await world.retirements.retire('d', '', ACTOR)
  assert.equal(await world.rules.areRetired(proof), true)
  assert.equal(await world.rules.areRetired({ ...proof, secondaryKey: 'bmV3' }), false)
  assert.ok(!JSON.stringify(world.store.tombstones).includes(primaryKey))
})

test('a retired device that had left its key for a certificate does not come back by the key of its enrolment', async () => {
  const world = await supplyWorld()
  const identity = world.create('d')
  world.identities.set('d', { ...identity, authentication: { kind: 'certificateAuthority' } })
  world.enrolled.set('d', ['ZGVyaXZlZA=='])
  await world.retirements.retire('d', '', ACTOR)
  const proof = { kind: 'symmetricKey', primaryKey: 'ZGVyaXZlZA==', secondaryKey: 'b3RoZXI=' } as const
  assert.equal(await world.rules.areRetired(proof), true)
})

test('a device that is retired while it is provisioned is refused at once, and ended', async () => {
  const world = await supplyWorld()
  const { authentication } = world.create('d')
  assert.ok(authentication.kind === 'sas')
  await world.retirements.retire('d', '', ACTOR)
  // Its registration was let in before that, and goes on.
  const { generationId } = world.create('d', authentication.primaryKey)
  const { primaryKey, secondaryKey } = authentication
  const proof = { kind: 'symmetricKey', primaryKey, secondaryKey } as const
  const attested = { registrationId: 'd', proof } as unknown as Parameters<typeof world.rules.assigned>[0]
  await world.rules.assigned(attested, 'd')
  const connection = { generationId, basis: { kind: 'device-key', slot: 'primary' }, isModule: false } as const
  assert.equal(judgeLife(await world.lives.written('d'), undefined, connection).kind, 'refuse')
  await world.retirements.resume()
  assert.equal(world.identities.size, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { instantOf, timestampOf } from '@holdfast/base'
import { ModelError, Models, readModel, requirementsOf, stepsOf, TIER_RULES, TIERS } from './index.ts'
import { CREDENTIAL_KINDS, STEP_OF } from './tier.ts'
import { MemoryModelStore } from './testing/index.ts'

const PUMP = { id: 'pump-3', manufacturer: 'acme', tier: 'full', hardwareRevisions: ['A', 'B.1'] }

function refusal(document: unknown): readonly string[] {
  try {
    readModel(document)
  } catch (error) {
    assert.ok(error instanceof ModelError)
    assert.equal(error.code, 'invalid')
    return error.faults.map(({ path }) => path)
  }
  throw new Error('it was taken')
}

async function world() {
  let made = 0
  const events: SecurityEvent[] = []
  const store = new MemoryModelStore((event) => events.push(event))
  const parts = {
    store,
    clock: { monotonic: () => instantOf(0), wall: () => timestampOf(1_000) },
    random: (bytes: number) => new Uint8Array(bytes).fill(++made),
    events: (event: SecurityEvent) => void events.push(event),
  }
  return { models: await Models.open(parts), store, events, again: () => Models.open(parts) }
}

const code = (code: string) => (error: unknown) => error instanceof ModelError && error.code === code

test('every tier has a rule for every requirement and credentials of its own', () => {
  for (const tier of TIERS) {
    assert.deepEqual(Object.keys(TIER_RULES[tier].rules).sort(), Object.keys(STEP_OF).sort())
    assert.ok(TIER_RULES[tier].credentials.length > 0)
    assert.ok(TIER_RULES[tier].credentials.every((kind) => CREDENTIAL_KINDS.includes(kind)))
  }
})

test('only tiers with hardware keys refuse keys in software, and only tiers without them ask for a rolling nonce', () => {
  for (const tier of TIERS) {
    const { credentials, rules } = TIER_RULES[tier]
    assert.equal(credentials.includes('symmetric-key'), rules.hardwareKey !== 'always', tier)
    assert.equal(rules.rollingNonce === 'unless-waived', rules.hardwareKey !== 'always', tier)
  }
  assert.equal(TIER_RULES.legacy.rules.measuredBoot, 'never')
})

test('a model has what its tier has, but for what it says otherwise', () => {
  const plain = requirementsOf(readModel(PUMP))
  assert.deepEqual(stepsOf(plain), {
    manufactured: ['manifest'],
    claimed: [],
    provisioned: ['hardwareKey'],
    commissioned: ['commissioning'],
    active: ['measuredBoot', 'renewal'],
  })
  const own = requirementsOf(
    readModel({ ...PUMP, requirements: { commissioning: false, ownerCode: true, credentials: ['tpm-key'] } }),
  )
  assert.equal(own.rules.commissioning, false)
  assert.equal(own.rules.ownerCode, true)
  assert.deepEqual(own.credentials, ['tpm-key'])
})

test('a model cannot claim what its tier cannot do, nor waive what it cannot do without', () => {
  assert.deepEqual(refusal({ ...PUMP, tier: 'legacy', requirements: { measuredBoot: true, hardwareKey: true } }), [
    '/requirements/measuredBoot',
    '/requirements/hardwareKey',
  ])
  assert.deepEqual(refusal({ ...PUMP, requirements: { hardwareKey: false } }), ['/requirements/hardwareKey'])
  assert.deepEqual(refusal({ ...PUMP, requirements: { credentials: ['symmetric-key'] } }), [
    '/requirements/credentials',
  ])
})

test('a stored word against the table of today does not count', () => {
  const old = { tier: 'legacy', requirements: { rules: { measuredBoot: true }, credentials: ['tpm-key', 'issued'] } }
  const now = requirementsOf({ tier: 'legacy', requirements: old.requirements as never })
  assert.equal(now.rules.measuredBoot, false)
  assert.deepEqual(now.credentials, ['issued'])
})

test('every fault of a document is named by its place', () => {
  assert.deepEqual(refusal([]), [''])
  assert.deepEqual(refusal({ id: '../x', manufacturer: 7, tier: 'gold', hardwareRevisions: ['a', 'a'], 'a/b': 1 }), [
    '/a~1b',
    '/id',
    '/manufacturer',
    '/tier',
    '/hardwareRevisions',
  ])
  assert.deepEqual(refusal({ ...PUMP, requirements: { credentials: [], secure: true, renewal: 'yes' } }), [
    '/requirements/credentials',
    '/requirements/secure',
    '/requirements/renewal',
  ])
  assert.deepEqual(refusal({ ...PUMP, description: 'x'.repeat(1_025), announces: [''] }), [
    '/description',
    '/announces',
  ])
  assert.deepEqual(refusal(JSON.parse('{"__proto__": {"id": "a"}}')).slice(0, 1), ['/__proto__'])
})

test('the policies of a model are read by their own rooms', () => {
  assert.deepEqual(refusal({ ...PUMP, connection: { networks: [] }, attestation: { pcrs: [24] } }), [
    '/connection',
    '/attestation',
  ])
  const { policies } = readModel({ ...PUMP, connection: { tlsFloor: '1.3' }, attestation: { pcrs: [7, 0] } })
  assert.equal(policies.connection?.tlsFloor, '1.3')
  assert.deepEqual(policies.attestation?.pcrs, [0, 7])
})

test('a tier that measures no boot carries no policy about it', () => {
  assert.deepEqual(refusal({ ...PUMP, tier: 'constrained', attestation: {} }), ['/attestation'])
})

test('models are created once, changed under their ETag, and tell who changed them', async () => {
  const { models, events, again } = await world()
  const created = await models.create(readModel(PUMP), 'operator/local')
  await assert.rejects(models.create(readModel(PUMP), 'operator/local'), code('exists'))
  const draft = readModel({ ...PUMP, requirements: { commissioning: false } })
  await assert.rejects(models.update(draft, 'operator/local', 'other'), code('etag-mismatch'))
  assert.equal(models.requirements('pump-3')?.rules.commissioning, true)
  const updated = await models.update(draft, 'operator/local', created.etag)
  assert.notEqual(updated.etag, created.etag)
  assert.equal(models.requirements('pump-3')?.rules.commissioning, false)
  assert.deepEqual((await again()).list(), [updated])
  assert.deepEqual(
    events.map(({ type, subject }) => [type, subject]),
    [
      ['model.created', 'model/pump-3'],
      ['model.updated', 'model/pump-3'],
    ],
  )
})

test('a model keeps its manufacturer', async () => {
  const { models } = await world()
  await models.create(readModel(PUMP), 'operator/local')
  await assert.rejects(models.update(readModel({ ...PUMP, manufacturer: 'other' }), 'a'), code('invalid'))
})

test('a model that something is of cannot be deleted', async () => {
  const { models, store } = await world()
  const told: string[] = []
  models.subscribe((id) => void told.push(id))
  await models.create(readModel(PUMP), 'operator/local')
  store.used.add('pump-3')
  await assert.rejects(models.delete('pump-3', 'a'), code('in-use'))
  store.used.delete('pump-3')
  await models.delete('pump-3', 'a')
  await assert.rejects(models.delete('pump-3', 'a'), code('missing'))
  assert.equal(models.requirements('pump-3'), undefined)
  assert.deepEqual(told, ['pump-3', 'pump-3'])
})

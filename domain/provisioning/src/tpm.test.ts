/** Attestation by TPM as the rules have it; the TPM is one whose keys lie open. Against swtpm: `testing/trust`. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Endorsement } from '@holdfast/attestation'
import { type Operation, type TpmKeys, parseActivation, parseRegistrationId } from '@holdfast/dps'
import { SoftTpm } from '@holdfast/tpm/testing'
import { encodePublic } from '@holdfast/tpm'
import { formatSasToken } from '@holdfast/tokens'
import { Activations } from './activations.ts'
import type { Credentials } from './claim.ts'
import { ACTIVATIONS_MAX, CHALLENGE_WINDOW_MS, OPERATION_LIFETIME_MS } from './limits.ts'
import { type TestWorld, type TestWorldOptions, testWorld } from './testing/index.ts'

const ADDRESS = '192.0.2.7'
/** Made once: a key of 2048 bits takes its time. */
const ONE = new SoftTpm()
const OTHER = new SoftTpm()

function keysOf(tpm: SoftTpm, storage: SoftTpm = tpm): TpmKeys {
  return { endorsementKey: encodePublic(tpm.endorsementKey), storageRootKey: encodePublic(storage.storageRootKey) }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

const claimOf = (registrationId: string): { idScope: string; registrationId: string } => ({
  idScope: '0ne00test',
  registrationId,
})

async function enrolled(
  id: string,
  tpm: object = {},
  options: TestWorldOptions = {},
  more: object = {},
): Promise<TestWorld> {
  const world = testWorld(options)
  await enrol(world, id, tpm, more)
  return world
}

async function enrol(world: TestWorld, id: string, tpm: object = {}, more: object = {}): Promise<void> {
  const endorsementKey = base64(encodePublic(ONE.endorsementKey))
  const attestation = { type: 'tpm', tpm: { endorsementKey, ...tpm } }
  await world.enroll('individual', { registrationId: id, attestation, ...more })
}

/** What the TPM takes out of a blob. */
function opened(tpm: SoftTpm, blob: Uint8Array): Uint8Array {
  const activation = parseActivation(blob)
  return tpm.import(activation, tpm.activate(activation.credential, activation.secret))
}

async function challenged(world: TestWorld, id: string, keys: TpmKeys): Promise<Uint8Array> {
  return world.provisioning.challenge(claimOf(id), ADDRESS, { tpm: keys })
}

function signed(world: TestWorld, id: string, key: Uint8Array): Credentials {
  const expirySeconds = Math.floor(world.clock.wall() / 1000) + 3_600
  const resource = `0ne00test/registrations/${id}`
  return {
    address: ADDRESS,
    token: formatSasToken({ resource, key: base64(key), expirySeconds, policyName: 'registration' }),
  }
}

async function outcome(world: TestWorld, id: string, credentials: Credentials, tpm: TpmKeys): Promise<Operation> {
  const { operationId } = await world.provisioning.register(claimOf(id), credentials, { tpm })
  for (let polls = 0; polls < 10; polls += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    const operation = await world.provisioning.poll(claimOf(id), credentials, operationId)
    if (operation.status !== 'assigning') return operation
  }
  throw new Error('never done')
}

/** Challenge, activation, register, and the key that the TPM ends up with. */
async function provisioned(world: TestWorld, id: string, tpm: SoftTpm, keys = keysOf(tpm)): Promise<Operation> {
  const key = opened(tpm, await challenged(world, id, keys))
  return outcome(world, id, signed(world, id, key), keys)
}

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    typeof error === 'object' && error !== null && 'code' in error && error.code === code

function lastRefusal(world: TestWorld): unknown {
  world.provisioning.sweep()
  return world.events.findLast(({ type }) => type === 'registration.refused')?.detail['code']
}

describe('attestation by TPM', () => {
  test('the TPM gets a key that only it opens, and the device is known by it at the hub', async () => {
    const world = await enrolled('t-1', {}, {}, { deviceId: 'pump' })
    const operation = await provisioned(world, 't-1', ONE)
    assert.equal(operation.status, 'assigned')
    assert.ok(operation.status === 'assigned' && operation.state.attestation?.kind === 'tpm')
    const blob = operation.state.attestation.authenticationKey
    assert.ok(blob !== undefined)
    const key = opened(ONE, blob)
    const identity = await world.registry.read({ deviceId: 'pump' })
    assert.deepEqual(identity?.authentication, { kind: 'sas', primaryKey: base64(key), secondaryKey: base64(key) })
    assert.throws(() => opened(OTHER, blob))
    assert.ok(world.events.some(({ type }) => type === 'registration.challenged'))
  })

  test('an activation answers once: shown again it is refused, and polls go on', async () => {
    const world = await enrolled('t-1')
    const keys = keysOf(ONE)
    const key = opened(ONE, await challenged(world, 't-1', keys))
    const credentials = signed(world, 't-1', key)
    await outcome(world, 't-1', credentials, keys)
    await assert.rejects(
      world.provisioning.register(claimOf('t-1'), credentials, { tpm: keys }),
      hasCode('unauthorized'),
    )
    assert.equal(lastRefusal(world), 'activation-replayed')
    // Another token by the same key is the same activation.
    world.clock.advance(1_000)
    const again = signed(world, 't-1', key)
    await assert.rejects(world.provisioning.register(claimOf('t-1'), again, { tpm: keys }), hasCode('unauthorized'))
    // Without the TPM's keys it is a poll's credential, and registers nobody.
    await assert.rejects(world.provisioning.register(claimOf('t-1'), again, {}), hasCode('unauthorized'))
  })

  test('of two registers with one activation that come at once, one counts', async () => {
    const world = await enrolled('t-1')
    const keys = keysOf(ONE)
    const credentials = signed(world, 't-1', opened(ONE, await challenged(world, 't-1', keys)))
    const both = await Promise.allSettled(
      [0, 1].map(() => world.provisioning.register(claimOf('t-1'), credentials, { tpm: keys })),
    )
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  })

  test('a challenge ends after two windows at the latest, and lives through one at least', async () => {
    const keys = keysOf(ONE)
    const early = await enrolled('t-1')
    const key = opened(ONE, await challenged(early, 't-1', keys))
    early.clock.advance(CHALLENGE_WINDOW_MS)
    assert.equal((await outcome(early, 't-1', signed(early, 't-1', key), keys)).status, 'assigned')
    const late = await enrolled('t-1')
    const old = opened(ONE, await challenged(late, 't-1', keys))
    late.clock.advance(2 * CHALLENGE_WINDOW_MS)
    await assert.rejects(
      late.provisioning.register(claimOf('t-1'), signed(late, 't-1', old), { tpm: keys }),
      hasCode('unauthorized'),
    )
    assert.equal(lastRefusal(late), 'not-activated')
  })

  test('a challenge for one storage root key is none for another', async () => {
    const world = await enrolled('t-1')
    const key = opened(ONE, await challenged(world, 't-1', keysOf(ONE)))
    const register = world.provisioning.register(claimOf('t-1'), signed(world, 't-1', key), { tpm: keysOf(ONE, OTHER) })
    await assert.rejects(register, hasCode('unauthorized'))
  })

  test('with the storage root key of another TPM nobody opens the challenge', async () => {
    const world = await enrolled('t-1')
    const blob = await challenged(world, 't-1', keysOf(ONE, OTHER))
    const { credential, secret } = parseActivation(blob)
    for (const tpm of [ONE, OTHER]) assert.throws(() => tpm.activate(credential, secret))
  })

  test('whom no enrolment names gets a challenge that opens nothing, and the log the reason', async () => {
    const world = await enrolled('t-1', { storageRootKey: base64(encodePublic(ONE.storageRootKey)) })
    await world.enroll('individual', { registrationId: 'k-1', attestation: { type: 'symmetricKey' } })
    for (const [id, tpm, keys, code] of [
      ['t-1', OTHER, keysOf(OTHER), 'endorsement-key-differs'],
      ['t-1', undefined, keysOf(ONE, OTHER), 'storage-root-key-differs'],
      ['t-2', ONE, keysOf(ONE), 'not-enrolled'],
      ['k-1', ONE, keysOf(ONE), 'wrong-credential-kind'],
    ] as const) {
      const blob = await challenged(world, id, keys)
      assert.equal(lastRefusal(world), code)
      if (tpm === undefined) continue
      const key = opened(tpm, blob)
      const register = world.provisioning.register(claimOf(id), signed(world, id, key), { tpm: keys })
      await assert.rejects(register, hasCode('unauthorized'))
    }
  })

  test('a disabled enrolment, or one that names another TPM meanwhile, ends what was begun', async () => {
    for (const [tpm, more] of [
      [{}, { provisioningStatus: 'disabled' }],
      [{ endorsementKey: base64(encodePublic(OTHER.endorsementKey)) }, {}],
    ]) {
      const world = await enrolled('t-1')
      const keys = keysOf(ONE)
      const credentials = signed(world, 't-1', opened(ONE, await challenged(world, 't-1', keys)))
      const { operationId } = await world.provisioning.register(claimOf('t-1'), credentials, { tpm: keys })
      await enrol(world, 't-1', tpm, more)
      await assert.rejects(world.provisioning.poll(claimOf('t-1'), credentials, operationId), hasCode('unauthorized'))
    }
  })

  test('a TPM proves one device: a second identity with its endorsement key is refused', async () => {
    const world = await enrolled('t-1')
    assert.equal((await provisioned(world, 't-1', ONE)).status, 'assigned')
    await enrol(world, 't-2')
    const second = await provisioned(world, 't-2', ONE)
    assert.equal(second.status, 'failed')
    assert.equal(await world.registry.read({ deviceId: 't-2' }), undefined)
    assert.deepEqual(world.events.findLast(({ type }) => type === 'key.shared')?.detail['heldBy'], 't-1')
    assert.equal((await provisioned(world, 't-1', ONE)).status, 'assigned')
  })

  test('a device that stays as it is gets its key again', async () => {
    const stays = { reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: true } }
    const world = await enrolled('t-1', {}, {}, stays)
    const keys = new Set<string>()
    for (let times = 0; times < 2; times += 1) {
      const operation = await provisioned(world, 't-1', ONE)
      assert.ok(operation.status === 'assigned' && operation.state.attestation?.kind === 'tpm')
      keys.add(base64(opened(ONE, operation.state.attestation.authenticationKey ?? new Uint8Array())))
    }
    assert.equal(keys.size, 1)
  })

  test('whom no manufacturer vouches for comes in only where nobody asks for it', async () => {
    const unproven: Endorsement = { kind: 'unproven', why: 'of no manufacturer that is trusted here' }
    const vouched: Endorsement = { kind: 'vouched', manufacturer: 'id:1 model 2' }
    for (const [hub, own, endorsement, isIn] of [
      [false, undefined, unproven, true],
      [true, undefined, unproven, false],
      [true, false, unproven, true],
      [false, true, unproven, false],
      [true, true, vouched, true],
    ] as const) {
      const options = { requireEndorsementCertificate: hub, vouch: endorsement }
      const tpm = own === undefined ? {} : { requireEndorsementCertificate: own }
      const world = await enrolled('t-1', tpm, options)
      if (isIn) {
        assert.equal((await provisioned(world, 't-1', ONE)).status, 'assigned')
        const { manufacturer } = world.events.findLast(({ type }) => type === 'registration.assigned')?.detail ?? {}
        assert.equal(manufacturer, endorsement.kind === 'vouched' ? endorsement.manufacturer : 'unproven')
      } else {
        await assert.rejects(provisioned(world, 't-1', ONE), hasCode('unauthorized'))
        assert.equal(lastRefusal(world), 'endorsement-unproven')
      }
    }
  })

  test('keys that are none of the right kind are refused with the reason', async () => {
    const world = await enrolled('t-1')
    const wrong = { ...ONE.endorsementKey, attributes: new Set(['decrypt'] as const) }
    const tpm = { ...keysOf(ONE), endorsementKey: encodePublic(wrong) }
    await assert.rejects(world.provisioning.challenge(claimOf('t-1'), ADDRESS, { tpm }), hasCode('bad-request'))
    const template = {
      ...keysOf(ONE),
      storageRootKey: encodePublic({ ...ONE.storageRootKey, modulus: new Uint8Array() }),
    }
    await assert.rejects(
      world.provisioning.challenge(claimOf('t-1'), ADDRESS, { tpm: template }),
      hasCode('bad-request'),
    )
    await assert.rejects(enrol(world, 't-3', { endorsementKey: base64(encodePublic(wrong)) }), hasCode('bad-request'))
    const signs = encodePublic({ ...ONE.storageRootKey, attributes: new Set(['sign', 'restricted'] as const) })
    await assert.rejects(enrol(world, 't-3', { storageRootKey: base64(signs) }), hasCode('bad-request'))
  })

  test('a flood of challenges is throttled, and keeps no memory', async () => {
    const world = await enrolled('t-1')
    let had = 0
    for (let times = 0; times < 100; times += 1) {
      await challenged(world, 't-1', keysOf(ONE)).then(
        () => (had += 1),
        (error: unknown) => assert.ok(hasCode('throttled')(error)),
      )
    }
    assert.ok(had < 50, String(had))
    // Another address is not shut out by it.
    const blob = await world.provisioning.challenge(claimOf('t-1'), '198.51.100.1', { tpm: keysOf(ONE) })
    assert.equal(opened(ONE, blob).length, 32)
  })
})

describe('challenges', () => {
  const id = (text: string): NonNullable<ReturnType<typeof parseRegistrationId>> => {
    const parsed = parseRegistrationId(text)
    assert.ok(parsed !== undefined)
    return parsed
  }
  const challenged = (registrationId: string): Parameters<Activations['challenge']>[0] => ({
    registrationId: id(registrationId),
    endorsementKey: Uint8Array.of(1),
    storageRootKey: Uint8Array.of(2),
  })

  test('asking keeps nothing; answers are bounded and forgotten', () => {
    const world = testWorld()
    const activations = new Activations((count) => createHmac('sha512', 'x').digest().subarray(0, count))
    const now = world.clock.monotonic()
    for (let at = 0; at < 1_000; at += 1) activations.challenge(challenged(`d-${at}`), now)
    assert.equal(activations.size, 0)
    for (let at = 0; at <= ACTIVATIONS_MAX; at += 1) {
      const one = challenged(`d-${at}`)
      assert.equal(activations.use(one, activations.challenge(one, now), now), at < ACTIVATIONS_MAX)
    }
    world.clock.advance(OPERATION_LIFETIME_MS)
    activations.sweep(world.clock.monotonic())
    assert.equal(activations.size, 0)
  })

  test('no two registrations, keys, windows or answers share a key', () => {
    const world = testWorld()
    const activations = new Activations(() => Uint8Array.of(7))
    const now = world.clock.monotonic()
    const seen = new Set<string>()
    const one = challenged('d')
    const all = [
      one,
      challenged('e'),
      { ...one, endorsementKey: Uint8Array.of(3) },
      { ...one, storageRootKey: one.endorsementKey },
    ]
    for (const who of all) for (const key of activations.open(who, now)) seen.add(base64(key))
    assert.ok(activations.use(one, activations.challenge(one, now), now))
    for (const key of activations.open(one, now)) seen.add(base64(key))
    assert.equal(seen.size, 10)
  })
})

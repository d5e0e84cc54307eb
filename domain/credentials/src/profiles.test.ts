import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alternativeNamesOf, defaultProfile } from './profile.ts'
import { Profiles } from './profiles.ts'
import { credentialWorld } from './testing/index.ts'

const HOUR_MS = 3_600_000

test('there is always a profile `device`, which may be changed and not removed', async () => {
  const { profiles } = await credentialWorld()
  assert.deepEqual(
    profiles.list().map(({ name }) => name),
    ['device'],
  )
  await profiles.set('device', { lifetimeMs: HOUR_MS }, 'x')
  assert.equal(profiles.read('device')?.lifetimeMs, HOUR_MS)
  await assert.rejects(profiles.remove('device', 'x'), { code: 'profile-in-use' })
})

test('a new profile begins as `device` and closed; what is not named stays', async () => {
  const { profiles, events } = await credentialWorld()
  const made = await profiles.set('gateway', { domain: 'plant.example', isServer: true }, 'operator/local')
  assert.deepEqual(made, {
    ...defaultProfile(),
    name: 'gateway',
    isOpen: false,
    isServer: true,
    domain: 'plant.example',
  })
  const changed = await profiles.set('gateway', { graceMs: HOUR_MS }, 'x')
  assert.equal(changed.domain, 'plant.example')
  await assert.rejects(profiles.set('gateway', { domain: undefined }, 'x'), { code: 'invalid' })
  const plain = await profiles.set('gateway', { domain: undefined, isServer: false }, 'x')
  assert.equal('domain' in plain, false)
  assert.equal(events.filter(({ type }) => type === 'certificate.profile-changed').length, 3)
  await profiles.remove('gateway', 'x')
  await assert.rejects(profiles.remove('gateway', 'x'), { code: 'missing' })
})

test('values out of bounds are refused with what is wrong', async () => {
  const { profiles } = await credentialWorld()
  for (const change of [
    { lifetimeMs: 999 },
    { lifetimeMs: 1.5e3 + 0.5 },
    { lifetimeMs: 20 * 366 * 24 * HOUR_MS },
    { graceMs: -1 },
    { overlapMs: 31 * 24 * HOUR_MS },
    { keyKinds: [] },
    { keyKinds: ['rsa', 'rsa'] as const },
    { domain: 'Plant.Example' },
    { domain: '-x.example' },
    { isServer: true },
  ]) {
    await assert.rejects(profiles.set('p', change, 'x'), { code: 'invalid' }, JSON.stringify(change))
  }
  for (const name of ['', 'A', '-a', 'a-', 'a/b', 'a'.repeat(33)]) {
    await assert.rejects(profiles.set(name, {}, 'x'), { code: 'invalid' }, name)
  }
})

test('there are at most 32', async () => {
  const { profiles } = await credentialWorld()
  for (let n = 1; n < 32; n += 1) await profiles.set(`p${n}`, {}, 'x')
  await assert.rejects(profiles.set('p32', {}, 'x'), { code: 'too-many-profiles' })
  await profiles.set('p31', { isOpen: true }, 'x')
})

test('they are read back as they were; what is no list of profiles is damage', async () => {
  const { profiles, store, clock } = await credentialWorld()
  await profiles.set('gateway', { domain: 'plant.example', isServer: true, keyKinds: ['P-384'] }, 'x')
  const parts = { store, clock }
  assert.deepEqual((await Profiles.open(parts)).list(), profiles.list())
  for (const text of ['{}', '[1]', '[{"name":"x"}]']) {
    await store.writeSetting('certificateProfiles', text)
    await assert.rejects(Profiles.open(parts), TypeError)
  }
})

test('only an id that is one label of a host name, in lower case, gets an alternative name', () => {
  const profile = { ...defaultProfile(), domain: 'plant.example' }
  const nameOf = (deviceId: string) => alternativeNamesOf(profile, { deviceId })
  assert.deepEqual(nameOf('pump-1'), [{ kind: 'dns', name: 'pump-1.plant.example' }])
  for (const id of ['Pump', 'a.b', 'a_b', '-a', 'x'.repeat(64), '*']) assert.deepEqual(nameOf(id), [])
  assert.deepEqual(alternativeNamesOf(profile, { deviceId: 'pump-1', moduleId: 'm' }), [])
  assert.deepEqual(alternativeNamesOf(defaultProfile(), { deviceId: 'pump-1' }), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isKey } from '@holdfast/tokens'
import type { Cut } from './credential.ts'
import { IdentityError, type IdentityErrorCode } from './errors.ts'
import type { IdentityKey } from './identity.ts'
import { EDGE_LAYERS_MAX } from './limits.ts'
import { Registry, type RegistryParts } from './registry.ts'
import { edgeScope, scopesOf } from './scope.ts'
import { countingRandom, ManualClock, MemoryIdentityStore, recordedEvents } from './testing/index.ts'

function world(changed?: RegistryParts['changed']) {
  const clock = new ManualClock()
  const { events, sink } = recordedEvents()
  const store = new MemoryIdentityStore(sink)
  const parts = { store, clock, random: countingRandom(), events: sink, ...(changed && { changed }) }
  return { store, clock, events, registry: new Registry(parts) }
}

const refusedWith = (code: IdentityErrorCode) => (error: unknown) =>
  error instanceof IdentityError && error.code === code
const PUMP: IdentityKey = { deviceId: 'pump-1' }
const SHA1 = 'ab'.repeat(20)
const SHA256 = 'CD'.repeat(32)

test('a key of a retired device is given to nobody, neither at creation nor later', async () => {
  const { events, sink } = recordedEvents()
  const store = new MemoryIdentityStore(sink)
  const dead = Buffer.alloc(32, 1).toString('base64')
  const areRetired = async (keys: readonly string[]): Promise<boolean> => keys.includes(dead)
  const parts = { store, clock: new ManualClock(), random: countingRandom(), events: sink, areRetired }
  const registry = new Registry(parts)
  const authentication = { kind: 'sas', secondaryKey: dead } as const
  await assert.rejects(registry.create({ ...PUMP, authentication }, 'policy/owner'), refusedWith('invalid'))
  assert.equal(await registry.read(PUMP), undefined)
  await registry.create(PUMP, 'policy/owner')
  await assert.rejects(registry.update(PUMP, { authentication }, 'policy/owner'), refusedWith('invalid'))
  assert.deepEqual(
    events.map(({ type, actor }) => [type, actor]),
    [
      ['key.retired', 'policy/owner'],
      ['identity.created', 'policy/owner'],
      ['key.retired', 'policy/owner'],
    ],
  )
})

test('a new device without a word on authentication gets two keys, different ones', async () => {
  const { registry, events } = world()
  const { authentication, status, generationId } = await registry.create(PUMP, 'operator/local')
  assert.ok(authentication.kind === 'sas')
  assert.ok(isKey(authentication.primaryKey) && isKey(authentication.secondaryKey))
  assert.notEqual(authentication.primaryKey, authentication.secondaryKey)
  assert.equal(status, 'enabled')
  assert.match(generationId, /^[0-9]+$/)
  assert.deepEqual(events, [
    {
      type: 'identity.created',
      at: new ManualClock().wall(),
      subject: 'device/pump-1',
      actor: 'operator/local',
      detail: { authentication: 'sas', status: 'enabled' },
    },
  ])
})

test('empty keys mean "make them", as the Node SDK sends it; given keys are kept', async () => {
  const { registry } = world()
  const given = Buffer.alloc(16, 7).toString('base64')
  const { authentication } = await registry.create(
    { ...PUMP, authentication: { kind: 'sas', primaryKey: given, secondaryKey: '' } },
    'policy/iothubowner',
  )
  assert.ok(authentication.kind === 'sas')
  assert.equal(authentication.primaryKey, given)
  assert.ok(isKey(authentication.secondaryKey))
})

test('keys that are no canonical base64 of 16 to 64 bytes are refused', async () => {
  const { registry } = world()
  for (const primaryKey of [
    'short',
    Buffer.alloc(15).toString('base64'),
    Buffer.alloc(65).toString('base64'),
    '####',
  ]) {
    await assert.rejects(
      registry.create({ ...PUMP, authentication: { kind: 'sas', primaryKey } }, 'a'),
      refusedWith('invalid'),
    )
  }
})

test('thumbprints are kept in upper case, whatever case and colons they come in', async () => {
  const { registry } = world()
  const { authentication } = await registry.create(
    {
      ...PUMP,
      authentication: {
        kind: 'selfSigned',
        primaryThumbprint: SHA1.match(/../g)?.join(':') ?? '',
        secondaryThumbprint: SHA256,
      },
    },
    'a',
  )
  assert.deepEqual(authentication, {
    kind: 'selfSigned',
    primaryThumbprint: SHA1.toUpperCase(),
    secondaryThumbprint: SHA256,
  })
})

test('a thumbprint of another length, or none at all, is refused', async () => {
  const { registry } = world()
  for (const primaryThumbprint of ['', 'AB', `${SHA1}0`, 'zz'.repeat(20), 'AB'.repeat(5_000)]) {
    await assert.rejects(
      registry.create({ ...PUMP, authentication: { kind: 'selfSigned', primaryThumbprint } }, 'a'),
      refusedWith('invalid'),
    )
  }
})

test('ids of another form are refused', async () => {
  const { registry, store } = world()
  for (const deviceId of ['', 'a/b', 'a b', 'a\0b', '..', 'ä', 'x'.repeat(129), '__proto__/']) {
    await assert.rejects(registry.create({ deviceId }, 'a'), refusedWith('invalid'))
  }
  await assert.rejects(registry.create({ deviceId: 'a', moduleId: 'b/c' }, 'a'), refusedWith('invalid'))
  assert.equal((await store.countDevices()).total, 0)
})

test('a second device of the same id is refused; ids are case-sensitive', async () => {
  const { registry } = world()
  await registry.create(PUMP, 'a')
  await assert.rejects(registry.create(PUMP, 'a'), refusedWith('exists'))
  await registry.create({ deviceId: 'PUMP-1' }, 'a')
})

test('what memory holds is what the store holds, after every kind of change', async () => {
  const { registry, store } = world()
  const module = { deviceId: 'pump-1', moduleId: 'm' }
  const same = async (key: IdentityKey) => assert.deepEqual(await registry.read(key), await store.readIdentity(key))
  assert.equal(await registry.read(PUMP), undefined)
  await registry.create(PUMP, 'a')
  await same(PUMP)
  assert.equal(await registry.read(module), undefined)
  await registry.create(module, 'a')
  await same(module)
  await registry.update(PUMP, { status: 'disabled', statusReason: 'stolen' }, 'a')
  await same(PUMP)
  await registry.regenerateKey(module, 'secondary', 'a')
  await same(module)
  await registry.delete(PUMP, 'a')
  await same(PUMP)
  await same(module)
  await registry.create(PUMP, 'a')
  await same(PUMP)
  await same(module)
})

test('a device is read from the store once, one that does not exist too', async () => {
  const { registry, store } = world()
  await registry.create(PUMP, 'a')
  const before = store.reads
  await Promise.all(Array.from({ length: 50 }, () => registry.read({ deviceId: 'ghost' })))
  await registry.read({ deviceId: 'ghost' })
  await registry.read(PUMP)
  assert.equal(store.reads - before, 1)
})

test('a reading that a write overtook is not kept, and nobody who asks after the write is given it', async () => {
  const { registry, store } = world()
  const early = registry.read(PUMP)
  const created = registry.create(PUMP, 'a')
  await Promise.all([early, created])
  assert.deepEqual(await registry.read(PUMP), await store.readIdentity(PUMP))
})

test('when the store fails, memory is not trusted for what the write was about', async () => {
  const { registry, store } = world()
  await registry.create(PUMP, 'a')
  store.failure = new Error('the disk is full')
  await assert.rejects(registry.update(PUMP, { status: 'disabled' }, 'a'), /disk is full/)
  store.failure = undefined
  const reads = store.reads
  assert.equal((await registry.read(PUMP))?.status, 'enabled')
  assert.equal(store.reads, reads + 1)
})

const cutsOf = async (work: Promise<{ readonly cuts: readonly Cut[] }>): Promise<readonly Cut[]> => (await work).cuts

test('disabling ends every session of the device, enabling none', async () => {
  const { registry } = world()
  const { generationId } = await registry.create(PUMP, 'a')
  assert.deepEqual(await cutsOf(registry.update(PUMP, { status: 'disabled', statusReason: 'stolen' }, 'a')), [
    { kind: 'identity', deviceId: 'pump-1', generationId, reason: 'identity-disabled' },
  ])
  assert.equal((await registry.read(PUMP))?.statusReason, 'stolen')
  assert.deepEqual(await cutsOf(registry.update(PUMP, { status: 'disabled' }, 'a')), [])
  assert.deepEqual(await cutsOf(registry.update(PUMP, { status: 'enabled' }, 'a')), [])
  assert.equal((await registry.read(PUMP))?.statusReason, undefined)
})

test('a changed key ends the sessions of its slot alone', async () => {
  const { registry } = world()
  const { authentication } = await registry.create(PUMP, 'a')
  const { identity, cuts } = await registry.regenerateKey(PUMP, 'primary', 'a')
  assert.deepEqual(cuts, [{ kind: 'key', deviceId: 'pump-1', slot: 'primary' }])
  assert.ok(identity.authentication.kind === 'sas' && authentication.kind === 'sas')
  assert.equal(identity.authentication.secondaryKey, authentication.secondaryKey)
  assert.notEqual(identity.authentication.primaryKey, authentication.primaryKey)
})

test('keys that change places end the sessions of both slots', async () => {
  const { registry } = world()
  const { authentication } = await registry.create(PUMP, 'a')
  assert.ok(authentication.kind === 'sas')
  const swapped = { primaryKey: authentication.secondaryKey, secondaryKey: authentication.primaryKey }
  const cuts = await cutsOf(registry.update(PUMP, { authentication: { kind: 'sas', ...swapped } }, 'a'))
  assert.equal(cuts.length, 2)
})

test('an update with empty keys keeps the keys', async () => {
  const { registry } = world()
  const { authentication } = await registry.create(PUMP, 'a')
  const draft = { kind: 'sas', primaryKey: '', secondaryKey: '' } as const
  const { identity, cuts } = await registry.update(PUMP, { authentication: draft }, 'a')
  assert.deepEqual([identity.authentication, cuts], [authentication, []])
})

test('a removed thumbprint ends the sessions that rest on it; one that moved to the other slot ends none', async () => {
  const { registry } = world()
  const [one, two] = [SHA1.toUpperCase(), SHA256]
  const draft = { kind: 'selfSigned', primaryThumbprint: one, secondaryThumbprint: two } as const
  await registry.create({ ...PUMP, authentication: draft }, 'a')
  assert.deepEqual(
    await cutsOf(registry.update(PUMP, { authentication: { kind: 'selfSigned', primaryThumbprint: two } }, 'a')),
    [{ kind: 'thumbprint', deviceId: 'pump-1', thumbprint: one }],
  )
})

test('another kind of authentication ends what rested on the old kind', async () => {
  const { registry } = world()
  await registry.create(PUMP, 'a')
  assert.deepEqual(await cutsOf(registry.update(PUMP, { authentication: { kind: 'certificateAuthority' } }, 'a')), [
    { kind: 'authentication', deviceId: 'pump-1', keepsIssued: true },
  ])
  assert.deepEqual(await cutsOf(registry.update(PUMP, { authentication: { kind: 'sas' } }, 'a')), [
    { kind: 'authentication', deviceId: 'pump-1' },
  ])
})

test('whoever has to follow identities is told of each change before the change is done', async () => {
  const told: string[] = []
  const { registry } = world(async ({ before, after, actor }) => {
    told.push(`${before.deviceId} ${before.status} ${after?.status ?? 'gone'} by ${actor}`)
  })
  await registry.create(PUMP, 'a')
  await registry.update(PUMP, { status: 'disabled' }, 'b')
  await registry.regenerateKey(PUMP, 'primary', 'c')
  await registry.delete(PUMP, 'd')
  assert.deepEqual(told, ['pump-1 enabled disabled by b', 'pump-1 disabled disabled by c', 'pump-1 disabled gone by d'])
})

test('deleting a device takes its modules with it, and a device of the same id is another one', async () => {
  const { registry } = world()
  const before = await registry.create(PUMP, 'a')
  await registry.create({ deviceId: 'pump-1', moduleId: 'm' }, 'a')
  const { cuts } = await registry.delete(PUMP, 'a')
  assert.deepEqual(cuts, [
    { kind: 'identity', deviceId: 'pump-1', generationId: before.generationId, reason: 'identity-deleted' },
  ])
  const after = await registry.create(PUMP, 'a')
  assert.notEqual(after.generationId, before.generationId)
  assert.deepEqual(await registry.listModules('pump-1'), [])
})

test('a change of an older state is refused when the ETag is named, and made to the newer state when not', async () => {
  const { registry } = world()
  const { etag } = await registry.create(PUMP, 'a')
  const changed = await registry.update(PUMP, { iotEdge: true }, 'a', { kind: 'etag', etag })
  assert.notEqual(changed.identity.etag, etag)
  await assert.rejects(
    registry.update(PUMP, { iotEdge: false }, 'a', { kind: 'etag', etag }),
    refusedWith('etag-mismatch'),
  )
  await assert.rejects(registry.delete(PUMP, 'a', { kind: 'etag', etag }), refusedWith('etag-mismatch'))
  await registry.delete(PUMP, 'a')
  await assert.rejects(registry.update(PUMP, {}, 'a'), refusedWith('missing'))
  await assert.rejects(registry.delete(PUMP, 'a'), refusedWith('missing'))
})

test('changes at the same time are all made, each to what the one before left', async () => {
  const { registry } = world()
  await registry.create(PUMP, 'a')
  const results = await Promise.all([
    registry.regenerateKey(PUMP, 'primary', 'a'),
    registry.regenerateKey(PUMP, 'secondary', 'a'),
    registry.update(PUMP, { status: 'disabled' }, 'a'),
  ])
  const last = await registry.read(PUMP)
  assert.ok(last?.authentication.kind === 'sas')
  const [primary, secondary] = results.map(({ identity }) => identity.authentication)
  assert.ok(primary?.kind === 'sas' && secondary?.kind === 'sas')
  assert.equal(last.authentication.primaryKey, primary.primaryKey)
  assert.equal(last.authentication.secondaryKey, secondary.secondaryKey)
  assert.equal(last.status, 'disabled')
})

test('a device has at most 50 modules, also when they are created at once', async () => {
  const { registry } = world()
  await registry.create(PUMP, 'a')
  const results = await Promise.allSettled(
    Array.from({ length: 55 }, (_, at) => registry.create({ deviceId: 'pump-1', moduleId: `m${at}` }, 'a')),
  )
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 50)
  assert.equal((await registry.listModules('pump-1')).length, 50)
  await assert.rejects(registry.create({ deviceId: 'pump-1', moduleId: 'm1' }, 'a'), refusedWith('exists'))
})

test('a module needs its device', async () => {
  const { registry } = world()
  await assert.rejects(registry.create({ deviceId: 'ghost', moduleId: 'm' }, 'a'), refusedWith('device-missing'))
  await assert.rejects(registry.listModules('ghost'), refusedWith('device-missing'))
})

test('no event holds a key', async () => {
  const { registry, events } = world()
  await registry.create(PUMP, 'a')
  await registry.regenerateKey(PUMP, 'primary', 'a')
  await registry.delete(PUMP, 'a')
  const identity = await registry.create(PUMP, 'a')
  assert.ok(identity.authentication.kind === 'sas')
  assert.equal(events.length, 4)
  assert.ok(!JSON.stringify(events).includes(identity.authentication.primaryKey))
  assert.equal(events[1]?.detail['changed'], 'primaryKey')
})

test('pages have 1 to 1000 devices', async () => {
  const { registry } = world()
  for (const deviceId of ['c', 'a', 'b']) await registry.create({ deviceId }, 'a')
  const ids = async (page: { after?: string; limit: number }) =>
    (await registry.listDevices(page)).map((one) => one.deviceId)
  assert.deepEqual(await ids({ limit: 2 }), ['a', 'b'])
  assert.deepEqual(await ids({ after: 'b', limit: 2 }), ['c'])
  for (const limit of [0, 1_001, 1.5, Number.NaN]) {
    await assert.rejects(registry.listDevices({ limit }), refusedWith('invalid'))
  }
})

async function fleet() {
  const all = world()
  const edge = async (deviceId: string, parentScope?: string) => {
    const draft = { deviceId, iotEdge: true, ...(parentScope === undefined ? {} : { parentScope }) }
    const identity = await all.registry.create(draft, 'x')
    return edgeScope(identity) ?? ''
  }
  return { ...all, edge }
}

test('a device stands under an edge device by its scope; any other scope is refused', async () => {
  const { registry, edge } = await fleet()
  const scope = await edge('edge')
  const leaf = await registry.create({ deviceId: 'leaf', parentScope: scope }, 'x')
  assert.deepEqual(scopesOf(leaf), { deviceScope: scope, parentScopes: [scope] })
  for (const parentScope of [
    `${scope}0`,
    scope.slice(0, -1),
    'ms-azure-iot-edge://other-1',
    'edge',
    '-',
    'x'.repeat(10_000),
  ]) {
    await assert.rejects(registry.create({ deviceId: 'n', parentScope }, 'x'), refusedWith('unknown-scope'))
    await assert.rejects(registry.update({ deviceId: 'leaf' }, { parentScope }, 'x'), refusedWith('unknown-scope'))
  }
  assert.equal((await registry.update({ deviceId: 'leaf' }, { parentScope: '' }, 'x')).identity.parentScope, undefined)
})

test('ids with dashes have scopes that lead back to them', async () => {
  const { registry, edge } = await fleet()
  for (const deviceId of ['a-b', '-', '--1', 'a-1-2', "x'%(-)"]) {
    const scope = await edge(deviceId)
    const leaf = await registry.create({ deviceId: `leaf-of-${deviceId}`, parentScope: scope }, 'x')
    assert.equal(leaf.parentScope, scope)
  }
})

test('when an edge device goes or stops being one, those under it are on their own, in memory too', async () => {
  const { registry, edge } = await fleet()
  const ends = {
    deleted: (deviceId: string) => registry.delete({ deviceId }, 'x'),
    plain: (deviceId: string) => registry.update({ deviceId }, { iotEdge: false }, 'x'),
  }
  for (const [name, end] of Object.entries(ends)) {
    const leaf = { deviceId: `leaf-of-${name}` }
    await registry.create({ ...leaf, parentScope: await edge(name) }, 'x')
    assert.notEqual((await registry.read(leaf))?.parentScope, undefined)
    await end(name)
    assert.equal((await registry.read(leaf))?.parentScope, undefined)
    await registry.update(leaf, { statusReason: 'still here' }, 'x')
  }
})

test('edge devices stand in no circle and in so many layers', async () => {
  const { registry, edge } = await fleet()
  let scope: string | undefined
  const scopes: string[] = []
  for (let layer = 0; layer <= EDGE_LAYERS_MAX; layer += 1) scopes.push((scope = await edge(`e${layer}`, scope)))
  await assert.rejects(edge('one-more', scope), refusedWith('invalid'))
  for (const parentScope of scopes) {
    await assert.rejects(registry.update({ deviceId: 'e0' }, { parentScope }, 'x'), refusedWith('invalid'))
  }
  const pair = [await edge('x'), await edge('y')] as const
  const outcomes = await Promise.allSettled([
    registry.update({ deviceId: 'x' }, { parentScope: pair[1] }, 'x'),
    registry.update({ deviceId: 'y' }, { parentScope: pair[0] }, 'x'),
  ])
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

test('what is of devices is not of modules, and the other way round', async () => {
  const { registry, edge } = await fleet()
  const parentScope = await edge('edge')
  const module = { deviceId: 'edge', moduleId: 'm' }
  await assert.rejects(registry.create({ ...module, iotEdge: true }, 'x'), refusedWith('invalid'))
  await assert.rejects(registry.create({ ...module, parentScope }, 'x'), refusedWith('invalid'))
  await assert.rejects(registry.create({ deviceId: 'd', managedBy: 'me' }, 'x'), refusedWith('invalid'))
  await assert.rejects(registry.create({ ...module, managedBy: 'x'.repeat(129) }, 'x'), refusedWith('invalid'))
  assert.equal((await registry.create({ ...module, managedBy: 'me' }, 'x')).managedBy, 'me')
  await assert.rejects(registry.update(module, { iotEdge: true }, 'x'), refusedWith('invalid'))
  assert.equal((await registry.update(module, { managedBy: '' }, 'x')).identity.managedBy, undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACTIONS, type Target } from '@holdfast/api'
import { timestampOf } from '@holdfast/base'
import { TEST_START } from '@holdfast/identity/testing'
import { MANAGEMENT_ROUTES } from '../http/management/index.ts'
import { ACME, HOME, peopleStage } from '../testing/people-stage.ts'
import { isForTokens } from './authorization-office.ts'

const TARGETS: readonly Target[] = ['hub', 'device', 'devices', 'organisation', 'own-organisation', 'self']

/** A path with the device and the organisation of others, and with names of nothing for what else it names. */
const concrete = (path: string): string =>
  path
    .replace('/api/v1', '')
    .replaceAll('{id}', 'pump-1')
    .replaceAll('{organisation}', 'home')
    .replace(/\{\w+\}/g, 'x')

const bodyOf = (method: string): object | undefined => (method === 'GET' || method === 'DELETE' ? undefined : {})

test('every route is an operation with an action and a target', () => {
  for (const { operation } of MANAGEMENT_ROUTES) {
    assert.ok(ACTIONS.includes(operation.action), operation.id)
    assert.ok(TARGETS.includes(operation.on), operation.id)
    assert.equal(operation.on === 'device', operation.path.includes('{id}'), operation.id)
  }
})

for (const { operation } of MANAGEMENT_ROUTES) {
  const { id, method, path, action, on } = operation
  const target = concrete(path)
  const body = bodyOf(method)

  test(`${id} asks for ${action}, of people and of tokens, and reaches nothing of another organisation`, async () => {
    const hub = await peopleStage()
    const home = { role: 'administrator', organisation: 'home', node: HOME }
    const nobody = hub.person('nobody', 'home')
    const may = hub.person('may', 'home')
    const all = hub.person('all', 'home', { posture: 'read-only' })
    const foreign = hub.person('foreign', 'acme')
    const machine = hub.machine('m', 'home', [{ kind: 'actions', actions: [action], node: HOME }])
    const foreignMachine = hub.machine('f', 'acme', [{ kind: 'actions', actions: [...ACTIONS], node: HOME }])
    await hub.allow('may', action, HOME)
    await hub.access.assign({ ...home, principal: 'operator/all' }, 'test')
    const acme = { role: 'administrator', organisation: 'acme', node: ACME }
    await hub.access.assign({ ...acme, principal: 'operator/foreign' }, 'test')

    const stranger = await hub.remote(method, target, { authorization: 'Bearer hfs_stranger' }, body)
    assert.equal(stranger.status, 401)
    const refused = await nobody(method, target, body)
    if (on === 'self') assert.notEqual(refused.status, 401)
    else assert.deepEqual([refused.status, refused.body['code']], [403, 'not-allowed'])

    const readOnly = await all(method, target, body)
    if (on !== 'self' && !action.endsWith(':read')) {
      assert.deepEqual([readOnly.status, readOnly.body['code']], [403, 'not-allowed'])
    }

    const before = await hub.services.registry.listDevices({ limit: 100 })
    const others = await Promise.all([foreign(method, target, body), foreignMachine(method, target, body)])
    for (const answer of others) {
      if (on === 'hub') assert.deepEqual([answer.status, answer.body['code']], [403, 'not-allowed'])
      if (on === 'device' || on === 'organisation') {
        assert.deepEqual([answer.status, answer.body['code']], [404, 'missing'])
      }
      assert.doesNotMatch(JSON.stringify(answer.body), /pump|home/)
    }
    assert.deepEqual(await hub.services.registry.listDevices({ limit: 100 }), before)

    if (!isForTokens(action) && on !== 'self') {
      const machines = await machine(method, target, body)
      assert.deepEqual([machines.status, machines.body['code']], [403, 'not-allowed'], 'no token does this')
    }
    for (const one of isForTokens(action) ? [may, machine] : [may]) {
      const allowed = await one(method, target, body)
      assert.notEqual(allowed.status, 401)
      // What asks for more than the action says so with a code of its own.
      if (allowed.status === 403) assert.notEqual(allowed.body['code'], 'not-allowed', String(allowed.body['title']))
    }
    assert.deepEqual(hub.failures, [])
  })
}

test('a role at a fleet reaches the devices in it, and no others of the organisation', async () => {
  const hub = await peopleStage()
  await hub.access.addSite({ organisation: 'home', site: 'plant' }, 'test')
  await hub.access.addFleet({ organisation: 'home', site: 'plant', fleet: 'pumps' }, 'test')
  await hub.services.registry.update({ deviceId: 'pump-2' }, { fleet: 'home/plant/pumps' }, 'test')
  const anna = hub.person('anna', 'home')
  await hub.allow('anna', 'device:read', { kind: 'fleet', organisation: 'home', site: 'plant', fleet: 'pumps' })
  assert.equal((await anna('GET', '/devices/pump-2')).status, 200)
  assert.equal((await anna('GET', '/devices/pump-1')).status, 403)
  assert.equal((await anna('GET', '/devices/valve-1')).status, 404)
  assert.deepEqual(idsOf(await anna('GET', '/devices')), ['pump-2'])
})

test('a token does nothing that whoever made it could not do at that moment, in lists neither', async () => {
  const hub = await peopleStage()
  const scope = [{ kind: 'actions', actions: ['device:read', 'device:write'], node: HOME }] as const
  const machine = hub.machine('m', 'home', scope, { kind: 'person', name: 'operator/anna' })
  assert.equal((await machine('GET', '/devices/pump-1')).status, 403)
  assert.equal((await machine('GET', '/devices')).status, 403)
  const given = { kind: 'device', deviceId: 'pump-1' } as const
  await hub.allow('anna', 'device:read', given)
  assert.equal((await machine('GET', '/devices/pump-1')).status, 200)
  assert.equal((await machine('GET', '/devices/pump-2')).status, 403)
  assert.equal((await machine('DELETE', '/devices/pump-1')).status, 403)
  assert.equal((await machine('GET', '/devices/valve-1')).status, 404)
  await hub.access.unassign(
    { principal: 'operator/anna', role: 'only-device-read', node: given, organisation: 'home' },
    'test',
  )
  assert.equal((await machine('GET', '/devices/pump-1')).status, 403)
})

test('a token that a policy made does what that policy may, and no more', async () => {
  const hub = await peopleStage()
  const scope = [{ kind: 'role', role: 'administrator', node: HOME }] as const
  const machine = hub.machine('m', 'home', scope, { kind: 'policy', rights: ['RegistryRead'] })
  assert.equal((await machine('GET', '/devices/pump-1')).status, 200)
  assert.equal((await machine('DELETE', '/devices/pump-1')).status, 403)
  assert.equal((await machine('GET', '/policies')).status, 403)
})

test('a role at a device reaches the device, in lists too', async () => {
  const hub = await peopleStage()
  const anna = hub.person('anna', 'home')
  await hub.allow('anna', 'device:read', { kind: 'device', deviceId: 'pump-2' })
  assert.equal((await anna('GET', '/devices/pump-2')).status, 200)
  assert.equal((await anna('GET', '/devices/pump-1')).status, 403)
  assert.deepEqual(idsOf(await anna('GET', '/devices')), ['pump-2'])
})

test('lists hold what is of the organisation, page by page, and what is next names nothing else', async () => {
  const hub = await peopleStage()
  for (const deviceId of ['a-1', 'b-1', 'z-1']) await hub.services.registry.create({ deviceId }, 'test')
  await hub.services.registry.create({ deviceId: 'valve-2', fleet: 'acme/main/default' }, 'test')
  const bert = hub.person('bert', 'acme')
  await hub.allow('bert', 'device:read', ACME, 'acme')
  const first = await bert('GET', '/devices?limit=1')
  assert.deepEqual(idsOf(first), ['valve-1'])
  const next = String(first.body['next'])
  for (const text of [next, Buffer.from(next, 'base64url').toString('latin1')])
    assert.doesNotMatch(text, /pump|a-1|b-1/)
  assert.deepEqual(idsOf(await bert('GET', `/devices?limit=10&after=${String(first.body['next'])}`)), ['valve-2'])
})

test('a policy of Azure’s form is of the organisation that the hub belongs to', async () => {
  const hub = await peopleStage()
  const listed = await hub.service('iothubowner', 'GET', '/devices')
  assert.deepEqual(idsOf(listed), ['pump-1', 'pump-2'])
  assert.equal((await hub.service('iothubowner', 'GET', '/devices/valve-1')).status, 404)
  assert.equal((await hub.service('iothubowner', 'GET', '/devices/pump-1')).status, 200)
  assert.equal((await hub.service('iothubowner', 'GET', '/organisations/acme')).status, 404)
  assert.deepEqual(idsOf(await hub.local('GET', '/devices')), ['pump-1', 'pump-2', 'valve-1'])
})

test('a new device stands where whoever makes it may make it, and nowhere else', async () => {
  const hub = await peopleStage()
  const bert = hub.person('bert', 'acme')
  await hub.allow('bert', 'device:write', ACME, 'acme')
  assert.equal((await bert('POST', '/devices', { deviceId: 'valve-2' })).status, 201)
  assert.equal((await hub.services.registry.read({ deviceId: 'valve-2' }))?.fleet, 'acme/main/default')
  assert.equal((await bert('POST', '/devices', { deviceId: 'pump-9', fleet: 'home/main/default' })).status, 403)
  assert.equal(await hub.services.registry.read({ deviceId: 'pump-9' }), undefined)
  const anna = hub.person('anna', 'home')
  await hub.allow('anna', 'device:write', HOME)
  assert.equal((await anna('POST', '/devices', { deviceId: 'pump-3' })).status, 201)
  assert.equal((await hub.services.registry.read({ deviceId: 'pump-3' }))?.fleet, undefined)
})

test('a device is moved by whoever decides about both places, and never to another organisation', async () => {
  const hub = await peopleStage()
  await hub.access.addFleet({ organisation: 'home', site: 'main', fleet: 'second' }, 'test')
  const anna = hub.person('anna', 'home')
  await hub.allow('anna', 'access:write', { kind: 'fleet', organisation: 'home', site: 'main', fleet: 'default' })
  const move = (fleet: string) => anna('PUT', '/devices/pump-1/placement', { fleet })
  assert.equal((await move('home/main/second')).status, 403)
  await hub.allow('anna', 'access:write', HOME)
  assert.equal((await move('acme/main/default')).status, 403)
  assert.equal((await move('home/main/third')).status, 404)
  assert.equal((await move('home/main/second')).status, 200)
  assert.equal((await hub.services.registry.read({ deviceId: 'pump-1' }))?.fleet, 'home/main/second')
  assert.equal((await hub.local('PUT', '/devices/pump-1/placement', { fleet: 'acme/main/default' })).status, 200)
  assert.equal((await anna('GET', '/devices/pump-1')).status, 404)
})

test('presence counts for some minutes, where a rule asks for it', async () => {
  const hub = await peopleStage()
  const text = 'forbid (principal is Person, action == Action::"device:read", resource) unless { context.isPresent };'
  await hub.access.setRole({ organisation: 'home', name: 'everybody', text }, 'test')
  await hub.allow('anna', 'device:read', HOME)
  await hub.allow('bert', 'device:read', HOME)
  const anna = hub.person('anna', 'home')
  const bert = hub.person('bert', 'home', { presenceAt: timestampOf(TEST_START - 300_001) })
  assert.equal((await anna('GET', '/devices/pump-1')).status, 200)
  const refused = await bert('GET', '/devices/pump-1')
  assert.equal(refused.status, 403)
  assert.match(String(refused.body['title']), /a rule forbids/)
})

test('every refusal is an event that names the operation, and says nothing of what was asked for', async () => {
  const hub = await peopleStage()
  const nobody = hub.person('nobody', 'home')
  await nobody('DELETE', '/devices/pump-1')
  const { type, actor, detail } = hub.events.at(-1) ?? {}
  assert.deepEqual([type, actor], ['request.refused', 'operator/nobody'])
  assert.deepEqual(detail, { method: 'DELETE', reason: 'not-granted', address: '10.0.0.7', operation: 'device.delete' })
})

function idsOf({ body }: { readonly body: Readonly<Record<string, unknown>> }): readonly unknown[] {
  const { items } = body
  return Array.isArray(items) ? items.map((item: { readonly deviceId?: unknown }) => item.deviceId) : []
}

test('things of no device are for whoever reaches the hub; what is left of a device that is gone, for nobody else', async () => {
  const hub = await peopleStage()
  const reachOf = (name: string, organisation: string) =>
    hub.office.reachOf(
      {
        kind: 'token',
        id: name,
        name,
        organisation,
        scope: [{ kind: 'actions', actions: ['device:read'], node: { kind: 'organisation', organisation } }],
        maker: { kind: 'hub' },
        until: timestampOf(TEST_START + 1),
        ended: new AbortController().signal,
      },
      'device:read',
    )
  const home = reachOf('m', 'home')
  const acme = reachOf('n', 'acme')
  assert.deepEqual([home.hasHub, acme.hasHub], [true, false])
  const { generationId = '' } = (await hub.services.registry.read({ deviceId: 'pump-1' })) ?? {}
  assert.equal(await home.includes('pump-1', generationId), true)
  assert.equal(await acme.includes('pump-1', generationId), false)
  for (const reach of [home, acme]) assert.equal(await reach.includes('pump-1', 'earlier'), false)
  await hub.services.registry.delete({ deviceId: 'valve-1' }, 'test')
  await hub.access.removeOrganisation('acme', 'test')
  assert.equal(await reachOf('m', 'home').includes('pump-1', 'earlier'), true, 'while there is one organisation')
})

test('an invitation counts as long as its maker could make it now, and its roles are there', async () => {
  const { access, office } = await peopleStage()
  const alice = { name: 'alice', organisation: 'home' }
  const withRole = { organisation: 'home', roles: ['operator'] }
  const abroad = { organisation: 'acme', roles: ['administrator'] }
  const asked = (): readonly boolean[] =>
    [withRole, { ...withRole, roles: [] }, abroad].map((invitation) => office.couldInvite(alice, invitation))
  assert.deepEqual(asked(), [false, true, false])
  const given = { principal: 'operator/alice', role: 'administrator', node: HOME, organisation: 'home' }
  await access.assign(given, 'test')
  await access.assign({ ...given, principal: 'operator/bob' }, 'test')
  assert.deepEqual(asked(), [true, true, true])
  await access.unassign(given, 'test')
  assert.deepEqual(asked(), [false, true, false])
  assert.equal(office.couldInvite(undefined, withRole), true, 'the machine of the hub may')
  assert.equal(office.couldInvite(undefined, { organisation: 'home', roles: ['gone'] }), false)
  assert.equal(office.couldInvite(undefined, { organisation: 'gone', roles: [] }), false)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { type Clock, instantOf, timestampOf } from '@holdfast/base'
import { Access } from './access.ts'
import type { AccessError } from './errors.ts'
import { explain } from './explain.ts'
import type { Resource } from './node.ts'
import type { Subject } from './subject.ts'
import { MemoryAccessStore, SimpleEngine } from './testing/index.ts'
import { FIRST_PLACEMENT } from './tree.ts'
import { listUnused } from './unused.ts'

const ACTIONS = ['device:read', 'device:write', 'access:read', 'access:write']
const DAY_MS = 86_400_000

async function world(store = new MemoryAccessStore()) {
  const events: SecurityEvent[] = []
  let now = 1_764_000_000_000
  let etags = 0
  const clock: Clock = { wall: () => timestampOf(now), monotonic: () => instantOf(now) }
  store.sink = (event) => void events.push(event)
  const damaged: string[] = []
  const engine = new SimpleEngine()
  const access = await Access.open({
    store,
    engine,
    clock,
    etag: () => `e${(etags += 1)}`,
    actions: ACTIONS,
    damaged: (what) => void damaged.push(what),
  })
  for (const organisation of access.tree.organisations()) await simple(access, organisation.name)
  events.length = 0
  return { access, store, events, clock, damaged, pass: (days: number) => void (now += days * DAY_MS) }
}

/** Cedar is not spoken here. */
async function simple(access: Access, organisation: string): Promise<void> {
  for (const { name } of access.roles(organisation)) await access.setRole({ organisation, name, text: '' }, 'test')
  await access.setRole({ organisation, name: 'administrator', text: 'permit *' }, 'test')
  await access.setRole({ organisation, name: 'auditor', text: 'permit device:read\npermit access:read' }, 'test')
}

function person(id: string, organisation = 'home', changes: Partial<Subject> = {}): Subject {
  return { kind: 'person', name: `operator/${id}`, organisation, posture: 'full', isPresent: false, ...changes }
}

const HOME = { kind: 'organisation', organisation: 'home' } as const
const DEVICE: Resource = { kind: 'device', deviceId: 'd', ...FIRST_PLACEMENT }

const refused = (code: AccessError['code']) => (error: unknown) => (error as AccessError).code === code

test('the first start makes the organisation of the hub, with its place and roles, and later starts find it', async () => {
  const { access, store } = await world()
  assert.deepEqual(
    access.tree.organisations().map(({ name, isFirst }) => [name, isFirst]),
    [['home', true]],
  )
  assert.deepEqual(access.tree.placementOf(undefined), FIRST_PLACEMENT)
  assert.ok(access.roles('home').some(({ name }) => name === 'operator'))
  const again = await world(store)
  assert.equal(again.access.tree.size, 1)
  assert.ok((again.access.role('home', 'auditor')?.version ?? 0) > 1)
})

test('nobody may anything before it was given to them, and then there and below', async () => {
  const { access, events } = await world()
  const anna = person('anna')
  assert.equal(access.decide(anna, 'device:read', DEVICE).kind, 'denied')
  await access.assign(
    { principal: 'operator/anna', role: 'auditor', node: HOME, organisation: 'home' },
    'operator/local',
  )
  assert.deepEqual(access.decide(anna, 'device:read', DEVICE), { kind: 'allowed', reasons: ['auditor/1'] })
  assert.equal(access.decide(anna, 'device:write', DEVICE).kind, 'denied')
  const given = { principal: 'operator/anna', role: 'auditor', node: HOME }
  await assert.rejects(access.unassign({ ...given, organisation: 'acme' }, 'x'), refused('missing'))
  await access.unassign({ ...given, organisation: 'home' }, 'operator/local')
  assert.equal(access.decide(anna, 'device:read', DEVICE).kind, 'denied')
  assert.deepEqual(
    events.map(({ type, subject, actor }) => [type, subject, actor]),
    [
      ['access.granted', 'operator/anna', 'operator/local'],
      ['access.revoked', 'operator/anna', 'operator/local'],
    ],
  )
})

test('whoever comes from an insecure place reads, and does nothing else, whatever their roles', async () => {
  const { access } = await world()
  await access.assign({ principal: 'operator/anna', role: 'administrator', node: HOME, organisation: 'home' }, 'x')
  const anna = person('anna', 'home', { posture: 'read-only' })
  assert.equal(access.decide(anna, 'device:read', DEVICE).kind, 'allowed')
  const denied = access.decide(anna, 'device:write', DEVICE)
  assert.equal(denied.kind === 'denied' && denied.why, 'read-only')
})

test('an assignment holds in its organisation for who belongs to it, and for nobody else', async () => {
  const { access } = await world()
  await access.addOrganisation('acme', 'x')
  await simple(access, 'acme')
  const acme = { kind: 'organisation', organisation: 'acme' } as const
  await access.assign({ principal: 'operator/bert', role: 'administrator', node: acme, organisation: 'acme' }, 'x')
  const there: Resource = { kind: 'device', deviceId: 'e', ...FIRST_PLACEMENT, organisation: 'acme' }
  assert.equal(access.decide(person('bert', 'acme'), 'device:read', there).kind, 'allowed')
  for (const [subject, resource] of [
    [person('bert', 'acme'), DEVICE],
    [person('bert', 'acme'), { kind: 'hub' }],
    [person('bert', 'acme'), HOME],
    [person('bert', 'home'), there],
    [person('bert', 'home'), DEVICE],
    [person('bert', 'nowhere'), there],
  ] as const) {
    assert.equal(access.decide(subject, 'device:read', resource).kind, 'denied')
  }
})

test('what an administrator of one organisation writes changes nothing in another', async () => {
  const { access } = await world()
  await access.addOrganisation('acme', 'x')
  await simple(access, 'acme')
  await access.assign({ principal: 'operator/anna', role: 'auditor', node: HOME, organisation: 'home' }, 'x')
  await access.setRole({ organisation: 'acme', name: 'auditor', text: 'permit *' }, 'x')
  await access.setRole({ organisation: 'acme', name: 'everybody', text: 'forbid *' }, 'x')
  assert.equal(access.decide(person('anna'), 'device:read', DEVICE).kind, 'allowed')
  assert.equal(access.decide(person('anna'), 'device:write', DEVICE).kind, 'denied')
})

test('a change after which nobody could change anything is refused, and changes nothing', async () => {
  const { access, events } = await world()
  const guardian = { principal: 'operator/anna', role: 'administrator', node: HOME, organisation: 'home' }
  // While nobody came in, nobody is locked out.
  await access.setRole({ organisation: 'home', name: 'administrator', text: 'permit device:read' }, 'x')
  await access.setRole({ organisation: 'home', name: 'administrator', text: 'permit *' }, 'x')
  await access.assign(guardian, 'x')
  events.length = 0
  for (const [name, text] of [
    ['administrator', ''],
    ['administrator', 'permit device:read'],
    ['everybody', 'forbid access:write'],
    ['everybody', 'fault'],
  ] as const) {
    await assert.rejects(access.setRole({ organisation: 'home', name, text }, 'x'), refused('locks-out'))
  }
  await assert.rejects(access.unassign(guardian, 'x'), refused('locks-out'))
  assert.equal(access.decide(person('anna'), 'access:write', HOME).kind, 'allowed')
  assert.deepEqual(events, [])
  await access.assign({ ...guardian, principal: 'operator/bert' }, 'x')
  await access.unassign(guardian, 'x')
  assert.deepEqual(access.guardians('home'), ['operator/bert'])
})

test('a wrong text is refused with the place; an older reading is, too; versions count up', async () => {
  const { access } = await world()
  const role = { organisation: 'home', name: 'pump-crew', text: 'permit device:read' }
  const { role: made } = await access.setRole(role, 'operator/anna', '')
  assert.equal(made.version, 1)
  await assert.rejects(access.setRole(role, 'x', ''), refused('etag-mismatch'))
  await assert.rejects(access.setRole({ ...role, text: 'permit device:read\nnonsense' }, 'x'), (error) => {
    const { code, faults, message } = error as AccessError
    return code === 'bad-policy' && faults[0]?.line === 2 && message.includes('line 2, column 1')
  })
  await assert.rejects(access.setRole({ ...role, text: 'x'.repeat(16_385) }, 'x'), refused('bad-policy'))
  const { role: next } = await access.setRole({ ...role, text: '' }, 'operator/bert', made.etag)
  assert.deepEqual([next.version, next.updatedBy], [2, 'operator/bert'])
  assert.deepEqual(
    (await access.roleVersions('home', 'pump-crew')).map(({ version }) => version),
    [2, 1],
  )
  await assert.rejects(access.removeRole('home', 'auditor', 'x'), refused('permanent'))
  await assert.rejects(access.removeRole('home', 'pump-crew', 'x', made.etag), refused('etag-mismatch'))
  await access.removeRole('home', 'pump-crew', 'x', next.etag)
  assert.equal(access.role('home', 'pump-crew'), undefined)
})

test('names are lower-case labels, and things that are needed or used stay', async () => {
  const { access, store } = await world()
  for (const name of ['', 'A', 'a/b', '-', 'a'.repeat(64), '../x', 'ä']) {
    await assert.rejects(access.addOrganisation(name, 'x'), refused('invalid'))
  }
  const site = { organisation: 'home', site: 'plant' }
  await assert.rejects(access.addFleet({ ...site, fleet: 'pumps' }, 'x'), refused('missing'))
  await access.addSite(site, 'x')
  await access.addFleet({ ...site, fleet: 'pumps' }, 'x')
  await assert.rejects(access.addSite(site, 'x'), refused('exists'))
  await assert.rejects(access.removeSite(site, 'x'), refused('in-use'))
  store.used.add('home/plant/pumps')
  await assert.rejects(access.removeFleet({ ...site, fleet: 'pumps' }, 'x'), refused('in-use'))
  await assert.rejects(access.removeFleet(FIRST_PLACEMENT, 'x'), refused('permanent'))
  await assert.rejects(access.removeSite(FIRST_PLACEMENT, 'x'), refused('permanent'))
  await assert.rejects(access.removeOrganisation('home', 'x'), refused('permanent'))
  store.used.clear()
  await access.removeFleet({ ...site, fleet: 'pumps' }, 'x')
  await access.removeSite(site, 'x')
  await assert.rejects(access.removeSite(site, 'x'), refused('missing'))
})

test('a role is given to an operator or a token, at a place of the same organisation, and only where there is the role', async () => {
  const { access } = await world()
  await access.addOrganisation('acme', 'x')
  const given = { principal: 'operator/anna', role: 'auditor', node: HOME, organisation: 'home' }
  for (const [changes, code] of [
    [{ principal: 'anna' }, 'invalid'],
    [{ principal: 'operator/' }, 'invalid'],
    [{ principal: 'operator/a\nb' }, 'invalid'],
    [{ role: 'nobody' }, 'missing'],
    [{ role: 'everybody' }, 'missing'],
    [{ organisation: 'nowhere' }, 'missing'],
    [{ organisation: 'acme' }, 'invalid'],
    [{ node: { kind: 'site', organisation: 'home', site: 'none' } }, 'missing'],
  ] as const) {
    await assert.rejects(access.assign({ ...given, ...changes }, 'x'), refused(code))
  }
})

test('a change whose end is not known is read anew before the next', async () => {
  const { access, store } = await world()
  store.failure = new Error('the disk is away')
  await assert.rejects(access.addSite({ organisation: 'home', site: 'plant' }, 'x'), /away/)
  store.failure = undefined
  // It came to be on disk all the same.
  await store.changeAccess({ kind: 'add-site', site: { organisation: 'home', site: 'plant' } })
  await assert.rejects(access.addSite({ organisation: 'home', site: 'plant' }, 'x'), refused('exists'))
})

test('whoever asks why is told the policies, or the roles that would', async () => {
  const { access } = await world()
  await access.assign({ principal: 'operator/anna', role: 'auditor', node: HOME, organisation: 'home' }, 'x')
  const why = explain(access, person('anna'), 'device:read', DEVICE)
  assert.deepEqual(
    [why.decision.kind, why.roles, why.policies],
    ['allowed', ['auditor'], [{ id: 'auditor/1', text: 'permit device:read' }]],
  )
  const whyNot = explain(access, person('anna'), 'device:write', DEVICE)
  assert.deepEqual([whyNot.decision.kind, whyNot.rolesThatWould], ['denied', ['administrator']])
  await access.setRole({ organisation: 'home', name: 'everybody', text: 'forbid device:read' }, 'x')
  const forbidden = explain(access, person('anna'), 'device:read', DEVICE)
  assert.ok(forbidden.decision.kind === 'denied' && forbidden.decision.why === 'forbidden')
  assert.deepEqual(forbidden.policies, [{ id: 'everybody/1', text: 'forbid device:read' }])
})

test('what a role allows and nobody used for so long is listed, and what was used is not', async () => {
  const { access, clock, pass } = await world()
  await access.assign({ principal: 'operator/anna', role: 'auditor', node: HOME, organisation: 'home' }, 'x')
  const list = (days: number) =>
    listUnused(access, 'home', { now: clock.wall(), days, placementOf: async () => undefined })
  access.decide(person('anna'), 'device:read', DEVICE)
  access.decide(person('anna'), 'device:write', DEVICE)
  assert.deepEqual(
    (await list(90)).map(({ unused, granted }) => [unused, granted]),
    [[['access:read'], 2]],
  )
  access.decide(person('anna'), 'access:read', HOME)
  assert.deepEqual(await list(90), [])
  pass(91)
  assert.deepEqual((await list(90))[0]?.unused, ['device:read', 'access:read'])
  assert.deepEqual(await list(100), [])
})

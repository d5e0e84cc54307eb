import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { type Assignment, FIRST_PLACEMENT, type Role, ROLE_VERSIONS_KEPT } from '@holdfast/authorization'
import { timestampOf } from '@holdfast/base'
import type { DeviceFilter } from '@holdfast/identity'
import { parseQuery } from '@holdfast/iothub'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { device } from './contract.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { MIGRATIONS } from './migrations.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const AT = timestampOf(1_764_000_000_000)
const EVENT: SecurityEvent = { type: 'site.added', at: AT, subject: 's', actor: 'a', detail: {} }

function role(changes: Partial<Role> = {}): Role {
  return {
    organisation: 'home',
    name: 'operator',
    text: 'permit',
    version: 1,
    etag: 'e1',
    updatedTime: AT,
    updatedBy: 'hub',
    ...changes,
  }
}

function assignment(changes: Partial<Assignment> = {}): Assignment {
  const node = { kind: 'site', organisation: 'home', site: 'main' } as const
  return {
    principal: 'operator/anna',
    role: 'operator',
    node,
    organisation: 'home',
    createdTime: AT,
    createdBy: 'b',
    ...changes,
  }
}

async function addOrganisation(store: StateStore, name: string, isFirst = false): Promise<string> {
  return store.access.changeAccess({
    kind: 'add-organisation',
    organisation: { name, isFirst, createdTime: AT },
    placement: { ...FIRST_PLACEMENT, organisation: name },
    roles: [role({ organisation: name })],
  })
}

test('an organisation comes with its site, fleet and roles, and goes with them when no device stands in it', async () => {
  await withStore(async (store) => {
    assert.equal(await addOrganisation(store, 'home', true), 'written')
    assert.equal(await addOrganisation(store, 'acme'), 'written')
    assert.equal(await addOrganisation(store, 'acme'), 'exists')
    const added = await store.access.readAccess()
    assert.deepEqual(
      added.organisations.map(({ name, isFirst }) => [name, isFirst]),
      [
        ['acme', false],
        ['home', true],
      ],
    )
    assert.deepEqual(
      added.fleets.map(({ organisation, fleet }) => `${organisation} ${fleet}`),
      ['acme default', 'home default'],
    )

    assert.equal(await store.writeIdentity(device('d', { fleet: 'acme/main/default' }), { kind: 'absent' }), 'written')
    assert.equal((await store.readIdentity({ deviceId: 'd' }))?.fleet, 'acme/main/default')
    const remove = { kind: 'remove-organisation', organisation: 'acme' } as const
    assert.equal(await store.access.changeAccess(remove), 'in-use')
    const fleet = { kind: 'remove-fleet', placement: { ...FIRST_PLACEMENT, organisation: 'acme' } } as const
    assert.equal(await store.access.changeAccess(fleet), 'in-use')
    await store.deleteIdentity({ deviceId: 'd' }, { kind: 'any' })
    assert.equal(await store.access.changeAccess(remove), 'written')
    const left = await store.access.readAccess()
    for (const all of [left.sites, left.fleets, left.roles])
      assert.deepEqual(
        all.map((one) => one.organisation),
        ['home'],
      )
    assert.equal(
      await store.writeIdentity(device('d', { fleet: 'acme/main/default' }), { kind: 'absent' }),
      'fleet-missing',
    )
  })
})

test('sites hold fleets, and what was given at them goes with them', async () => {
  await withStore(async (store) => {
    await addOrganisation(store, 'home', true)
    const site = { organisation: 'home', site: 'plant' }
    const placement = { ...site, fleet: 'pumps' }
    await store.access.changeAccess({ kind: 'add-site', site })
    await store.access.changeAccess({ kind: 'add-fleet', placement })
    for (const node of [
      { kind: 'site', ...site },
      { kind: 'fleet', ...placement },
    ] as const) {
      await store.access.changeAccess({ kind: 'assign', assignment: assignment({ node }) })
    }
    assert.equal((await store.access.readAccess()).assignments.length, 2)
    assert.equal(await store.access.changeAccess({ kind: 'remove-site', site }), 'in-use')
    assert.equal(await store.access.changeAccess({ kind: 'remove-fleet', placement }), 'written')
    assert.equal((await store.access.readAccess()).assignments.length, 1)
    assert.equal(await store.access.changeAccess({ kind: 'remove-site', site }), 'written')
    assert.deepEqual((await store.access.readAccess()).assignments, [])
  })
})

test('a role is written over what was read, keeps its versions, and takes its assignments along', async () => {
  await withStore(async (store) => {
    await addOrganisation(store, 'home', true)
    const write = (version: number, found: string | undefined): Promise<string> =>
      store.access.changeAccess({
        kind: 'write-role',
        role: role({ version, etag: `e${version}`, text: `v${version}` }),
        found,
      })
    assert.equal(await write(2, 'other'), 'conflict')
    assert.equal(await write(2, undefined), 'conflict')
    for (let version = 2; version <= ROLE_VERSIONS_KEPT + 5; version += 1) {
      assert.equal(await write(version, `e${version - 1}`), 'written')
    }
    const versions = await store.access.listRoleVersions('home', 'operator')
    assert.equal(versions.length, ROLE_VERSIONS_KEPT)
    assert.deepEqual([versions[0]?.text, versions.at(-1)?.text], [`v${ROLE_VERSIONS_KEPT + 5}`, 'v6'])
    await store.access.changeAccess({ kind: 'assign', assignment: assignment() })
    await store.access.changeAccess({ kind: 'assign', assignment: assignment({ createdBy: 'another' }) })
    assert.deepEqual((await store.access.readAccess()).assignments, [assignment()])
    const removal = { kind: 'remove-role', organisation: 'home', name: 'operator' } as const
    assert.equal(await store.access.changeAccess({ ...removal, found: 'e1' }), 'conflict')
    assert.equal(await store.access.changeAccess({ ...removal, found: `e${ROLE_VERSIONS_KEPT + 5}` }), 'written')
    const { roles, assignments } = await store.access.readAccess()
    assert.deepEqual([roles, assignments], [[], []])
    assert.deepEqual(await store.access.listRoleVersions('home', 'operator'), [])
  })
})

test('an event is kept with the change that it describes, and with none that was refused', async () => {
  await withFile(async (file) => {
    const told: SecurityEvent[] = []
    const store = await openStateStore({ file, keys: testKeys(1), random, told: (events) => void told.push(...events) })
    await addOrganisation(store, 'home', true)
    const site = { organisation: 'home', site: 'plant' }
    assert.equal(await store.access.changeAccess({ kind: 'add-site', site }, EVENT), 'written')
    const unassign = { kind: 'unassign', assignment: assignment() } as const
    assert.equal(await store.access.changeAccess(unassign, EVENT), 'missing')
    await assert.rejects(store.access.changeAccess({ kind: 'add-site', site }, EVENT))
    assert.equal(told.length, 1)
    await store.close()
  })
})

test('uses add up by day, and old days are forgotten', async () => {
  await withStore(async (store) => {
    const use = { principal: 'operator/anna', action: 'device:read', day: 100, allowed: 2, refused: 1 }
    await store.access.countUse([use, { ...use, day: 200 }], 0)
    await store.access.countUse([use, { ...use, principal: 'token/t' }], 0)
    const sums = await store.access.listUse(['operator/anna', 'nobody'], 0)
    assert.deepEqual(sums, [{ principal: 'operator/anna', action: 'device:read', allowed: 6, lastDay: 200 }])
    assert.equal((await store.access.listUse(['operator/anna'], 150))[0]?.allowed, 2)
    await store.access.countUse([], 150)
    assert.equal((await store.access.listUse(['operator/anna'], 0))[0]?.allowed, 2)
  })
})

test('lists and queries hold what stands within, its modules too, and count nothing else', async () => {
  await withStore(async (store) => {
    await addOrganisation(store, 'home', true)
    await addOrganisation(store, 'acme')
    const fleet = 'acme/main/default'
    for (const one of [
      device('a'),
      device('b', { fleet }),
      device('b', { moduleId: 'm' }),
      device('c', { fleet: 'home/main/default' }),
      device('d', { fleet }),
    ]) {
      assert.equal(await store.writeIdentity(one, { kind: 'absent' }), 'written')
    }
    const listed = async (within: DeviceFilter): Promise<readonly string[]> =>
      (await store.listDevices({ limit: 100, within })).map(({ deviceId }) => deviceId)
    const queried = async (text: string, within: DeviceFilter): Promise<readonly unknown[]> => {
      const outcome = await store.queryTwins({ query: parseQuery(text), text, limit: 100, within })
      assert.ok(outcome.kind === 'page')
      return outcome.items.map((item) => JSON.parse(item) as unknown)
    }
    const acme = { fleets: [fleet], deviceIds: [] }
    assert.deepEqual(await listed(acme), ['b', 'd'])
    assert.deepEqual(await listed({ fleets: ['', 'home/main/default'], deviceIds: [] }), ['a', 'c'])
    assert.deepEqual(await listed({ fleets: [], deviceIds: ['c', 'nobody'] }), ['c'])
    assert.deepEqual(await listed({ fleets: [], deviceIds: [] }), [])
    assert.deepEqual(await queried('SELECT deviceId FROM devices', acme), [{ deviceId: 'b' }, { deviceId: 'd' }])
    assert.deepEqual(await queried("SELECT deviceId FROM devices WHERE deviceId IN ['a', 'b']", acme), [
      { deviceId: 'b' },
    ])
    assert.deepEqual(await queried('SELECT COUNT() AS n FROM devices', acme), [{ n: 2 }])
    assert.deepEqual(await queried('SELECT moduleId FROM devices.modules', acme), [{ moduleId: 'm' }])
    assert.deepEqual(await queried('SELECT moduleId FROM devices.modules', { fleets: [''], deviceIds: [] }), [])
  })
})

test('devices of the last release stand where devices do that were given no place', async () => {
  await withFile(async (file) => {
    const database = new DatabaseSync(file)
    const old = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
    const known = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name < '0016'))
    const provider = { getMigrations: async () => known }
    assert.equal((await new Migrator({ db: old, provider }).migrateToLatest()).error, undefined)
    database
      .prepare(`INSERT INTO identity (device_id, module_id, generation_id, etag, status, status_updated_time, created_time,
        authentication, iot_edge) VALUES ('old', '', 'g', 'e', 'enabled', 900, 900, 'none', 0)`)
      .run()
    await old.destroy()
    const store = await openStateStore({ file, keys: testKeys(1), random })
    const [identity] = await store.listDevices({ limit: 1, within: { fleets: [''], deviceIds: [] } })
    assert.deepEqual([identity?.deviceId, identity?.fleet], ['old', undefined])
    await store.close()
  })
})

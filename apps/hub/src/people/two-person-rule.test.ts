/** The two-person rule over the whole API, with people on a real roll: what somebody tries alone to get round it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { TEST_START } from '@holdfast/identity/testing'
import { DEFAULT_TWO_PERSON_POLICY, type Operator } from '@holdfast/operators'
import { MemoryPeopleStore } from '@holdfast/operators/testing'
import type { Node } from '@holdfast/authorization'
import { MANAGEMENT_ROUTES } from '../http/management/index.ts'
import { ACME, HOME, peopleStage } from '../testing/people-stage.ts'
import { PeopleOffice } from './people-office.ts'

const START = timestampOf(TEST_START)

async function stage() {
  let asked = 0
  const office = await PeopleOffice.open({
    store: new MemoryPeopleStore(),
    verifier: {
      relyingParty: { id: 'hub.example', name: 'Holdfast' },
      faultOfRoot: () => undefined,
      register: () => Promise.reject(new Error('nobody enrols here')),
      verify: () => Promise.reject(new Error('nobody signs in here')),
    },
    clock: { wall: () => START, monotonic: () => hub.clock.monotonic() },
    random: (bytes) => {
      asked += 1
      return Uint8Array.from({ length: bytes }, (_, at) => (asked >> (8 * at)) & 255)
    },
    events: () => undefined,
    limits: { idleMs: 900_000, lifeMs: 28_800_000 },
    hubName: 'hub.example',
    origins: ['https://hub.example'],
    home: () => 'home',
    mayGive: () => true,
    assignRoles: async () => undefined,
    damaged: () => undefined,
    setNotice: () => undefined,
    fault: (error) => assert.fail(String(error)),
  })
  const hub: Awaited<ReturnType<typeof peopleStage>> = await peopleStage({ people: office })

  /** An administrator, with a passkey and a session that has just proved to be there. */
  const join = async (name: string, organisation = 'home', node: Node = HOME, changes: Partial<Operator> = {}) => {
    const operator: Operator = {
      id: `id-${name}`,
      name,
      organisation,
      roles: [],
      state: 'active',
      createdTime: START,
      invitedBy: 'operator/local',
      ...changes,
    }
    const passkey = {
      id: `key-${name}`,
      operatorId: operator.id,
      name: 'key',
      publicKey: '',
      counter: 0,
      isBackupEligible: false,
      aaguid: '',
      transports: [],
      createdTime: START,
    }
    await office.roll.change(() => ({
      put: [
        { kind: 'operator', value: operator },
        { kind: 'passkey', value: passkey },
      ],
      result: undefined,
    }))
    await hub.access.assign({ principal: `operator/${name}`, role: 'administrator', node, organisation }, 'test')
    const proof = { operatorId: operator.id, method: 'passkey', credentialId: passkey.id } as const
    const { session } = await office.sessions.open(proof, { kind: 'browser', agent: 'Test/1', address: '10.0.0.7' })
    const { id, expires } = session
    return hub.person(name, organisation, { session: { id, until: expires, ended: new AbortController().signal } })
  }
  return { ...hub, office, join }
}

const text = (body: Readonly<Record<string, unknown>>, name: string): string => String(body[name])

test('who suspends the other one has nobody else’s word: what was proposed is not done', async () => {
  const { join } = await stage()
  const alice = await join('alice')
  await join('bob')
  assert.equal((await alice('PATCH', '/operators/bob', { state: 'suspended' })).status, 200)
  assert.equal((await alice('POST', '/devices/pump-1/shred', {})).status, 202)
  assert.equal((await alice('DELETE', '/operators/bob')).status, 202)
})

test('nobody gives the second word under another name of their own: who was let in by one waits for another', async () => {
  const { join, office } = await stage()
  const [alice, bob] = [await join('alice'), await join('bob')]
  const puppet = await join('puppet', 'home', HOME, { invitedBy: 'operator/alice', awaitsWord: true })
  const asked = await alice('POST', '/devices/pump-1/shred', {})
  const approve = `/proposals/${text(asked.body, 'id')}/approve`
  const word = { digest: text(asked.body, 'digest') }
  assert.deepEqual((await puppet('POST', approve, word)).body['code'], 'not-vouched')
  assert.deepEqual((await puppet('POST', '/devices/pump-2/shred', {})).body['code'], 'not-vouched')
  assert.equal((await alice('PATCH', '/operators/puppet', { state: 'active' })).body['awaitsWord'], true)
  assert.equal((await puppet('PATCH', '/operators/puppet', { state: 'active' })).body['awaitsWord'], true)
  assert.equal((await puppet('POST', approve, word)).status, 403)
  assert.equal((await bob('PATCH', '/operators/puppet', { state: 'active' })).body['awaitsWord'], undefined)
  assert.equal((await puppet('POST', approve, word)).status, 200)
  assert.equal(office.roll.operatorNamed('puppet')?.awaitsWord, undefined)
})

test('people of every organisation decide on their own proposals, and see no others', async () => {
  const { join } = await stage()
  const [alice, bob] = [await join('alice'), await join('bob')]
  const [carol, dave] = [await join('carol', 'acme', ACME), await join('dave', 'acme', ACME)]
  const asked = await carol('POST', '/devices/valve-1/shred', {})
  assert.equal(asked.status, 202)
  const path = `/proposals/${text(asked.body, 'id')}`
  for (const other of [alice, bob]) {
    assert.deepEqual((await other('GET', '/proposals')).body, { items: [] })
    assert.equal((await other('GET', path)).status, 404)
    assert.equal((await other('POST', `${path}/approve`, { digest: text(asked.body, 'digest') })).status, 404)
    assert.equal((await other('POST', `${path}/reject`, {})).status, 404)
  }
  assert.equal((await dave('GET', path)).body['state'], 'waiting')
  const { status, body } = await dave('POST', `${path}/approve`, { digest: text(asked.body, 'digest') })
  assert.deepEqual([status, body['operation'], body['decidedBy']], [200, 'shred.device', 'operator/dave'])
})

test('a policy that names all of proposals leaves deciding on them to one', async () => {
  const { join, office } = await stage()
  const [alice, bob] = [await join('alice'), await join('bob')]
  await office.proposals.setPolicy({ acts: ['proposal.*'], hours: 1 }, 'test')
  const { acts, hours } = DEFAULT_TWO_PERSON_POLICY
  const asked = await alice('PUT', '/two-person-policy', { acts, hours })
  assert.equal(asked.status, 202)
  const path = `/proposals/${text(asked.body, 'id')}`
  const done = await bob('POST', `${path}/approve`, { digest: text(asked.body, 'digest') })
  assert.deepEqual([done.status, done.body['state']], [200, 'done'])
  assert.deepEqual(office.proposals.policy.acts, [...acts])
})

test('what fails in a way that nobody knows is over, and what it asked for is forgotten', async () => {
  const { join, office, services, failures } = await stage()
  const [alice, bob] = [await join('alice'), await join('bob')]
  Object.assign(services.registry, { delete: () => Promise.reject(new Error('the disk is gone')) })
  await office.proposals.setPolicy({ acts: ['device.delete'], hours: 1 }, 'test')
  const asked = await alice('DELETE', '/devices/pump-1')
  assert.equal(asked.status, 202, JSON.stringify(asked.body))
  const path = `/proposals/${text(asked.body, 'id')}`
  assert.equal((await bob('POST', `${path}/approve`, { digest: text(asked.body, 'digest') })).status, 500)
  const after = (await bob('GET', path)).body
  assert.deepEqual(
    [after['state'], after['outcome'], after['request']],
    ['failed', { status: 500, code: 'interrupted' }, {}],
  )
  assert.equal(failures.length, 1)
})

test('no change that the policy can name is done alone by another method, case or way to write its address', async () => {
  const { join, office } = await stage()
  const alice = await join('alice')
  await join('bob')
  const before = office.roll.count('proposal')
  for (const path of ['/devices/pump-1/shred/', '/devices/pump-1/SHRED', '/devices//pump-1/shred']) {
    assert.notEqual((await alice('POST', path, {})).status, 200, path)
  }
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    assert.notEqual((await alice(method, '/devices/pump-1/shred')).status, 200, method)
  }
  assert.equal((await alice('POST', '/devices/pump%2D1/shred', {})).status, 202)
  assert.equal(office.roll.count('proposal'), before + 1)
  assert.equal((await alice('GET', '/devices/pump-1')).status, 200)
  assert.ok(MANAGEMENT_ROUTES.some(({ operation }) => operation.id === 'shred.device'))
})

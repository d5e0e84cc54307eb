/** Acts that take the word of two people, with people in browsers and the machine of the hub on its socket. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { People, type Person } from './browser.ts'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('chromium')

let hub: PeopleHub
let people: People
let alice: Person
let bob: Person

const text = (body: unknown, name: string): string => String(Reflect.get(Object(body), name))

async function makeDevice(deviceId: string): Promise<void> {
  assert.equal((await hub.api.call('POST', '/api/v1/devices', { deviceId, auth: 'sas' })).status, 201)
}

async function isThere(deviceId: string): Promise<boolean> {
  return (await hub.api.call('GET', `/api/v1/devices/${deviceId}`)).status === 200
}

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  people = await People.open([hub.port])
  ;[alice, bob] = await Promise.all([people.person(), people.person()])
  await alice.enrol(hub.firstLink ?? '', { name: 'alice' })
  await alice.isIn('alice')
})

after(async () => {
  if (skip !== false) return
  await people.close()
  await hub.stop()
})

test('while there is one operator, one word does; the hub says so', { skip }, async () => {
  await makeDevice('alone')
  assert.equal((await alice.ask('POST', '/api/v1/devices/alone/shred', {})).status, 200)
  const { notices } = (await hub.api.status()) as { readonly notices?: readonly { readonly code: string }[] }
  assert.ok(
    notices?.some(({ code }) => code === 'one-operator'),
    JSON.stringify(notices),
  )
  const { body } = await alice.ask('POST', '/api/v1/operators', { name: 'bob', roles: ['administrator'] })
  await bob.enrol(text(body, 'link'))
  await bob.isIn('bob')
})

test('what one proposes another approves, just that, and it is done once', { skip }, async () => {
  await makeDevice('pump-1')
  const asked = await alice.ask('POST', '/api/v1/devices/pump-1/shred', {})
  assert.equal(asked.status, 202, JSON.stringify(asked.body))
  assert.ok(await isThere('pump-1'), 'it is not done yet')
  const path = `/api/v1/proposals/${text(asked.body, 'id')}`
  const digest = text(asked.body, 'digest')
  const own = await alice.ask('POST', `${path}/approve`, { digest })
  assert.deepEqual([own.status, text(own.body, 'code')], [403, 'self-approval'])
  assert.equal((await hub.api.call('POST', `${path}/approve`, { digest })).status, 403, 'nor the machine of the hub')
  assert.equal((await bob.ask('POST', `${path}/approve`, { digest: 'another' })).status, 409)
  assert.ok(await isThere('pump-1'))
  const done = await bob.ask('POST', `${path}/approve`, { digest })
  assert.deepEqual([done.status, text(done.body, 'state')], [200, 'done'], JSON.stringify(done.body))
  assert.equal(await isThere('pump-1'), false)
  assert.equal((await bob.ask('POST', `${path}/approve`, { digest })).status, 409)
  assert.equal(hub.events('proposal.made')[0]?.actor, 'operator/alice')
  assert.equal(hub.events('proposal.approved')[0]?.actor, 'operator/bob')
  assert.equal(
    hub.events('identity.shredded').at(-1)?.actor,
    'operator/alice',
    'it is done in the name of who proposed it',
  )
})

test('the machine of the hub proposes; its command says what it waits for; what waits outlasts a kill', {
  skip,
}, async () => {
  await makeDevice('pump-2')
  const { code, stderr } = await hub.cli(['device', 'shred', 'pump-2', '--yes'])
  assert.equal(code, 1)
  const id = /proposed as ([\w-]+);/.exec(stderr)?.[1]
  assert.ok(id, stderr)
  await hub.restart('SIGKILL')
  const shown = await hub.cli(['proposal', 'show', id, '--json'])
  assert.equal(text(JSON.parse(shown.stdout), 'state'), 'waiting', shown.stderr)
  assert.equal((await hub.cli(['proposal', 'approve', id])).code, 1)
  const digest = text(JSON.parse(shown.stdout), 'digest')
  const done = await bob.ask('POST', `/api/v1/proposals/${id}/approve`, { digest })
  assert.equal(text(done.body, 'state'), 'done', JSON.stringify(done.body))
  assert.equal(await isThere('pump-2'), false)
})

test('machines propose nothing; what is rejected is not done; whoever lost the right has nothing done', {
  skip,
}, async () => {
  await makeDevice('pump-3')
  const rejected = await alice.ask('POST', '/api/v1/devices/pump-3/shred', {})
  const path = `/api/v1/proposals/${text(rejected.body, 'id')}`
  const answer = await bob.ask('POST', `${path}/reject`, { reason: 'not today' })
  assert.equal(text(answer.body, 'state'), 'rejected')
  const digest = text(rejected.body, 'digest')
  assert.equal((await bob.ask('POST', `${path}/approve`, { digest })).status, 409)
  assert.ok(await isThere('pump-3'))

  // The policy itself is one of those acts: nobody takes the rule away alone.
  const policy = await alice.ask('GET', '/api/v1/two-person-policy')
  const change = await alice.ask('PUT', '/api/v1/two-person-policy', { ...Object(policy.body), acts: [] })
  assert.equal(change.status, 202)
  const kept = await bob.ask('GET', '/api/v1/two-person-policy')
  assert.deepEqual(kept.body, policy.body)

  const made = await hub.cli(['token', 'create', 'robot', '--role', 'administrator', '--json'])
  const headers = { authorization: `Bearer ${text(JSON.parse(made.stdout), 'text')}` }
  const byMachine = await hub.web('POST', '/api/v1/devices/pump-3/shred', { body: {}, headers })
  assert.deepEqual([byMachine.status, text(byMachine.body, 'code')], [403, 'person-required'])
  assert.ok(await isThere('pump-3'))
})

test('whom the fleet trusts by groups of enrolments takes the word of two; no key is shown, kept or told', {
  skip,
}, async () => {
  const [primaryKey, secondaryKey] = [randomBytes(48).toString('base64'), randomBytes(48).toString('base64')]
  const groups = '/api/v1/enrollment-groups'
  const wanted = { id: 'line-1', attestation: 'symmetric-key', primaryKey, secondaryKey }
  const asked = await alice.ask('POST', groups, wanted)
  assert.equal(asked.status, 202, JSON.stringify(asked.body))
  assert.equal((await alice.ask('GET', `${groups}/line-1`)).status, 404, 'it is not done yet')
  const path = `/api/v1/proposals/${text(asked.body, 'id')}`
  const shown = JSON.stringify((await bob.ask('GET', path)).body)
  const digest = text(asked.body, 'digest')
  assert.equal((await alice.ask('POST', `${path}/approve`, { digest })).status, 403)
  // Two words at once: one counts.
  const both = await Promise.all([1, 2].map(() => bob.ask('POST', `${path}/approve`, { digest })))
  assert.deepEqual(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
  )
  const done = both.find(({ status }) => status === 200)
  assert.equal(text(done?.body, 'state'), 'done', JSON.stringify(done?.body))
  assert.equal(text((await alice.ask('GET', `${groups}/line-1`)).body, 'attestation'), 'symmetric-key')
  const told = JSON.stringify([shown, asked.body, done?.body, hub.lines])
  const isKept = (key: string): boolean =>
    readdirSync(hub.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(key))
  for (const key of [primaryKey, secondaryKey]) {
    assert.equal(told.includes(key), false)
    assert.equal(isKept(key), false)
  }

  // What fails is told as the operation tells it, and not as something that nobody knows.
  const again = await alice.ask('POST', groups, wanted)
  const failed = await bob.ask('POST', `/api/v1/proposals/${text(again.body, 'id')}/approve`, {
    digest: text(again.body, 'digest'),
  })
  const { state, outcome } = Object(failed.body) as { readonly state: string; readonly outcome: object }
  assert.deepEqual(
    [failed.status, state, Reflect.get(outcome, 'status')],
    [200, 'failed', 409],
    JSON.stringify(outcome),
  )
  assert.equal((await alice.ask('DELETE', `${groups}/line-1`)).status, 202)
  assert.equal((await alice.ask('GET', `${groups}/line-1`)).status, 200)
})

test('whoever suspends the other is not rid of the rule', { skip }, async () => {
  await makeDevice('pump-4')
  assert.equal((await alice.ask('PATCH', '/api/v1/operators/bob', { state: 'suspended' })).status, 200)
  const alone = await alice.ask('POST', '/api/v1/devices/pump-4/shred', {})
  assert.equal(alone.status, 202, JSON.stringify(alone.body))
  assert.ok(await isThere('pump-4'))
})

test('another organisation approves what is proposed in it, and the first sees nothing of that', { skip }, async () => {
  const [carl, dora] = await Promise.all([people.person(), people.person()])
  assert.equal((await alice.ask('POST', '/api/v1/organisations', { name: 'acme' })).status, 201)
  for (const [name, who] of [
    ['carl', carl],
    ['dora', dora],
  ] as const) {
    const invitation = { name, roles: ['administrator'], organisation: 'acme' }
    const { body } = await alice.ask('POST', '/api/v1/operators', invitation)
    await who.enrol(text(body, 'link'))
    await who.isIn(name)
  }
  assert.equal((await carl.ask('POST', '/api/v1/devices', { deviceId: 'acme-1', auth: 'sas' })).status, 201)
  const asked = await carl.ask('POST', '/api/v1/devices/acme-1/shred', {})
  assert.equal(asked.status, 202, JSON.stringify(asked.body))
  const path = `/api/v1/proposals/${text(asked.body, 'id')}`
  const digest = text(asked.body, 'digest')
  assert.equal((await alice.ask('GET', path)).status, 404)
  assert.equal((await alice.ask('POST', `${path}/approve`, { digest })).status, 404)
  const done = await dora.ask('POST', `${path}/approve`, { digest })
  assert.deepEqual([done.status, text(done.body, 'state')], [200, 'done'], JSON.stringify(done.body))
})

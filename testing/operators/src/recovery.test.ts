/** A person who lost their keys comes back by the word of two others, and not otherwise. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { People, type Person } from './browser.ts'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('chromium')

let hub: PeopleHub
let people: People
let alice: Person
let bob: Person
let carol: Person
let recovery = ''
let code = ''
let link = ''

const text = (body: unknown, name: string): string => String(Reflect.get(Object(body), name))

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  people = await People.open([hub.port])
  ;[alice, bob, carol] = await Promise.all([people.person(), people.person(), people.person()])
  await alice.enrol(hub.firstLink ?? '', { name: 'alice' })
  await alice.isIn('alice')
})

after(async () => {
  if (skip !== false) return
  await people.close()
  await hub.stop()
})

test('while there are too few others, a person cannot be recovered by one, but by the machine of the hub', {
  skip,
}, async () => {
  const asked = await alice.ask('POST', '/api/v1/recoveries', { operator: 'alice', reason: 'lost' })
  assert.equal(asked.status, 409)
  assert.equal(text(asked.body, 'code'), 'not-enough-operators')
  const made = await hub.cli(['operator', 'recover', 'alice', '--json'])
  assert.equal(made.code, 0, made.stderr)
  assert.match(text(JSON.parse(made.stdout), 'link'), /\/enrol#[\w-]{27}$/)
  assert.equal(hub.events('recovery.by-machine')[0]?.actor, 'operator/local')
})

test('people are invited by people, and by the machine of the hub only while they are fewer than two', {
  skip,
}, async () => {
  for (const [name, person] of [
    ['bob', bob],
    ['carol', carol],
  ] as const) {
    const { body, status } = await alice.ask('POST', '/api/v1/operators', { name, roles: ['administrator'] })
    assert.equal(status, 201)
    await person.enrol(text(body, 'link'))
    await person.isIn(name)
  }
  const invited = await hub.cli(['operator', 'invite', 'mallory'])
  assert.equal(invited.code, 1)
  assert.match(invited.stderr, /operators enough to do this themselves/)
  assert.equal((await hub.cli(['operator', 'recover', 'carol'])).code, 1, 'nor are they recovered by it')
  assert.equal((await hub.cli(['operator', 'link'])).code, 1)
  assert.equal((await hub.cli(['operator', 'suspend', 'bob'])).code, 1, 'nor made fewer')
})

test('nobody approves their own recovery, and nobody twice', { skip }, async () => {
  const asked = await alice.ask('POST', '/api/v1/recoveries', { operator: 'carol', reason: 'lost her laptop' })
  assert.equal(asked.status, 201)
  recovery = text(asked.body, 'id')
  const approve = `/api/v1/recoveries/${recovery}/approve`
  const own = await carol.ask('POST', approve)
  assert.deepEqual([own.status, text(own.body, 'code')], [403, 'self-approval'])
  const first = await alice.ask('POST', approve)
  assert.equal(first.status, 200)
  code = text(first.body, 'code')
  assert.match(code, /^[A-Z]{4}-[A-Z]{4}$/)
  assert.equal(Reflect.get(Object(first.body), 'link'), undefined, 'one alone gets no link')
  const again = await alice.ask('POST', approve)
  assert.deepEqual([again.status, text(again.body, 'code')], [409, 'already-approved'])
})

test('the link of the second opens only with the code of the first', { skip }, async () => {
  const second = await bob.ask('POST', `/api/v1/recoveries/${recovery}/approve`)
  assert.equal(second.status, 200)
  link = text(second.body, 'link')
  const secret = link.slice(link.indexOf('#') + 1)
  assert.equal((await hub.web('POST', '/enrol/begin', { body: { secret } })).status, 403)
  assert.equal((await hub.web('POST', '/enrol/begin', { body: { secret, code: 'BCDF-GHJK' } })).status, 403)
})

test('who comes back has new keys alone, and what the old ones opened is closed', { skip }, async () => {
  const old = `__Host-holdfast=${await carol.cookie()}`
  const anew = await people.person()
  await anew.enrol(link, { code: code.toLowerCase().replace('-', ' '), key: 'new laptop' })
  await anew.isIn('carol')
  assert.equal((await hub.web('GET', '/api/v1/session', { headers: { cookie: old } })).status, 401)
  await carol.signIn(hub.origin)
  assert.match(await carol.alert(), /does not open anything/)
  const trail = ['recovery.asked', 'recovery.approved', 'recovery.approved', 'recovery.completed']
  const told = hub.lines.flatMap(({ event, subject }) =>
    event?.startsWith('recovery.') === true && subject === 'operator/carol' ? [event] : [],
  )
  assert.deepEqual(told, trail)
  const { body } = await anew.ask('GET', '/api/v1/session/passkeys')
  assert.equal(text(body, 'items').split(',').length, 1)
  await anew.close()
})

test('the last passkey of a person stays, and the last person does', { skip }, async () => {
  const { body } = await bob.ask('GET', '/api/v1/session/passkeys')
  const items: unknown = Reflect.get(Object(body), 'items')
  const [key] = Array.isArray(items) ? items : []
  const removed = await bob.ask('DELETE', `/api/v1/session/passkeys/${text(key, 'id')}`)
  assert.deepEqual([removed.status, text(removed.body, 'code')], [409, 'last-passkey'])
  const removal = await alice.ask('DELETE', '/api/v1/operators/carol')
  assert.equal(removal.status, 202, 'it takes the word of two')
  const { id, digest } = Object(removal.body)
  const done = await bob.ask('POST', `/api/v1/proposals/${String(id)}/approve`, { digest: String(digest) })
  assert.equal(text(done.body, 'state'), 'done', JSON.stringify(done.body))
  assert.equal((await alice.ask('PATCH', '/api/v1/operators/bob', { state: 'suspended' })).status, 200)
  assert.equal((await bob.ask('GET', '/api/v1/session')).status, 401)
  assert.equal((await alice.ask('DELETE', '/api/v1/operators/bob')).status, 202, 'as it does while bob is suspended')
  const last = await alice.ask('PATCH', '/api/v1/operators/alice', { state: 'suspended' })
  assert.deepEqual([last.status, text(last.body, 'code')], [409, 'last-operator'])
  const again = await alice.ask('POST', '/api/v1/operators', { name: 'carol' })
  assert.deepEqual([again.status, text(again.body, 'code')], [409, 'exists'], 'a name is given once')
})

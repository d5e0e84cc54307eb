/** Passkeys in Chromium: enrolling by a link, signing in, presence, copies, and what is refused. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { People, type Person } from './browser.ts'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('chromium')

let hub: PeopleHub
let people: People
let alice: Person
let link = ''

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  people = await People.open([hub.port])
  alice = await people.person()
})

after(async () => {
  if (skip !== false) return
  await people.close()
  await hub.stop()
})

test('the link of the first start enrols the first operator, who is signed in by that', { skip }, async () => {
  assert.ok(hub.firstLink !== undefined, 'the first start prints a link')
  const again = await hub.cli(['operator', 'link', '--json'])
  assert.equal(again.code, 0, again.stderr)
  link = String(Reflect.get(Object(JSON.parse(again.stdout)), 'link'))
  assert.notEqual(link, hub.firstLink)
  await alice.enrol(link, { name: 'alice' })
  await alice.isIn('alice')
  assert.equal(await alice.page.locator('#allows').textContent(), 'everything that your roles allow')
  const [credential] = await alice.credentials()
  assert.equal(credential?.rpId, 'localhost')
  assert.equal(credential.isResidentCredential, true)
  assert.equal(hub.events('operator.enrolled').length, 1)
  assert.equal((await alice.ask('GET', '/api/v1/operators')).status, 200)
})

test('pages are strict: no script of others, no frames, no complaint of the browser', { skip }, async () => {
  const { headers } = await hub.web('GET', '/session')
  const policy = String(headers['content-security-policy'])
  for (const rule of ["script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(rule), policy)
  }
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
  assert.deepEqual(alice.complaints, [])
  const isWide: unknown = await alice.page.evaluate('document.documentElement.scrollWidth > innerWidth')
  assert.equal(isWide, false, 'nothing has to be scrolled sideways at 320 pixels')
})

test('a link opens once, and not at all when another was made after it', { skip }, async () => {
  const mallory = await people.person()
  for (const old of [link, hub.firstLink ?? '']) {
    await mallory.page.goto('about:blank')
    await mallory.page.goto(old)
    assert.match(await mallory.alert(), /used, is older than a day/)
  }
  await mallory.close()
})

test('the cookie is bound to the host, and no script reads it', { skip }, async () => {
  const [cookie] = (await alice.context.cookies()).filter(({ name }) => name === '__Host-holdfast')
  assert.ok(cookie !== undefined)
  const { secure, httpOnly, sameSite, path } = cookie
  assert.deepEqual(
    { secure, httpOnly, sameSite, path },
    { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
  )
  assert.equal(await alice.page.evaluate('document.cookie'), '')
})

test('signing in asks for no name, and the session before it ends by signing out', { skip }, async () => {
  const stolen = await alice.cookie()
  await alice.page.getByRole('button', { name: 'Sign out' }).click()
  await alice.page.waitForURL('**/sign-in')
  const late = await hub.web('GET', '/api/v1/session', { headers: { cookie: `__Host-holdfast=${stolen}` } })
  assert.equal(late.status, 401)
  await alice.signIn(hub.origin)
  await alice.isIn('alice')
})

test('an authenticator that did not verify its owner opens nothing', { skip }, async () => {
  const other = await people.person()
  for (const credential of await alice.credentials()) await other.add(credential)
  await other.verifies(false)
  await other.signIn(hub.origin)
  assert.match(await other.alert(), /cancelled, took too long|did not check that it is you/)
  await other.close()
})

test('a proof of presence opens what asks for one', { skip }, async () => {
  await alice.stepUp()
  const { status, body } = await alice.ask('POST', '/api/v1/operators', { name: 'bob', roles: ['operator'] })
  assert.equal(status, 201)
  assert.match(String(Reflect.get(Object(body), 'link')), /\/enrol#[\w-]{27}$/)
  assert.equal(hub.events('operator.stepped-up').length, 1)
})

test('a copied key is noticed by its counter, and opens nothing any more', { skip }, async () => {
  const invited = await alice.ask('POST', '/api/v1/operators', { name: 'carol' })
  const carol = await people.person()
  await carol.enrol(String(Reflect.get(Object(invited.body), 'link')), { key: 'stick' })
  await carol.isIn('carol')
  const [copy] = await carol.credentials()
  assert.ok(copy !== undefined)
  const thief = await people.person()
  await thief.add(copy)
  // The owner goes on; the thief's copy counts from where it was taken.
  await carol.signIn(hub.origin)
  await carol.isIn('carol')
  await carol.signIn(hub.origin)
  await carol.isIn('carol')
  await thief.signIn(hub.origin)
  assert.match(await thief.alert(), /may have been copied/)
  assert.equal(hub.events('passkey.counter-regressed').length, 1)
  assert.equal((await carol.ask('GET', '/api/v1/session')).status, 401, 'what the key had opened is closed')
  await carol.signIn(hub.origin)
  assert.match(await carol.alert(), /does not open anything/)
  await Promise.all([carol.close(), thief.close()])
})

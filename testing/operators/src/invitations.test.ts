/** An invitation gives what its maker may give when it is used, and not what they once could. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { People, type Person } from './browser.ts'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('chromium')

let hub: PeopleHub
let people: People
let alice: Person
let mallory: Person

const text = (body: unknown, name: string): string => String(Reflect.get(Object(body), name))

const invite = async (by: Person, name: string, role: string): Promise<string> => {
  const { status, body } = await by.ask('POST', '/api/v1/operators', { name, roles: [role] })
  assert.equal(status, 201, JSON.stringify(body))
  return text(body, 'link')
}

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  people = await People.open([hub.port])
  ;[alice, mallory] = await Promise.all([people.person(), people.person()])
  await alice.enrol(hub.firstLink ?? '', { name: 'alice' })
  await alice.isIn('alice')
  await mallory.enrol(await invite(alice, 'mallory', 'administrator'))
  await mallory.isIn('mallory')
})

after(async () => {
  if (skip !== false) return
  await people.close()
  await hub.stop()
})

test('who is no administrator any more lets no administrator in by a link of before; the page says so', {
  skip,
}, async () => {
  const link = await invite(mallory, 'puppet', 'administrator')
  const given = { who: 'operator/mallory', role: 'administrator' }
  const { body } = await alice.ask('GET', '/api/v1/organisations')
  const [organisation] = Reflect.get(Object(body), 'items') as readonly { readonly name: string }[]
  const at = `/api/v1/organisations/${organisation?.name}/assignments`
  const on = `organisation/${organisation?.name}`
  const taken = await alice.ask('POST', `${at}/remove`, { ...given, on })
  assert.equal(taken.status, 204, JSON.stringify(taken.body))

  const puppet = await people.person()
  await puppet.page.goto(link)
  assert.match(await puppet.alert(), /may not give it any more/)
  const secret = new URL(link).hash.slice(1)
  const begun = await hub.web('POST', '/enrol/begin', { body: { secret } })
  assert.equal(text(begun.body, 'code'), 'link-invalid')
  assert.equal((await alice.ask('GET', '/api/v1/operators/puppet')).status, 404)
})

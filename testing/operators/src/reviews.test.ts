/** People review the log: samples that Python draws again, and signatures of those who did nothing of what they sign for. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { People, type Person } from './browser.ts'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('chromium') || requireTool('python3')

let hub: PeopleHub
let people: People
let alice: Person
let bob: Person

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  people = await People.open([hub.port])
  alice = await people.person()
  await alice.enrol(hub.firstLink ?? '', { name: 'alice' })
  await alice.isIn('alice')
  const { link } = await cli<{ link: string }>('operator', 'invite', 'bob', '--role', 'auditor')
  bob = await people.person()
  await bob.enrol(link)
  await bob.isIn('bob')
  for (const deviceId of ['pump-1', 'pump-2']) await cli('device', 'create', deviceId)
  const made = await alice.ask('POST', '/api/v1/devices', { deviceId: 'pump-3', auth: 'sas' })
  assert.equal(made.status, 201, JSON.stringify(made.body))
})

after(async () => {
  if (skip !== false) return
  await people.close()
  await hub.stop()
})

async function cli<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await hub.cli([...args, '--json'])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as T
}

interface Review {
  readonly id: string
  readonly state: string
  readonly seed: string
  readonly sample: readonly number[]
  readonly unsigned: readonly number[]
}

async function opened(...args: readonly string[]): Promise<Review> {
  const { id } = await cli<Review>('audit', 'review', 'start', ...args)
  const end = Date.now() + 20_000
  for (;;) {
    const review = await cli<Review>('audit', 'review', 'show', id)
    if (review.state === 'open') return review
    if (Date.now() > end) assert.fail(`not drawn: ${JSON.stringify(review)}`)
  }
}

test('Python draws the same sample from the seed that is in the log', { skip }, async () => {
  const whole = await opened('--type', 'identity.created', '--size', '10')
  assert.equal(whole.sample.length, 3)
  const review = await opened('--type', 'identity.created', '--size', '2')
  const event = hub.events('review.opened').find(({ subject }) => subject === `review/${review.id}`)
  assert.equal(event?.detail?.['seed'], review.seed)
  const program = `
import hashlib, json, sys
seed, indexes = json.load(sys.stdin)
ranked = sorted(indexes, key=lambda index: hashlib.sha256(f"{seed}:{index}".encode()).hexdigest())
print(json.dumps(sorted(ranked[:2])))`
  const out = execFileSync('python3', ['-c', program], { input: JSON.stringify([review.seed, whole.sample]) })
  assert.deepEqual(JSON.parse(out.toString()), review.sample)
})

test('a person signs, never for their own acts, and the machine of the hub signs for nobody', { skip }, async () => {
  const { id } = await opened('--type', 'identity.created', '--size', '10')
  const path = `/api/v1/audit/reviews/${id}/sign`
  const local = await hub.cli(['audit', 'review', 'sign', id, '--statement', 'seen'])
  assert.equal(local.code, 1)
  assert.match(local.stderr, /only a person who is signed in/)

  const first = await alice.ask('POST', path, { statement: 'read them' })
  assert.equal(first.status, 200, JSON.stringify(first.body))
  assert.deepEqual([Reflect.get(Object(first.body), 'signed'), Reflect.get(Object(first.body), 'left')], [2, 1])
  const again = await alice.ask('POST', path, { statement: 'and mine' })
  assert.deepEqual([again.status, Reflect.get(Object(again.body), 'code')], [409, 'nothing-to-sign'])

  const second = await bob.ask('POST', path, { statement: 'read the last' })
  assert.equal(second.status, 200, JSON.stringify(second.body))
  assert.deepEqual([Reflect.get(Object(second.body), 'signed'), Reflect.get(Object(second.body), 'left')], [1, 0])
  const shown = await cli<Review>('audit', 'review', 'show', id)
  assert.deepEqual([shown.state, shown.unsigned], ['completed', []])
  const signed = hub.events('review.signed').filter(({ subject }) => subject === `review/${id}`)
  assert.deepEqual(
    signed.map(({ actor }) => actor),
    ['operator/alice', 'operator/bob'],
  )
})

test('a finding has an operator as its owner and an end', { skip }, async () => {
  const { id, sample } = await opened('--type', 'identity.created')
  const wish = ['audit', 'review', 'finding', id, '--text', 'no ticket', '--until', '2099-01-01']
  const nobody = await hub.cli([...wish, '--owner', 'carol'])
  assert.match(nobody.stderr, /name of an operator/)
  const found = await cli<{ id: string }>(...wish, '--owner', 'bob', '--entry', String(sample[0]))
  const closed = await bob.ask('POST', `/api/v1/audit/findings/${found.id}/close`, { note: 'ticket 7' })
  assert.equal(closed.status, 200, JSON.stringify(closed.body))
  // What asks for more than an auditor has is refused.
  const plan = await bob.ask('PUT', '/api/v1/audit/review-plans/access', { every: 'yearly' })
  assert.equal(plan.status, 403)
})

test('a view is kept under its name, and a plan takes its filter', { skip }, async () => {
  await cli('audit', 'view', 'save', 'access', '--type', 'access.*', '--type', 'operator.*')
  const saving = ['save', 'yearly-access', '--every', 'yearly', '--view', 'access']
  const plan = await cli<{ filter: object; nextTime: string }>('audit', 'review', 'plan', ...saving)
  assert.deepEqual(plan.filter, { types: ['access.*', 'operator.*'] })
  assert.ok(Date.parse(plan.nextTime) > Date.now())
  const odd = await hub.cli(['audit', 'view', 'save', 'odd', '--type', 'sesion.*'])
  assert.match(odd.stderr, /is no group of types/)
})

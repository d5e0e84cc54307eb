/** Sessions count only as far as their workstation does: enrolled, approved, fresh, green. OpenSSL signs, too. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { People, type Person } from './browser.ts'
import { login } from './command-login.ts'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('chromium') || requireTool('openssl')

let hub: PeopleHub
let people: People
let alice: Person
let bob: Person
let workstation = ''

const text = (body: unknown, name: string): string => String(Reflect.get(Object(body), name))
const POLICY = { mode: 'read-only', required: [], reportMinutesMax: 60, patchDaysMax: 30 }
const REPORT = {
  os: 'OpenSSL',
  patchAgeDays: 1,
  diskEncryption: 'on',
  screenLock: 'on',
  firewall: 'on',
  secureBoot: 'on',
  antiMalware: 'on',
}

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  people = await People.open([hub.port])
  ;[alice, bob] = await Promise.all([people.person(), people.person()])
  await alice.enrol(hub.firstLink ?? '', { name: 'alice' })
  await alice.isIn('alice')
  const { body } = await alice.ask('POST', '/api/v1/operators', { name: 'bob', roles: ['administrator'] })
  await bob.enrol(text(body, 'link'))
  await bob.isIn('bob')
})

after(async () => {
  if (skip !== false) return
  await people.close()
  await hub.stop()
})

test('a workstation is enrolled by its operator and approved by another', { skip }, async () => {
  assert.equal(await login(hub, alice), 0)
  const enrolled = await hub.cli(['workstation', 'enrol', 'laptop-7', '--url', hub.origin, '--json'])
  assert.equal(enrolled.code, 0, enrolled.stderr)
  workstation = text(JSON.parse(enrolled.stdout), 'id')
  const own = await hub.cli(['workstation', 'approve', workstation, '--url', hub.origin])
  assert.equal(own.code, 1)
  assert.match(own.stderr, /nobody approves their own workstation/)
  const machine = await hub.cli(['workstation', 'approve', workstation])
  assert.match(machine.stderr, /operators enough/)
  assert.equal((await bob.ask('POST', `/api/v1/workstations/${workstation}/approve`)).status, 200)
})

test('by policy a session without a workstation may only read', { skip }, async () => {
  const asked = await bob.ask('PUT', '/api/v1/workstation-policy', POLICY)
  assert.equal(asked.status, 202, 'it takes the word of two')
  const [id, digest] = [text(asked.body, 'id'), text(asked.body, 'digest')]
  const done = await alice.ask('POST', `/api/v1/proposals/${id}/approve`, { digest })
  assert.equal(text(done.body, 'state'), 'done', JSON.stringify(done.body))
  const own = await alice.ask('GET', '/api/v1/session')
  assert.deepEqual([own.status, text(own.body, 'allows')], [200, 'read'])
  assert.equal((await alice.ask('GET', '/api/v1/operators')).status, 200)
  const write = await alice.ask('POST', '/api/v1/operators', { name: 'dora' })
  assert.equal(write.status, 403)
  assert.match(text(write.body, 'title'), /you may read, and not do this/)
  assert.equal((await alice.ask('POST', '/api/v1/session/passkeys')).status, 403, 'no new way in from there')
  assert.equal(
    hub.events('session.posture').some(({ detail }) => detail?.['reason'] === 'no-workstation'),
    true,
  )
})

test('a workstation with a fresh, green report vouches for the session whose page shows the code', {
  skip,
}, async () => {
  await alice.page.goto(`${hub.origin}/session`)
  await alice.page.getByRole('button', { name: 'Show a code' }).click()
  const code = await alice.page.locator('#vouch-text', { hasText: /./ }).innerText()
  const vouched = await hub.cli(['workstation', 'vouch', code, '--url', hub.origin])
  assert.equal(vouched.code, 0, vouched.stderr)
  assert.match(vouched.stdout, /vouches for the session/)
  assert.equal(text((await alice.ask('GET', '/api/v1/session')).body, 'allows'), 'all')
  assert.equal((await alice.ask('POST', '/api/v1/operators', { name: 'dora' })).status, 201)
  const again = await hub.cli(['workstation', 'vouch', code, '--url', hub.origin])
  assert.equal(again.code, 1, 'a code counts once')
})

test('a workstation of one vouches for no session of another', { skip }, async () => {
  const { body } = await bob.ask('POST', '/api/v1/session/vouch')
  const vouched = await hub.cli(['workstation', 'vouch', text(body, 'code'), '--url', hub.origin])
  assert.equal(vouched.code, 1)
  assert.match(vouched.stderr, /belongs to somebody else/)
  assert.equal(text((await bob.ask('GET', '/api/v1/session')).body, 'allows'), 'read')
})

test('a login on an enrolled workstation is vouched for by it', { skip }, async () => {
  assert.equal(await login(hub, alice), 0)
  const who = await hub.cli(['whoami', '--url', hub.origin, '--json'])
  assert.equal(text(JSON.parse(who.stdout), 'allows'), 'all')
})

test('what the report lacks makes the session read-only, until a report gives it', { skip }, async () => {
  const strict = { ...POLICY, required: ['diskEncryption', 'patches', 'secureBoot'] }
  // By the machine of the hub: from where bob is, he may only read, and so gives his word to nothing.
  assert.equal((await hub.api.call('PUT', '/api/v1/workstation-policy', strict)).status, 200)
  const red = await hub.web('POST', '/workstation/report', {
    body: signed({ report: { ...REPORT, secureBoot: 'unknown' } }),
  })
  assert.deepEqual([red.status, Reflect.get(Object(red.body), 'lacking')], [200, ['secureBoot']])
  const own = await alice.ask('GET', '/api/v1/session')
  assert.equal(text(own.body, 'allows'), 'read')
  assert.match(text(own.body, 'because'), /secureBoot/)
  assert.equal((await alice.ask('POST', '/api/v1/operators', { name: 'emil' })).status, 403)
  const green = await hub.web('POST', '/workstation/report', { body: signed({}) })
  assert.deepEqual([green.status, Reflect.get(Object(green.body), 'green')], [200, true])
  assert.equal((await alice.ask('POST', '/api/v1/operators', { name: 'emil' })).status, 201)
})

test('statements that are replayed, altered, late, or of another purpose or hub are refused', { skip }, async () => {
  const good = signed({})
  assert.equal((await hub.web('POST', '/workstation/report', { body: good })).status, 200)
  const bad: Readonly<Record<string, object>> = {
    replayed: good,
    altered: { ...good, statement: good.statement.replace('"OpenSSL"', '"openssl"') },
    'of another hub': signed({ hub: 'hub.example' }),
    'of another purpose': signed({ purpose: 'vouch' }),
    'from the future': signed({ time: new Date(Date.now() + 600_000).toISOString() }),
    late: signed({ time: new Date(Date.now() - 600_000).toISOString() }),
    'of an unknown workstation': signed({ workstation: 'nobody' }),
    'with more than there is': signed({ more: true }),
    'not signed for this': signed({}, ''),
  }
  for (const [what, body] of Object.entries(bad)) {
    const { status } = await hub.web('POST', '/workstation/report', { body })
    assert.equal(status, 403, what)
  }
  assert.ok(hub.events('workstation.report-refused').length > 0)
})

test('where the policy refuses, nothing is left but the own session', { skip }, async () => {
  const set = await hub.cli(['workstation', 'policy', 'set', '--mode', 'refuse', '--json'])
  assert.equal(set.code, 0, set.stderr)
  const refused = await bob.ask('GET', '/api/v1/operators')
  assert.deepEqual([refused.status, text(refused.body, 'code')], [403, 'workstation-refused'])
  assert.equal((await bob.ask('GET', '/api/v1/session')).status, 200)
  assert.equal((await alice.ask('GET', '/api/v1/operators')).status, 200)
  const removed = await hub.cli(['workstation', 'remove', workstation])
  assert.equal(removed.code, 0, removed.stderr)
  assert.equal((await alice.ask('GET', '/api/v1/operators')).status, 403, 'what it vouched for it vouches for no more')
  const off = await hub.cli(['workstation', 'policy', 'set', '--mode', 'off'])
  assert.equal(off.code, 0, 'nobody is locked out for ever')
  assert.equal((await bob.ask('GET', '/api/v1/operators')).status, 200)
})

/** A statement with the key of the enrolled workstation, by OpenSSL. */
function signed(
  changes: object,
  context = 'holdfast workstation statement v1\n',
): { readonly statement: string; readonly signature: string } {
  const kept: unknown = JSON.parse(readFileSync(join(hub.folder, '.config/holdfast/workstations.json'), 'utf8'))
  const [key, message] = [join(hub.folder, 'key.pem'), join(hub.folder, 'message')]
  writeFileSync(key, text(Reflect.get(Object(kept), hub.origin), 'privateKey'), { mode: 0o600 })
  const time = new Date().toISOString()
  const statement = JSON.stringify({
    purpose: 'report',
    hub: 'localhost',
    workstation,
    time,
    subject: '',
    nonce: '',
    report: REPORT,
    ...changes,
  })
  writeFileSync(message, `${context}${statement}`)
  const signature = execFileSync('openssl', ['pkeyutl', '-sign', '-rawin', '-inkey', key, '-in', message])
  return { statement, signature: signature.toString('base64url') }
}

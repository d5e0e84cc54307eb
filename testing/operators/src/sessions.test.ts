/** Sessions: pages of others, revocation, programs that sign in as a person. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, request, type Server } from 'node:https'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { freePort } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { People, type Person } from './browser.ts'
import { login } from './command-login.ts'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('chromium') || requireTool('openssl')

let hub: PeopleHub
let people: People
let alice: Person
let foreign: { readonly server: Server; readonly origin: string; readonly folder: string }

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  foreign = await foreignSite()
  people = await People.open([hub.port, Number(new URL(foreign.origin).port)])
  alice = await people.person()
  await alice.enrol(hub.firstLink ?? '', { name: 'alice' })
  await alice.isIn('alice')
})

after(async () => {
  if (skip !== false) return
  await people.close()
  foreign.server.close()
  rmSync(foreign.folder, { recursive: true, force: true })
  await hub.stop()
})

test('a page on another port of the same host, which is of the same site, does nothing with the cookie', {
  skip,
}, async () => {
  const page = await alice.context.newPage()
  await page.goto(foreign.origin)
  const outcome = await page.evaluate(async (hubOrigin) => {
    const tries = [
      () => fetch(`${hubOrigin}/api/v1/session`, { method: 'DELETE', credentials: 'include' }),
      () => fetch(`${hubOrigin}/api/v1/session/vouch`, { method: 'POST', credentials: 'include', mode: 'no-cors' }),
      () => fetch(`${hubOrigin}/api/v1/session`, { credentials: 'include' }),
    ]
    const results: string[] = []
    for (const one of tries) {
      results.push(
        await one().then(
          (response) => response.type,
          () => 'unreadable',
        ),
      )
    }
    return results
  }, hub.origin)
  assert.deepEqual(outcome, ['unreadable', 'opaque', 'unreadable'])
  await page.close()
  assert.equal((await alice.ask('GET', '/api/v1/session')).status, 200, 'the session was not ended by it')
  assert.ok(hub.events('operator.foreign-page-refused').length > 0, 'the log knows of the attempt')
})

test('a cookie that was stolen is refused from another origin, and without any for what changes something', {
  skip,
}, async () => {
  const cookie = `__Host-holdfast=${await alice.cookie()}`
  for (const headers of [
    { cookie, origin: 'https://evil.example' },
    { cookie, origin: 'null' },
    { cookie, origin: `${hub.origin}.evil.example` },
    { cookie },
    { cookie, origin: hub.origin, 'sec-fetch-site': 'same-site', 'holdfast-page': '1' },
    // What a form could send.
    { cookie, origin: hub.origin, 'sec-fetch-site': 'same-origin' },
  ]) {
    const { status } = await hub.web('POST', '/api/v1/session/vouch', { headers })
    assert.equal(status, 401, JSON.stringify(headers))
  }
  const page = { cookie, origin: hub.origin, 'sec-fetch-site': 'same-origin', 'holdfast-page': '1' }
  assert.equal((await hub.web('POST', '/api/v1/session/vouch', { headers: page })).status, 200)
  // Nobody is told that they may come from elsewhere.
  const preflight = await hub.web('OPTIONS', '/api/v1/session/vouch', { headers: { origin: foreign.origin } })
  assert.equal(preflight.status, 405)
  assert.equal(preflight.headers['access-control-allow-origin'], undefined)
  // Two cookies of the name: somebody has put one beside it.
  const twice = await hub.web('GET', '/api/v1/session', { headers: { cookie: `${cookie}; __Host-holdfast=x` } })
  assert.equal(twice.status, 401)
  // What the cookie holds is no token of a program.
  const token = await alice.cookie()
  const bearer = await hub.web('GET', '/api/v1/session', { headers: { authorization: `Bearer ${token}` } })
  assert.equal(bearer.status, 401)
})

test('no page but the hub’s own begins a sign-in', { skip }, async () => {
  const asked = await hub.web('POST', '/sign-in/begin', { body: {}, headers: { origin: foreign.origin } })
  assert.equal(asked.status, 403)
  assert.equal((await hub.web('POST', '/sign-in/begin', { body: {} })).status, 200)
  assert.equal((await hub.web('POST', '/sign-in/begin', { body: { more: 1 } })).status, 400)
  assert.equal((await hub.web('GET', '/sign-in/begin')).status, 405)
})

test('a revoked session ends at once, and what it has open ends too', { skip }, async () => {
  const cookie = `__Host-holdfast=${await alice.cookie()}`
  const ended = streamEnd(cookie)
  const opened = await ended.opened
  assert.equal(opened, 200)
  const own = await alice.ask('GET', '/api/v1/session')
  const id = String(Reflect.get(Object(own.body), 'session'))
  const begun = performance.now()
  const revoked = await hub.cli(['session', 'revoke', id])
  assert.equal(revoked.code, 0, revoked.stderr)
  await ended.closed
  assert.ok(performance.now() - begun < 10_000)
  assert.equal((await hub.web('GET', '/api/v1/session', { headers: { cookie } })).status, 401)
  const listed = await hub.cli(['session', 'list', '--json'])
  const sessions = listed.stdout
    .trim()
    .split('\n')
    .map((line) => Object(JSON.parse(line)))
  const shown = sessions.find((one) => Reflect.get(one, 'id') === id)
  assert.equal(Reflect.get(Object(Reflect.get(shown, 'ended')), 'by'), 'operator/local')
  await alice.signIn(hub.origin)
  await alice.isIn('alice')
})

test('a session outlives a restart of the hub, and its end does too', { skip }, async () => {
  await hub.restart('SIGKILL')
  assert.equal((await alice.ask('GET', '/api/v1/session')).status, 200)
})

test('a program signs in as a person who confirms its code, and is somebody until that is revoked', {
  skip,
}, async () => {
  const url = ['--url', hub.origin, '--ca', hub.caFile]
  const nobody = await hub.cli(['whoami', ...url])
  assert.equal(nobody.code, 2)
  assert.match(nobody.stderr, /holdfast login --url/)
  assert.equal(await login(hub, alice), 0)
  const kept = join(hub.folder, '.config/holdfast/sessions.json')
  assert.equal(statSync(kept).mode & 0o777, 0o600)
  const token = /hfs_[\w-]{43}_[0-9a-f]{8}/.exec(readFileSync(kept, 'utf8'))?.[0]
  assert.ok(token !== undefined)

  const who = await hub.cli(['whoami', '--url', hub.origin, '--json'])
  assert.equal(who.code, 0, who.stderr)
  assert.equal(Reflect.get(Object(JSON.parse(who.stdout)), 'operator'), 'alice')
  // A token of a program is no cookie.
  const asCookie = await hub.web('GET', '/api/v1/session', { headers: { cookie: `__Host-holdfast=${token}` } })
  assert.equal(asCookie.status, 401)
  const wrong = await hub.web('GET', '/api/v1/session', { headers: { authorization: `Bearer ${token}0` } })
  assert.equal(wrong.status, 401)

  const invited = await hub.cli(['operator', 'invite', 'dora', '--url', hub.origin, '--json'])
  assert.equal(invited.code, 0, invited.stderr)
  const all = await hub.cli(['session', 'revoke-all', '--operator', 'alice', '--json'])
  assert.deepEqual(JSON.parse(all.stdout), { sessions: 2 })
  assert.equal((await hub.cli(['whoami', '--url', hub.origin])).code, 1)
  await alice.signIn(hub.origin)
  await alice.isIn('alice')
})

test('what was done in a session is listed with it, and with no other', { skip }, async () => {
  const own = await alice.ask('GET', '/api/v1/session')
  const id = String(Reflect.get(Object(own.body), 'session'))
  assert.equal((await alice.ask('POST', '/api/v1/operators', { name: 'emil' })).status, 201)
  const acts = await hub.cli(['session', 'acts', id, '--json'])
  assert.equal(acts.code, 0, acts.stderr)
  const told = acts.stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  assert.ok(
    told.some((act) => Reflect.get(Object(act), 'subject') === 'operator/emil'),
    acts.stdout,
  )
  const { body } = await hub.api.call('GET', '/api/v1/audit/entries?subject=operator/emil&type=operator.link-made')
  const [entry]: readonly unknown[] = Reflect.get(Object(body), 'items') ?? []
  assert.match(String(Reflect.get(Object(entry), 'source')), new RegExp(`^https/127\\.0\\.0\\.1 session/${id}$`))
})

test('a code that is guessed, refused or late lets nobody in', { skip }, async () => {
  const begun = await hub.web('POST', '/login/begin', { body: { agent: 'a program' } })
  const { id, code, secret } = Object(begun.body)
  assert.equal((await alice.ask('POST', '/api/v1/session/logins', { code: 'BBBB-BBBB' })).status, 404)
  assert.equal((await alice.ask('POST', '/api/v1/session/logins', { code: String(code).toLowerCase() })).status, 200)
  assert.equal((await hub.web('POST', '/login/fetch', { body: { secret } })).status, 200)
  assert.equal((await hub.web('POST', '/login/fetch', { body: { secret: 'x' } })).status, 404)
  // Confirmed is what was proved for it, not what a step-up of another purpose proves.
  const stepUp = await alice.ask('POST', '/api/v1/session/step-up')
  const ceremony = String(Reflect.get(Object(stepUp.body), 'ceremony'))
  const answer = {
    id: 'x',
    rawId: 'x',
    type: 'public-key',
    response: { clientDataJSON: 'x', authenticatorData: 'x', signature: 'x' },
  }
  const confirmed = await alice.ask('POST', `/api/v1/session/logins/${id}/confirm/${ceremony}`, { answer })
  assert.equal(confirmed.status, 409)
  assert.equal((await alice.ask('DELETE', `/api/v1/session/logins/${id}`)).status, 204)
  const fetched = await hub.web('POST', '/login/fetch', { body: { secret } })
  assert.deepEqual(fetched.body, { state: 'denied' })
  assert.equal((await hub.web('POST', '/login/fetch', { body: { secret } })).status, 404, 'an answer is given once')
})

test('an idle session ends by itself', { skip }, async () => {
  const quick = await PeopleHub.start({ sessionIdleMinutes: 0.05 })
  const others = await People.open([quick.port])
  const bob = await others.person()
  await bob.enrol(quick.firstLink ?? '', { name: 'bob' })
  await bob.isIn('bob')
  const cookie = `__Host-holdfast=${await bob.cookie()}`
  assert.equal((await quick.web('GET', '/api/v1/session', { headers: { cookie } })).status, 200)
  await new Promise((resolve) => setTimeout(resolve, 4_500))
  assert.equal((await quick.web('GET', '/api/v1/session', { headers: { cookie } })).status, 401)
  assert.equal(quick.events('operator.session-ended').length, 1)
  await others.close()
  await quick.stop()
})

/** An endless answer that goes with the session. */
function streamEnd(cookie: string): { readonly opened: Promise<number>; readonly closed: Promise<void> } {
  let opened: (status: number) => void = () => undefined
  let closed: () => void = () => undefined
  const call = request(
    {
      host: 'localhost',
      port: hub.port,
      path: '/api/v1/events?follow=true&limit=0',
      ca: hub.authority,
      agent: false,
      headers: { cookie },
    },
    (answer) => {
      opened(answer.statusCode ?? 0)
      answer.resume()
      answer.once('close', () => closed())
    },
  )
  call.once('error', () => closed())
  call.end()
  return {
    opened: new Promise((resolve) => {
      opened = resolve
    }),
    closed: new Promise((resolve) => {
      closed = resolve
    }),
  }
}

/** A site of somebody else, on another port of the same host. */
async function foreignSite(): Promise<{ server: Server; origin: string; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-foreign-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'].concat([
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      key,
      '-out',
      cert,
    ]),
    { stdio: 'ignore' },
  )
  const port = await freePort()
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Cats</title>')
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { server, origin: `https://localhost:${port}`, folder }
}

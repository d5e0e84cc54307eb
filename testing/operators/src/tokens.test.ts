/** Tokens of machines, as curl brings them; a checksum as Python computes it. */

import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { requireTool } from '@holdfast/testing-tidy'
import { PeopleHub } from './people-hub.ts'

const skip = requireTool('curl') || requireTool('python3')
const run = promisify(execFile)
const PATTERN = /^hft_[0-9A-Za-z]{49}$/
const SETTLED_MS = 5_000

let hub: PeopleHub

before(async () => {
  if (skip !== false) return
  hub = await PeopleHub.start()
  for (const device of ['pump-1', 'pump-2']) await hub.api.createDevice(device)
})

after(async () => {
  if (skip === false) await hub.stop()
})

interface Answer {
  readonly status: number
  readonly body: string
}

async function curl(token: string, path: string, ...options: readonly string[]): Promise<Answer> {
  const bearer = token === '' ? [] : ['--header', `Authorization: Bearer ${token}`]
  const { stdout } = await run('curl', [
    '--silent',
    '--show-error',
    '--cacert',
    hub.caFile,
    '--max-time',
    '20',
    '--write-out',
    '\n%{http_code}',
    ...bearer,
    ...options,
    `${hub.origin}${path}`,
  ])
  const end = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) }
}

async function make(name: string, ...options: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await hub.cli(['token', 'create', name, ...options])
  assert.equal(code, 0, stderr)
  const text = stdout.trim()
  assert.match(text, PATTERN)
  return text
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + SETTLED_MS
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('a token does what its scope names there, nothing else and nowhere else, until it is revoked', {
  skip,
}, async () => {
  const token = await make('reader', '--action', 'device:read', '--on', 'device/pump-1')
  assert.equal((await curl(token, '/api/v1/devices/pump-1')).status, 200)
  assert.equal((await curl(token, '/api/v1/devices/pump-2')).status, 403)
  assert.equal((await curl(token, '/api/v1/devices/pump-1', '--request', 'DELETE')).status, 403)
  assert.equal((await curl(token, '/api/v1/policies')).status, 403)
  const listed = JSON.parse((await curl(token, '/api/v1/devices')).body) as {
    readonly items: readonly { readonly deviceId: string }[]
  }
  assert.deepEqual(
    listed.items.map(({ deviceId }) => deviceId),
    ['pump-1'],
  )
  assert.equal((await hub.cli(['token', 'revoke', 'reader'])).code, 0)
  assert.equal((await curl(token, '/api/v1/devices/pump-1')).status, 401)
  const [created] = hub.events('token.created')
  assert.equal(created?.actor, 'operator/local')
  assert.ok(!hub.lines.some(({ text }) => text.includes(token)), 'its text is in no log')
})

test('the checksum that scanners check offline is zlib’s, in base62', { skip }, async () => {
  const token = await make('scanned', '--role', 'auditor')
  const script = [
    'import re, sys, zlib',
    "alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'",
    't = sys.argv[1]',
    "assert re.fullmatch(r'hft_[0-9A-Za-z]{49}', t)",
    'n = 0',
    'for c in t[-6:]: n = n * 62 + alphabet.index(c)',
    'print(n == zlib.crc32(t[:-6].encode()))',
  ].join('\n')
  assert.equal(execFileSync('python3', ['-c', script, token], { encoding: 'utf8' }).trim(), 'True')
  const broken = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`
  assert.equal(execFileSync('python3', ['-c', script, broken], { encoding: 'utf8' }).trim(), 'False')
  assert.equal((await curl(broken, '/api/v1/status')).status, 401)
})

test('a role is as wide as it says: an auditor reads and changes nothing', { skip }, async () => {
  const token = await make('auditor', '--role', 'auditor')
  assert.equal((await curl(token, '/api/v1/devices/pump-2')).status, 200)
  assert.equal((await curl(token, '/api/v1/organisations/home/tokens')).status, 200)
  assert.equal((await curl(token, '/api/v1/devices/pump-2', '--request', 'DELETE')).status, 403)
})

test('no token makes tokens, not even one of an administrator', { skip }, async () => {
  const token = await make('all', '--role', 'administrator')
  assert.equal((await curl(token, '/api/v1/devices/pump-2')).status, 200)
  const body = JSON.stringify({ name: 'another', scope: [{ role: 'administrator', on: 'organisation/home' }] })
  const json = ['--header', 'content-type: application/json']
  const path = '/api/v1/organisations/home/tokens'
  assert.equal((await curl(token, path, '--data', body, ...json)).status, 403)
  assert.equal((await curl(token, `${path}/all/rotate`, '--data', '{}', ...json)).status, 403)
})

test('while a rotation overlaps both texts work; when the new one is seen the former ends', { skip }, async () => {
  const former = await make('rotated', '--action', 'device:read')
  assert.equal((await curl(former, '/api/v1/devices/pump-1')).status, 200)
  const { stdout } = await hub.cli(['token', 'rotate', 'rotated', '--overlap', '1h'])
  const next = stdout.trim()
  assert.notEqual(next, former)
  assert.equal((await curl(former, '/api/v1/devices/pump-1')).status, 200)
  assert.match((await hub.cli(['token', 'list'])).stdout, /rotated\s+rotating/)
  assert.equal((await curl(next, '/api/v1/devices/pump-1')).status, 200)
  assert.equal((await curl(former, '/api/v1/devices/pump-1')).status, 401)
  assert.equal((await curl(next, '/api/v1/devices/pump-1')).status, 200)
  assert.equal(hub.events('token.retired')[0]?.detail?.reason, 'new-one-seen')
})

test('what was made, rotated and revoked is so after a power cut', { skip }, async () => {
  const kept = await make('kept', '--action', 'device:read')
  const gone = await make('gone', '--action', 'device:read')
  assert.equal((await hub.cli(['token', 'revoke', 'gone'])).code, 0)
  await hub.restart('SIGKILL')
  assert.equal((await curl(kept, '/api/v1/devices/pump-1')).status, 200)
  assert.equal((await curl(gone, '/api/v1/devices/pump-1')).status, 401)
  await until(async () => (await hub.cli(['token', 'show', 'kept'])).stdout.includes('from '), 'its use is listed')
})

test('a stream that a token opened ends when the token is revoked', { skip }, async () => {
  const token = await make('follower', '--action', 'telemetry:read')
  const follower = spawn('curl', [
    '--silent',
    '--no-buffer',
    '--cacert',
    hub.caFile,
    '--header',
    `Authorization: Bearer ${token}`,
    `${hub.origin}/api/v1/messages?follow=true`,
  ])
  const ended = once(follower, 'close')
  await until(async () => (await hub.cli(['token', 'show', 'follower'])).stdout.includes('from '), 'it follows')
  assert.equal(follower.exitCode, null)
  assert.equal((await hub.cli(['token', 'revoke', 'follower'])).code, 0)
  await ended
})

test('who finds a token reports it without being anybody, and learns nothing; it is revoked', { skip }, async () => {
  const token = await make('leaked', '--action', 'device:read')
  const strange = `hft_${'0'.repeat(49)}`
  const json = ['--header', 'content-type: application/json']
  const report = (body: unknown): Promise<Answer> =>
    curl('', '/api/v1/token-reports', '--data', JSON.stringify(body), ...json)
  const unknown = await report({ tokens: [strange] })
  const known = await report([{ token, type: 'holdfast_token', url: 'https://git.example/x', source: 'content' }])
  assert.deepEqual(unknown, known)
  assert.equal(known.status, 202)
  assert.equal((await curl(token, '/api/v1/devices/pump-1')).status, 401)
  const [event] = hub.events('token.reported')
  assert.equal(event?.detail?.name, 'leaked')
  assert.equal(event?.detail?.maker, 'operator/local')
  for (const wrong of [{}, { tokens: [] }, { tokens: [1] }, [], [{ url: 'x' }], { tokens: ['x'], more: 1 }]) {
    assert.equal((await report(wrong)).status, 400, JSON.stringify(wrong))
  }
  const flood = await Promise.all(Array.from({ length: 15 }, () => report({ tokens: [strange] })))
  assert.ok(flood.some(({ status }) => status === 429))
})

test('a canary opens nothing, tells of whoever uses it, and closes the address to what is new there', {
  skip,
}, async () => {
  const familiar = await make('familiar', '--action', 'device:read')
  const fresh = await make('fresh', '--action', 'device:read')
  const canary = await make('canary', '--canary')
  assert.equal((await curl(familiar, '/api/v1/devices/pump-1')).status, 200)
  const refused = await curl(canary, '/api/v1/devices/pump-1')
  const strange = await curl(`hft_${'0'.repeat(49)}`, '/api/v1/devices/pump-1')
  assert.equal(refused.status, 401)
  assert.equal(refused.body, strange.body, 'it looks like any other refusal')
  await until(() => hub.events('token.canary-used').length === 1, 'the alarm')
  const status = await hub.cli(['status', '--json'])
  assert.match(status.stdout, /canary-used/)
  assert.equal((await curl(familiar, '/api/v1/devices/pump-1')).status, 200)
  assert.equal((await curl(fresh, '/api/v1/devices/pump-1')).status, 401)
  assert.equal((await hub.cli(['token', 'revoke', 'canary'])).code, 0)
  assert.doesNotMatch((await hub.cli(['status', '--json'])).stdout, /canary-used/)
})

test('what cannot be a token is refused with the reason', { skip }, async () => {
  for (const args of [
    ['token', 'create', 'Nightly', '--role', 'auditor'],
    ['token', 'create', 'nightly', '--role', 'emperor'],
    ['token', 'create', 'nightly', '--action', 'device:fly'],
    ['token', 'create', 'nightly', '--action', 'token:write'],
    ['token', 'create', 'nightly', '--role', 'auditor', '--on', 'site/home/nowhere'],
    ['token', 'create', 'nightly', '--role', 'auditor', '--expires', '91d'],
    ['token', 'rotate', 'nobody'],
    ['token', 'revoke', 'nobody'],
  ]) {
    const { code, stderr } = await hub.cli(args)
    assert.equal(code, 1, args.join(' '))
    assert.ok(stderr.length > 20)
  }
  assert.equal((await hub.cli(['token', 'create', 'nightly'])).code, 2)
})

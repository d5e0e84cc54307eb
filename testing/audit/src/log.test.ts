/** The log of a running hub: what is found in it, who may see what, what outlasts a kill, and what is left of the shredded. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { freePort, HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { holdfast, verifyLog } from './holdfast-cli.ts'
import { requirePython, verifyIndependently } from './independent-verifier.ts'

const skip = requirePython() || requireTool('curl')
const folder = await mkdtemp(join(tmpdir(), 'audit-log-'))
after(() => rm(folder, { recursive: true, force: true }))

interface Entry {
  readonly index: number
  readonly type: string
  readonly content: string
  readonly subject?: string
  readonly actor?: string
  readonly source?: string
}

async function launch(context: TestContext, data: string): Promise<HubProcess> {
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
  context.after(() => hub.end('SIGKILL'))
  await hub.ready
  return hub
}

async function entriesOf(data: string, ...flags: readonly string[]): Promise<readonly Entry[]> {
  const { exit, out, err } = await holdfast(data, 'audit', 'entries', '--json', '--limit', '1000', ...flags)
  assert.equal(exit, 0, err)
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry)
}

function curl(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('curl', ['-sS', ...args], (error, out) => (error === null ? resolve(out) : reject(error)))
  })
}

/** The last checkpoint signs for everything: it is made within a second. */
async function signed(data: string): Promise<void> {
  for (let tries = 0; tries < 40; tries += 1) {
    const verdict = await verifyLog(data)
    if (verdict.signedEntries === verdict.entries) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  assert.fail('nothing was signed')
}

test('entries are found by whom they are about, over restarts, and anybody may see leaves and nobody bodies', {
  skip,
}, async (context) => {
  const data = join(folder, 'found')
  const first = await launch(context, data)
  const api = new HubApi(data)
  const draft = Array.from({ length: 100 }, (_, at) => ({ deviceId: `pump-${at}`, auth: 'sas' }))
  for (const device of draft) assert.equal((await api.call('POST', '/api/v1/devices', device)).status, 201)
  const [created] = await entriesOf(data, '--subject', 'device/pump-7')
  assert.equal(created?.type, 'identity.created')
  assert.equal(created.actor, 'operator/local')
  assert.equal(created.source, 'local')
  await first.end('SIGTERM')

  const again = await launch(context, data)
  const { httpsPort, caFile } = await again.ready
  assert.deepEqual(await entriesOf(data, '--subject', 'device/pump-7'), [created])
  const shown = await holdfast(data, 'audit', 'entry', String(created.index), '--json')
  assert.deepEqual(JSON.parse(shown.out), created)
  assert.equal((await holdfast(data, 'audit', 'entry', '999999')).exit, 1)
  assert.match((await holdfast(data, 'events', '--limit', '200')).out, /identity\.created/, 'of before the restart')
  const types = new Set((await entriesOf(data)).map(({ type }) => type))
  for (const type of ['hub.started', 'hub.stopped', 'audit.key-created']) assert.ok(types.has(type), type)

  // More than a tile, so that one is full.
  for (let at = 100; at < 260; at += 1)
    await api.call('POST', '/api/v1/devices', { deviceId: `pump-${at}`, auth: 'sas' })
  await signed(data)
  const url = `https://localhost:${httpsPort}`
  const bundle = await curl('--cacert', caFile, `${url}/tlog/tile/entries/000`)
  assert.match(bundle, /"type":"identity\.created"/)
  assert.doesNotMatch(bundle, /pump-/, 'a leaf says nothing of whom it is about')
  assert.match(
    await curl('--cacert', caFile, '-D-', '-o/dev/null', `${url}/tlog/tile/0/000`),
    /max-age=31536000, immutable/,
  )
  for (const path of ['tile/0/001', 'tile/0/000.p/0', 'tile/9/000', 'tile/entries/x000/000', 'nothing']) {
    const status = await curl(
      '--cacert',
      caFile,
      '--path-as-is',
      '-o/dev/null',
      '-w%{http_code}',
      `${url}/tlog/${path}`,
    )
    assert.equal(status, '404', path)
  }
  assert.equal(await curl('--cacert', caFile, '-o/dev/null', '-w%{http_code}', `${url}/api/v1/audit/entries`), '401')
  await again.end('SIGTERM')
})

test('what an entry says is destroyed; its leaf stays, and every proof of before and after holds', {
  skip,
}, async (context) => {
  const data = join(folder, 'shredded')
  const hub = await launch(context, data)
  const api = new HubApi(data)
  for (let at = 0; at < 5; at += 1) await api.call('POST', '/api/v1/devices', { deviceId: `lamp-${at}`, auth: 'sas' })
  await signed(data)
  const key = (await holdfast(data, 'audit', 'key')).out.trim()
  const [victim] = await entriesOf(data, '--subject', 'device/lamp-3')
  const proof = join(folder, 'lamp.tlog-proof')
  assert.equal((await holdfast(data, 'audit', 'proof', String(victim?.index), '--to', proof)).exit, 0)
  const shred = ['audit', 'shred', '--subject', 'device/lamp-3', '--reason', 'request 17']
  const told = await holdfast(data, ...shred, '--json')
  assert.deepEqual(JSON.parse(told.out), { entries: 1 }, told.err)
  assert.deepEqual(await entriesOf(data, '--subject', 'device/lamp-3'), [])
  const left = JSON.parse((await holdfast(data, 'audit', 'entry', String(victim?.index), '--json')).out) as Entry
  assert.equal(left.content, 'shredded')
  assert.equal(left.subject, undefined)
  const [record] = await entriesOf(data, '--type', 'audit.shredded')
  assert.equal(record?.actor, 'operator/local')
  await signed(data)
  const verdict = await verifyLog(data, '--key', key)
  assert.deepEqual(verdict.findings, [])
  assert.equal(verdict.bodies.shredded, 1)
  assert.equal((await holdfast(data, 'audit', 'verify', proof, '--key', key)).exit, 0)
  const bundle = join(folder, 'shredded.bundle')
  assert.equal((await holdfast(data, 'audit', 'export', '--to', bundle)).exit, 0)
  assert.doesNotMatch(await readFile(bundle, 'utf8'), /lamp-3/)
  assert.equal((await verifyIndependently('bundle', bundle, '--key', key)).good, true)
  // A module's would take the whole device's along, which is not what was asked.
  const part = ['audit', 'shred', '--subject', 'device/lamp-2/module/m', '--reason', 'request 18']
  const refused = await holdfast(data, ...part)
  assert.match(refused.err, /name device\/lamp-2/)
  assert.equal((await entriesOf(data, '--subject', 'device/lamp-2')).length, 1)
  // What says that something was destroyed cannot be destroyed with what is said of the hub.
  assert.equal((await holdfast(data, 'audit', 'shred', '--subject', 'hub', '--reason', 'request 19')).exit, 0)
  assert.deepEqual(
    (await entriesOf(data, '--type', 'audit.shredded')).map(({ content }) => content),
    ['body', 'body'],
  )
  await hub.end('SIGTERM')
})

test('killed again and again while devices come and go, the log tells of exactly those that are there', {
  skip,
}, async (context) => {
  const data = join(folder, 'killed')
  for (let round = 0; round < 4; round += 1) {
    const hub = await launch(context, data)
    const api = new HubApi(data)
    const kill = setTimeout(() => void hub.end('SIGKILL'), 150 + round * 230)
    for (let at = 0; at < 10_000; at += 1) {
      try {
        const deviceId = `d-${round}-${at}`
        await api.call('POST', '/api/v1/devices', { deviceId, auth: 'sas' })
        if (at % 3 === 0) await api.call('DELETE', `/api/v1/devices/${deviceId}`)
      } catch {
        break
      }
    }
    clearTimeout(kill)
    await hub.end('SIGKILL')
  }
  const hub = await launch(context, data)
  const told = new Set<string>()
  for (const { type, subject = '' } of (await allEntries(data)).toReversed()) {
    if (type === 'identity.created') told.add(subject)
    if (type === 'identity.deleted') told.delete(subject)
  }
  const { out } = await holdfast(data, 'device', 'list', '--json')
  const there = out
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [`device/${(JSON.parse(line) as { deviceId: string }).deviceId}`]))
  assert.ok(there.length > 10)
  assert.deepEqual([...told].toSorted(), there.toSorted())
  await signed(data)
  assert.deepEqual((await verifyLog(data)).findings, [])
  await hub.end('SIGTERM')
})

async function allEntries(data: string): Promise<readonly Entry[]> {
  const { out } = await holdfast(data, 'audit', 'entries', '--json', '--limit', '100000')
  return out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Entry]))
}

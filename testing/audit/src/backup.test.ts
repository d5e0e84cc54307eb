/**
 * Backups of a hub under load: opened by Debian's age and tar, restored, started, killed in the middle, tried by the hub
 * itself. What was acknowledged before one was asked for is in it.
 */

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Device, freePort, HubApi, HubProcess, NumberedMessages, numberOf } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { CLI_MAIN, holdfast, verifyLog } from './holdfast-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-backup-'))
const data = join(folder, 'hub')
const kept = join(folder, 'kept')
const identity = join(folder, 'key.txt')
const skip = requireTool('age') || requireTool('tar')
const SEED = 5
const hubs: HubProcess[] = []
after(async () => {
  await Promise.all(hubs.map((hub) => hub.end('SIGKILL')))
  rmSync(folder, { recursive: true, force: true })
})

interface BackupJson {
  readonly id: string
  readonly file?: string
  readonly devices: number
  readonly messages: number
  readonly uploads: number
  readonly entries: number
  readonly drill?: { readonly isProved: boolean; readonly reason?: string; readonly uploads?: number }
}

interface RestoredJson {
  readonly manifest: {
    readonly keyProvider: string
    readonly counts: { readonly devices: number; readonly entries: number; readonly uploads: number }
  }
  readonly proof: { readonly messages: number; readonly uploads: number; readonly segments: number }
  readonly signedBy?: string
}

async function start(at: string): Promise<HubProcess> {
  const hub = HubProcess.launch({ data: at, mqttPort: await freePort(), httpsPort: await freePort() })
  hubs.push(hub)
  await hub.ready
  return hub
}

async function until<T>(ask: () => Promise<T> | T, isSo: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const value = await ask()
    if (isSo(value)) return value
    if (tries > 300) assert.fail(`not in time: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function json<T>(at: string, ...args: readonly string[]): Promise<T> {
  const { exit, out, err } = await holdfast(at, ...args, '--json')
  assert.equal(exit, 0, err)
  return JSON.parse(out) as T
}

async function list(at: string): Promise<readonly BackupJson[]> {
  const { out } = await holdfast(at, 'backup', 'list', '--json')
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BackupJson)
}

async function numbersOf(at: string, device: string): Promise<ReadonlySet<number>> {
  const numbered = new NumberedMessages(SEED, device)
  const numbers = new Set<number>()
  for await (const message of new HubApi(at).messages({ device })) {
    assert.equal(numbered.faultOf(message), undefined)
    numbers.add(numberOf(message))
  }
  return numbers
}

/** One file, as a device uploads it: a grant, a blob, the word that it is there. */
async function upload(hub: HubProcess, device: string, key: string, content: string): Promise<void> {
  const { caFile, httpsPort, hostname } = await hub.ready
  const ca = readFileSync(caFile)
  const resource = `${hostname}/devices/${device}`
  const token = formatSasToken({ resource, key, expirySeconds: Math.floor(Date.now() / 1000) + 600 })
  const call = (
    method: string,
    path: string,
    body: string,
    headers: Readonly<Record<string, string | number>>,
  ): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', servername: hostname, port: httpsPort, method, path, ca, headers })
      asked.once('response', (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        answer.once('end', () =>
          (answer.statusCode ?? 0) < 300 ? resolve(text) : reject(new Error(`${answer.statusCode} ${text}`)),
        )
      })
      asked.once('error', reject).end(body)
    })
  const own = { authorization: token, 'content-type': 'application/json' }
  const files = `/devices/${device}/files`
  const given = JSON.parse(
    await call('POST', `${files}?api-version=2021-04-12`, JSON.stringify({ blobName: 'report.txt' }), own),
  ) as Record<'correlationId' | 'containerName' | 'blobName' | 'sasToken', string>
  const blob = `/${given.containerName}/${given.blobName}${given.sasToken}`
  await call('PUT', blob, content, { 'x-ms-blob-type': 'BlockBlob', 'content-length': content.length })
  const told = { correlationId: given.correlationId, isSuccess: true, statusCode: 200, statusDescription: 'ok' }
  await call('POST', `${files}/notifications?api-version=2021-04-12`, JSON.stringify(told), own)
}

test('a backup under load holds what was acknowledged before, opens with age and tar, and is restored to a hub that goes on', {
  skip,
}, async () => {
  mkdirSync(data, { mode: 0o700 })
  mkdirSync(kept)
  writeFileSync(join(data, 'config.json'), JSON.stringify({ regroupMinutes: 0.01 }))
  execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' })
  const recipient = execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).trim()
  const hub = await start(data)
  const api = new HubApi(data)
  const key = await api.createDevice('pump')
  await upload(hub, 'pump', key, 'what a device had to say '.repeat(1_000))
  const { caFile, hostname, mqttPort } = await hub.ready
  const numbered = new NumberedMessages(SEED, 'pump')
  const device = new Device({
    id: 'pump',
    key,
    server: { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') },
    inflightMax: 50,
    gapMs: 0,
    message: (number) => numbered.message(number),
  })
  device.start()
  await until(
    () => device.acknowledged.size,
    (count) => count > 300,
  )
  let made = 0
  let isMaking = true
  const making = (async () => {
    while (isMaking) {
      await api.createDevice(`valve-${made}`)
      made += 1
    }
  })()
  await until(
    () => made,
    (count) => count > 3,
  )
  const [devicesBefore, before] = [made, new Set(device.acknowledged)]
  const file = join(kept, 'hub.tar.age')
  await json(data, 'backup', 'create', '--to', file, '--recipient', recipient)
  isMaking = false
  await making
  assert.ok(device.acknowledged.size > before.size, 'messages were taken meanwhile')

  const plain = execFileSync('age', ['-d', '-i', identity, file], { maxBuffer: 2 ** 28 })
  const names = execFileSync('tar', ['-t'], { input: plain, encoding: 'utf8' }).trim().split('\n')
  assert.deepEqual(names.slice(0, 3), ['state.db', 'log.db', 'history.db'])
  for (const name of ['config.json', 'ca/root.pem', 'ca/log.json', 'keys/kek.json', 'keys/ring.json']) {
    assert.ok(names.includes(name), name)
  }
  assert.equal(names.filter((name) => name.startsWith('blobs/')).length, 1)
  assert.deepEqual(names.slice(-2), ['manifest.json', 'manifest.note'])
  assert.equal(existsSync(join(data, 'backup-work')) && readdirSync(join(data, 'backup-work')).length > 0, false)
  assert.equal(statSync(file).mode & 0o777, 0o600)

  const verdict = await verifyLog(data)
  device.stop()
  await hub.end('SIGKILL')
  const into = join(folder, 'restored')
  const restored = await json<RestoredJson>(
    into,
    'restore',
    file,
    '--data',
    into,
    '--identity',
    identity,
    '--log-key',
    verdict.key,
  )
  assert.equal(restored.signedBy, verdict.key)
  assert.ok(restored.manifest.counts.devices > devicesBefore)
  assert.ok(restored.proof.messages >= before.size)
  assert.ok(restored.proof.segments > 0)
  assert.equal(restored.proof.uploads, 1)

  const again = await start(into)
  const found = await numbersOf(into, 'pump')
  assert.deepEqual(
    [...before].filter((number) => !found.has(number)),
    [],
  )
  assert.equal(await new HubApi(into).keyOf('pump'), key)
  for (let at = 0; at < devicesBefore; at += 1) await new HubApi(into).keyOf(`valve-${at}`)
  const keys = await new HubApi(into).keys()
  assert.ok(keys.filter(({ purpose }) => purpose === 'telemetry').length > 1, 'new keys seal')
  const goneOn = await verifyLog(into, '--key', verdict.key)
  assert.ok(goneOn.isGood && goneOn.entries > restored.manifest.counts.entries)
  const [event] = again.lines.filter(({ event: type }) => type === 'backup.restored')
  assert.equal(event?.detail?.['size'], restored.manifest.counts.entries)
  assert.match(String(event?.detail?.['checkpoint']), /^localhost\/audit\//)
  assert.deepEqual(await again.end('SIGTERM'), { code: 0, signal: null })
  const third = await start(into)
  assert.equal(third.lines.filter(({ event: type }) => type === 'backup.restored').length, 0, 'it is told once')
  await third.end('SIGTERM')
})

test('a folder that is not empty, a wrong identity and key, a cut and a flipped bit are refused, and nothing is left behind', {
  skip,
}, async () => {
  const file = join(kept, 'hub.tar.age')
  const target = join(folder, 'refused')
  const refused = async (given: readonly string[], code: RegExp): Promise<void> => {
    const { exit, err } = await holdfast(target, 'restore', ...given)
    assert.equal(exit, 1, err)
    assert.match(err, code)
    assert.equal(existsSync(target), false)
    assert.equal(existsSync(`${target}.restoring`), false)
  }
  const other = join(folder, 'other.txt')
  execFileSync('age-keygen', ['-o', other], { stdio: 'ignore' })
  await refused([file, '--data', target, '--identity', other], /no identity here opens it/)
  await refused([file, '--data', data, '--identity', identity], /holds something/)
  const strange = 'localhost/audit/000000000000+8bc8e0cc+AcW3WhlBFh4xmU63kVh361lYWM5Uc4CJiUIIzWUjSFML'
  await refused([file, '--data', target, '--identity', identity, '--log-key', strange], /not signed by the key/)
  const bytes = readFileSync(file)
  const bad = join(folder, 'bad.tar.age')
  writeFileSync(bad, bytes.subarray(0, bytes.length - 100))
  await refused([bad, '--data', target, '--identity', identity], /damaged/)
  const flipped = Buffer.from(bytes)
  flipped.writeUInt8((flipped[bytes.length >> 1] ?? 0) ^ 1, bytes.length >> 1)
  writeFileSync(bad, flipped)
  await refused([bad, '--data', target, '--identity', identity], /damaged/)
})

test('killed in the middle of a restore, the folder is not there, and the next one begins anew', { skip }, async () => {
  const file = join(kept, 'hub.tar.age')
  const target = join(folder, 'killed')
  const args = [
    '--disallow-code-generation-from-strings',
    CLI_MAIN,
    'restore',
    file,
    '--data',
    target,
    '--identity',
    identity,
  ]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await until(
    () => existsSync(join(`${target}.restoring`, 'state.db')),
    (isThere) => isThere,
  )
  child.kill('SIGKILL')
  await ended
  assert.equal(existsSync(target), false)
  await json(target, 'restore', file, '--data', target, '--identity', identity)
  assert.ok(existsSync(join(target, 'state.db')))
  assert.equal(existsSync(`${target}.restoring`), false)
  rmSync(target, { recursive: true })
})

test('on a schedule backups are written, the oldest go, and the newest is restored on trial; a changed byte is found', {
  skip,
}, async () => {
  const hub = await start(data)
  const recipient = execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).trim()
  const to = join(folder, 'scheduled')
  const schedule = (): Promise<object> =>
    json(data, 'backup', 'schedule', '--every', '24h', '--to', to, '--recipient', recipient, '--keep', '1')
  const missing = await holdfast(data, 'backup', 'schedule', '--every', '24h', '--to', to, '--recipient', recipient)
  assert.equal(missing.exit, 1, 'a disk that is not mounted is none')
  const inside = await holdfast(data, 'backup', 'schedule', '--every', '24h', '--to', data, '--recipient', recipient)
  assert.match(inside.err, /do not belong into the data folder/)
  mkdirSync(to)
  await schedule()
  const scheduled = (all: readonly BackupJson[]): readonly BackupJson[] => all.filter(({ file }) => file !== undefined)
  const tried = await until(
    () => list(data),
    (all) => scheduled(all).some(({ drill }) => drill !== undefined),
  )
  const [first] = scheduled(tried)
  assert.ok(first?.drill?.isProved === true, first?.drill?.reason ?? 'not tried')
  assert.equal(first.drill.uploads, 1)
  assert.ok(hub.lines.some(({ event }) => event === 'restore.proved'))
  // The operator's identity opens it, too.
  const verified = await json<RestoredJson>(data, 'backup', 'verify', first.file ?? '', '--identity', identity)
  assert.equal(verified.manifest.counts.entries, first.entries)

  const bytes = readFileSync(first.file ?? '')
  bytes.writeUInt8((bytes[bytes.length >> 1] ?? 0) ^ 1, bytes.length >> 1)
  writeFileSync(first.file ?? '', bytes)
  const drill = await holdfast(data, 'backup', 'drill', first.id)
  assert.equal(drill.exit, 1)
  assert.match(drill.err, /does not hold/)
  assert.ok(hub.lines.some(({ event }) => event === 'restore.failed'))
  const { notices } = JSON.parse((await holdfast(data, 'status', '--json')).out) as {
    readonly notices: readonly { readonly code: string }[]
  }
  assert.ok(notices.some(({ code }) => code === 'backup-unproved'))
  await json(data, 'backup', 'schedule', '--off')
  await hub.end('SIGTERM')
})

test('killed in the middle of a backup, the hub starts, clears away what is left, and takes the next', {
  skip,
}, async () => {
  const recipient = execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).trim()
  const hub = await start(data)
  const work = join(data, 'backup-work')
  const begun = holdfast(data, 'backup', 'create', '--to', join(kept, 'cut.tar.age'), '--recipient', recipient)
  await until(
    () => existsSync(work) && readdirSync(work).length > 0,
    (isThere) => isThere,
  )
  await hub.end('SIGKILL')
  const { exit } = await begun
  assert.equal(exit, 1)
  assert.deepEqual(
    readdirSync(kept).filter((name) => name.startsWith('cut')),
    [],
  )
  const next = await start(data)
  assert.equal(existsSync(work), false)
  await json(data, 'backup', 'create', '--to', join(kept, 'next.tar.age'), '--recipient', recipient)
  await next.end('SIGTERM')
})

/**
 * Who can write to the folder of the backups, and has the public recipient as everybody may, makes an archive of their own
 * with Debian's age. It is whole in itself; what tells it from the hub's is the key of the audit log, and the hub's record.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { holdfast, verifyLog } from './holdfast-cli.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-backup-forgery-'))
const hubs: HubProcess[] = []
after(async () => {
  await Promise.all(hubs.map((hub) => hub.end('SIGKILL')))
  rmSync(root, { recursive: true, force: true })
})

function identityAt(name: string): { readonly file: string; readonly recipient: string } {
  const file = join(root, name)
  execFileSync('age-keygen', ['-o', file], { stdio: 'ignore' })
  return { file, recipient: execFileSync('age-keygen', ['-y', file], { encoding: 'utf8' }).trim() }
}

async function start(data: string): Promise<HubProcess> {
  const hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  hubs.push(hub)
  await hub.ready
  return hub
}

interface Listed {
  readonly id: string
  readonly file?: string
  readonly drill?: { readonly isProved: boolean }
}

async function scheduled(data: string): Promise<Listed & { readonly file: string }> {
  for (let tries = 0; tries < 200; tries++) {
    const { out } = await holdfast(data, 'backup', 'list', '--json')
    const all = out.split('\n').filter((line) => line !== '')
    for (const one of all.map((line) => JSON.parse(line) as Listed)) {
      if (one.file !== undefined && one.drill !== undefined) return { ...one, file: one.file }
    }
  }
  return assert.fail('no backup was taken and tried in time')
}

test('a forged archive is refused by the log key and found by the drill; without either it is told that nobody vouches', {
  skip: requireTool('age'),
}, async () => {
  const operator = identityAt('operator.txt')
  const forger = identityAt('forger.txt')
  const to = join(root, 'backups')
  mkdirSync(to)

  // The forger's: a hub of their own, resealed for the operator.
  const theirs = join(root, 'theirs')
  const forgery = join(root, 'forgery.tar.age')
  const plain = join(root, 'forgery.tar')
  const first = await start(theirs)
  await new HubApi(theirs).createDevice('let-me-in')
  const taken = await holdfast(theirs, 'backup', 'create', '--to', `${plain}.age`, '--recipient', forger.recipient)
  assert.equal(taken.exit, 0, taken.err)
  await first.end('SIGTERM')
  execFileSync('age', ['-d', '-i', forger.file, '-o', plain, `${plain}.age`])
  execFileSync('age', ['-r', operator.recipient, '-o', forgery, plain])

  const data = join(root, 'hub')
  const hub = await start(data)
  await new HubApi(data).createDevice('pump')
  const { key } = await verifyLog(data)
  const early = join(root, 'early.tar.age')
  const created = await holdfast(data, 'backup', 'create', '--to', early, '--recipient', operator.recipient)
  assert.match(
    created.out,
    new RegExp(`--log-key ${key.replaceAll(/[.+/]/g, '\\$&')}`),
    'the key is told when it is taken',
  )
  const set = ['--every', '24h', '--to', to, '--recipient', operator.recipient]
  assert.equal((await holdfast(data, 'backup', 'schedule', ...set)).exit, 0)
  const { id, file, drill } = await scheduled(data)
  assert.equal(drill?.isProved, true)

  // In place of the hub's: a forged one, and an earlier one of the hub's own.
  for (const replacement of [forgery, early]) {
    copyFileSync(replacement, file)
    const drilled = await holdfast(data, 'backup', 'drill', id)
    assert.equal(drilled.exit, 1)
    assert.match(drilled.err, /does not hold/)
  }
  assert.equal(hub.lines.filter(({ event }) => event === 'restore.failed').length, 2)
  await hub.end('SIGTERM')

  const into = join(root, 'restored')
  const opening = ['--identity', operator.file]
  for (const command of [
    ['restore', forgery, '--data', into],
    ['backup', 'verify', forgery],
  ]) {
    const refused = await holdfast(into, ...command, ...opening, '--log-key', key)
    assert.equal(refused.exit, 1)
    assert.match(refused.err, /its manifest is not signed by the key/)
    assert.equal(existsSync(into), false)
  }
  const believed = await holdfast(into, 'backup', 'verify', forgery, ...opening)
  assert.equal(believed.exit, 0, believed.err)
  assert.match(believed.out, /that key was in the backup itself[^]*demand that one with --log-key/)
  const genuine = await holdfast(into, 'backup', 'verify', early, ...opening, '--log-key', key)
  assert.equal(genuine.exit, 0, genuine.err)
  assert.doesNotMatch(genuine.out, /that key was in the backup itself/)
})

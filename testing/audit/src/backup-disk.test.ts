/** Backups where there is no room, on a real small file system: nothing half is left, the hub goes on, and says so. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { holdfast } from './holdfast-cli.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-backup-disk-'))
const mounted: string[] = []
const hubs: HubProcess[] = []
after(async () => {
  await Promise.all(hubs.map((hub) => hub.end('SIGKILL')))
  for (const disk of mounted) execFileSync('umount', ['-l', disk])
  rmSync(root, { recursive: true, force: true })
})

/** Mounting takes root; where we are not, the test is skipped by name, and under CI that is a failure. */
function requireRoot(): string | false {
  if (process.getuid?.() === 0) return requireTool('mount') || requireTool('age')
  const reason = 'mounting a small file system takes root'
  if (process.env['CI'] === 'true') throw new Error(`under CI=true nothing is skipped: ${reason}`)
  return reason
}

function disk(name: string, options: string): string {
  const path = join(root, name)
  mkdirSync(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'holdfast-test', path])
  mounted.push(path)
  return path
}

async function until<T>(ask: () => Promise<T> | T, isSo: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const value = await ask()
    if (isSo(value)) return value
    if (tries > 300) assert.fail(`not in time: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test('a backup where there is no room leaves no half file; the hub goes on, tells it, and takes one when there is room', {
  skip: requireRoot(),
}, async (t) => {
  const data = join(root, 'hub')
  const identity = join(root, 'key.txt')
  execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' })
  const recipient = execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).trim()
  const hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  hubs.push(hub)
  await hub.ready
  const api = new HubApi(data)
  const failed = (): readonly unknown[] => hub.lines.filter(({ event }) => event === 'backup.failed')
  const notices = async (): Promise<string> => JSON.stringify((await api.status()).notices)
  const schedule = async (to: string): Promise<void> => {
    const args = ['--every', '24h', '--to', to, '--recipient', recipient, '--no-drill']
    const { exit, err } = await holdfast(data, 'backup', 'schedule', ...args)
    assert.equal(exit, 0, err)
  }

  await t.test('taken by command', async () => {
    const full = disk('full', 'size=64k')
    const file = join(full, 'hub.tar.age')
    const { exit, err } = await holdfast(data, 'backup', 'create', '--to', file, '--recipient', recipient)
    assert.equal(exit, 1)
    assert.match(err, /there is no room for it, and no part of it was left; make some/)
    assert.deepEqual(readdirSync(full), [])
    await until(failed, ({ length }) => length === 1)
    await api.createDevice('goes-on')
    assert.equal((await api.ready()).status, 200)
    const there = await holdfast(data, 'backup', 'create', '--to', join(root, 'a.age'), '--recipient', recipient)
    assert.equal(there.exit, 0, there.err)
  })

  await t.test('on a schedule, where it is known beforehand', async () => {
    const to = disk('small', 'size=80m')
    const filler = join(to, 'filler')
    writeFileSync(filler, Buffer.alloc(40 * 2 ** 20))
    await schedule(to)
    await until(notices, (text) => text.includes('backup-failed'))
    assert.match(await notices(), /there is no room for a backup in .*make some, or keep fewer/)
    assert.equal(failed().length, 2)
    assert.deepEqual(readdirSync(to), ['filler'])
    assert.equal((await api.ready()).status, 200)
    rmSync(filler)
    await schedule(to)
    await until(
      () => readdirSync(to),
      (names) => names.some((name) => /^holdfast-localhost-\d{8}T\d{6}Z-[0-9a-f]{8}\.tar\.age$/.test(name)),
    )
    await until(notices, (text) => !text.includes('backup-failed'))
  })

  await t.test('on a schedule, where the disk says it in the middle', async () => {
    // Room there is, and no inode for another file.
    const to = disk('inodes', 'size=200m,nr_inodes=2')
    writeFileSync(join(to, 'other'), '')
    assert.equal(statfsSync(to).ffree, 0)
    await schedule(to)
    await until(notices, (text) => text.includes('backup-failed'))
    assert.match(await notices(), /there is no room for .*make some, and begin anew/)
    assert.deepEqual(readdirSync(to), ['other'])
    rmSync(join(to, 'other'))
    await schedule(to)
    await until(
      () => readdirSync(to),
      ([name]) => name?.endsWith('.tar.age') === true,
    )
    await until(notices, (text) => !text.includes('backup-failed'))
    assert.doesNotMatch(hub.text, /internal fault/)
  })
})

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { removable, removeOurs, whatLies } from './retention.ts'

const drill = (isProved: boolean) => ({ at: timestampOf(0), isProved, seconds: 1 })
const at = (number: number, isProved?: boolean) => ({
  file: `/srv/backups/${number}`,
  bytes: 1,
  ...(isProved === undefined ? {} : { drill: drill(isProved) }),
})
const names = (given: readonly { readonly file: string }[]): readonly string[] =>
  given.map(({ file }) => file.slice(13))
const schedule = { to: '/srv/backups', keep: 2 }

test('beyond as many as are kept the oldest go', () => {
  assert.deepEqual(names(removable([at(5), at(4), at(3), at(2)], schedule)), ['3', '2'])
  assert.deepEqual(removable([at(5), at(4)], schedule), [])
})

test('the last that was restored on trial stays until a newer one was, whatever came after it', () => {
  assert.deepEqual(names(removable([at(5, false), at(4, false), at(3, true), at(2, true)], schedule)), ['2'])
  assert.deepEqual(names(removable([at(6, true), at(5), at(4), at(3, true), at(2)], schedule)), ['4', '3', '2'])
})

test('files of another folder, and backups that were never written to one, neither count nor go', () => {
  const elsewhere = { file: '/mnt/before/1', bytes: 1 }
  const streamed = { bytes: 1 }
  assert.deepEqual(
    removable([at(5), elsewhere, streamed, at(4), { file: '/srv/backups/deep/1', bytes: 1 }], schedule),
    [],
  )
})

test('what somebody else put in place of a backup is not removed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-retention-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = (name: string) => ({ file: join(folder, name), bytes: 4 })
  writeFileSync(join(folder, 'ours'), 'four')
  writeFileSync(join(folder, 'longer'), 'longer than it was')
  mkdirSync(join(folder, 'folder'))
  symlinkSync(join(folder, 'ours'), join(folder, 'link'))
  for (const name of ['longer', 'folder', 'link']) {
    assert.equal(await whatLies(file(name)), 'another', name)
    await removeOurs(file(name))
    assert.ok(existsSync(join(folder, name)), name)
  }
  assert.equal(await whatLies(file('none')), 'nothing')
  await removeOurs(file('none'))
  await removeOurs(file('ours'))
  assert.equal(await whatLies(file('ours')), 'nothing')
})

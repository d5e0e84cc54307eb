import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BackupError } from './errors.ts'
import { restore } from './restore.ts'

test('a link is not restored into: it is told before anything is read, and not as damage of the backup', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-restore-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'empty'))
  symlinkSync(join(folder, 'empty'), join(folder, 'to-empty'))
  symlinkSync(join(folder, 'nothing'), join(folder, 'to-nothing'))
  const restoring = { file: join(folder, 'no-archive'), opening: { kind: 'identities', identities: [] } } as const
  for (const name of ['to-empty', 'to-nothing', 'to-empty/']) {
    await assert.rejects(restore(restoring, join(folder, name)), (error) => {
      assert.ok(error instanceof BackupError)
      assert.equal(error.code, 'unavailable')
      assert.match(error.message, /is a link/)
      return true
    })
  }
  assert.deepEqual(readdirSync(folder).sort(), ['empty', 'to-empty', 'to-nothing'])
})

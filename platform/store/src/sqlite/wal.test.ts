import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { testFolder } from '../testing/batches.ts'
import { findWalDamage } from './wal.ts'

const FRAME = 24 + 4_096

/** A WAL of ten transactions of three pages each, as a process that was killed leaves it. */
function walOf(context: TestContext): string {
  const folder = testFolder(context)
  const database = new DatabaseSync(join(folder, 'live.db'))
  database.exec('PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0')
  database.exec('CREATE TABLE t (b BLOB)')
  for (let index = 0; index < 10; index++) database.exec('INSERT INTO t VALUES (randomblob(9000))')
  copyFileSync(join(folder, 'live.db-wal'), join(folder, 'copy.db-wal'))
  database.close()
  return join(folder, 'copy.db-wal')
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  writeFileSync(file, bytes)
}

test('a WAL that is whole, absent or empty shows no damage', (context) => {
  const wal = walOf(context)
  assert.equal(findWalDamage(wal), undefined)
  assert.equal(findWalDamage(`${wal}-none`), undefined)
  truncateSync(wal, 0)
  assert.equal(findWalDamage(wal), undefined)
})

test('a flipped bit before later commits is damage, whichever part of the frame it is in', (context) => {
  for (const within of [0, 6, 17, 24, 3_000]) {
    const wal = walOf(context)
    flip(wal, 32 + 5 * FRAME + within)
    assert.match(findWalDamage(wal) ?? '', /frame 6 of \d+ of its -wal is damaged/, `byte ${within}`)
  }
})

test('a flipped bit in the header is damage', (context) => {
  const wal = walOf(context)
  flip(wal, 17)
  assert.match(findWalDamage(wal) ?? '', /header/)
})

test('an end that was cut or torn is what recovery is for', (context) => {
  const whole = readFileSync(walOf(context)).length
  for (const cut of [1, 100, FRAME, FRAME + 1, 3 * FRAME - 1]) {
    const wal = walOf(context)
    truncateSync(wal, whole - cut)
    assert.equal(findWalDamage(wal), undefined, `${cut} bytes cut`)
  }
  const torn = walOf(context)
  flip(torn, whole - 2 * FRAME + 500) // Within the last transaction: its fsync may not have come.
  assert.equal(findWalDamage(torn), undefined)
})

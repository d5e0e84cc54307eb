import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DataFolder, DataFolderError } from './data-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-data-'))
after(() => rmSync(folder, { recursive: true }))

function refusedAs(code: string, message: RegExp) {
  return (error: unknown): boolean =>
    error instanceof DataFolderError && error.code === code && message.test(error.message)
}

test('the folder is made, with its parents, for its owner alone', () => {
  const path = join(folder, 'new/inside')
  const data = DataFolder.open(path)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  assert.equal(data.at('keys', 'ring.json'), `${path}/keys/ring.json`)
  data.close()
})

test('a folder that others may read is closed to them', () => {
  const path = join(folder, 'open')
  mkdirSync(path)
  chmodSync(path, 0o755)
  DataFolder.open(path).close()
  assert.equal(statSync(path).mode & 0o777, 0o700)
})

test('a folder of another use is neither closed to others nor used', () => {
  const path = join(folder, 'shared')
  mkdirSync(path)
  chmodSync(path, 0o755)
  writeFileSync(join(path, 'letter.txt'), '')
  assert.throws(() => DataFolder.open(path), refusedAs('unusable', /holds something else.*--data/))
  assert.equal(statSync(path).mode & 0o777, 0o755)
})

test('a folder that an operator prepared with the configuration is taken', () => {
  const path = join(folder, 'prepared')
  mkdirSync(path)
  chmodSync(path, 0o755)
  writeFileSync(join(path, 'config.json'), '{}')
  DataFolder.open(path).close()
  assert.equal(statSync(path).mode & 0o777, 0o700)
})

test('a second hub on the same folder is refused, and told what to do', () => {
  const path = join(folder, 'twice')
  const first = DataFolder.open(path)
  assert.throws(() => DataFolder.open(path), refusedAs('in-use', /another hub is running.*--data/))
  first.close()
  DataFolder.open(path).close()
})

test('a hub in another process is refused too, and none once the first was killed', {
  timeout: 60_000,
}, async (context) => {
  const path = join(folder, 'killed')
  const module = JSON.stringify(new URL('./data-folder.ts', import.meta.url).href)
  // Kept, for a folder that nobody refers to is closed when memory is tidied.
  const open = `const { DataFolder } = await import(${module}); globalThis.folder = DataFolder.open(${JSON.stringify(path)});`
  const arguments_ = ['--input-type=module', '-e']
  const hold = [...arguments_, `${open} console.log('held'); setInterval(() => {}, 1000)`]
  // What it fails with is to be seen, and not to be waited for.
  const holder = spawn(process.execPath, hold, { stdio: ['ignore', 'pipe', 'inherit'] })
  context.after(() => holder.kill('SIGKILL'))
  const ended = once(holder, 'exit')
  const word = await Promise.race([once(holder.stdout, 'data'), ended])
  assert.equal(String(word[0]), 'held\n')
  assert.throws(() => DataFolder.open(path), refusedAs('in-use', /another hub/))
  holder.kill('SIGKILL')
  await ended
  DataFolder.open(path).close()
  execFileSync(process.execPath, [...arguments_, open])
})

test('a path that is a file cannot be a data folder, and the message says to choose another', () => {
  const path = join(folder, 'file')
  writeFileSync(path, '')
  assert.throws(() => DataFolder.open(path), refusedAs('unusable', /cannot use the data folder.*--data/))
})

test('a lock file that is something else is not taken for a lock', () => {
  const path = join(folder, 'strange')
  mkdirSync(path)
  writeFileSync(join(path, 'lock.db'), 'no database'.repeat(1_000))
  assert.throws(() => DataFolder.open(path), refusedAs('unusable', /cannot lock the data folder/))
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { StoreDamagedError, StoreUnavailableError } from '../damaged.ts'
import { device } from './contract.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile } from './testing.ts'

async function open(file: string, ...epochs: readonly number[]) {
  return openStateStore({ file, keys: testKeys(...(epochs.length === 0 ? [1] : epochs)), random })
}

/** A store with some devices, closed. */
async function filled(file: string): Promise<void> {
  const store = await open(file)
  await Promise.all(Array.from({ length: 300 }, (_, i) => store.writeIdentity(device(`d${i}`), { kind: 'absent' })))
  await store.close()
}

function damaged(file: string, what: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreDamagedError, String(error))
    assert.equal(error.file, file)
    assert.match(error.what, what)
    assert.ok(error.remedy.length > 10)
    return true
  }
}

test('what was written is there after closing and opening', async () => {
  await withFile(async (file) => {
    await filled(file)
    const store = await open(file)
    assert.deepEqual(await store.countDevices(), { total: 300, enabled: 300 })
    await store.close()
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })
})

test('a file that is no database, or another program’s, is refused and left as it is', async () => {
  await withFile(async (file) => {
    for (const content of [
      randomBytes(10),
      randomBytes(8_192),
      Buffer.from('SQLite format 3\0'),
      Buffer.alloc(4_096),
    ]) {
      await writeFile(file, content)
      await assert.rejects(open(file), damaged(file, /no SQLite|cut off|header/))
      assert.deepEqual(await readFile(file), content)
    }
    await rm(file)
    const other = new DatabaseSync(file)
    other.exec('CREATE TABLE holiday (photo BLOB)')
    other.close()
    await assert.rejects(open(file), damaged(file, /another program/))
  })
})

test('an empty file is a first start that was interrupted', async () => {
  await withFile(async (file) => {
    await writeFile(file, '')
    await (await open(file)).close()
  })
})

test('a file of a newer version is refused', async () => {
  await withFile(async (file) => {
    await filled(file)
    const newer = new DatabaseSync(file)
    newer.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('0999-later', 'x')")
    newer.close()
    await assert.rejects(open(file), damaged(file, /newer version.*0999-later/))
  })
})

test('a file cut at any page, or missing beside its log, is refused', async () => {
  await withFile(async (file) => {
    await filled(file)
    const whole = await readFile(file)
    for (const bytes of [1, 100, 600, 4_096, 8_192 + 7, whole.length - 4_096, whole.length - 1]) {
      await writeFile(file, whole)
      await truncate(file, bytes)
      await assert.rejects(open(file), StoreDamagedError, `${bytes} bytes`)
    }
    await rm(file)
    await writeFile(`${file}-wal`, randomBytes(5_000))
    await assert.rejects(open(file), damaged(file, /missing/))
  })
})

test('damage in a page is found at the start, or where it was only in a value, at the reading of that value', async () => {
  await withFile(async (file) => {
    await filled(file)
    const whole = await readFile(file)
    let found = 0
    for (let at = 4_096 + 3; at < whole.length; at += 9_973) {
      const bad = Buffer.from(whole)
      bad.fill(0xff, at, at + 64)
      await writeFile(file, bad)
      try {
        const store = await open(file)
        // Inside a text or a sealed value: the structure is whole.
        const page = await store.listDevices({ limit: 1_000 }).catch((error: unknown) => error)
        if (page instanceof StoreDamagedError) found += 1
        await store.close()
      } catch (error) {
        assert.ok(error instanceof StoreDamagedError, String(error))
        found += 1
      }
      await rm(`${file}-wal`, { force: true })
    }
    assert.ok(found > 5, `${found} found`)
  })
})

test('a value of a wrong kind, put there by hand, is found at the start', async () => {
  await withFile(async (file) => {
    await filled(file)
    const database = new DatabaseSync(file)
    database.exec("PRAGMA ignore_check_constraints = ON; UPDATE identity SET status = 'root' WHERE device_id = 'd7'")
    database.close()
    await assert.rejects(open(file), damaged(file, /CHECK constraint failed in identity/))
  })
})

test('a file that another process has is refused as busy, and neither is harmed', async () => {
  await withFile(async (file) => {
    const store = await open(file)
    await store.writeSetting('a', '1')
    const entry = new URL('./state-store.ts', import.meta.url).href
    const script = `
      const { openStateStore } = await import(${JSON.stringify(entry)})
      const keys = { current: 1, keys: [{ epoch: 1, bytes: new Uint8Array(32) }] }
      await openStateStore({ file: ${JSON.stringify(file)}, keys, random: (n) => new Uint8Array(n) })
        .catch((error) => console.log(error.code, error.reason))`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    assert.equal(stdout.trim(), 'STORE_UNAVAILABLE busy')
    assert.equal(await store.readSetting('a'), '1')
    await store.close()
  })
})

test('a file sealed with keys that are not there is refused before anything is served', async () => {
  await withFile(async (file) => {
    await filled(file)
    await assert.rejects(open(file, 2), damaged(file, /epoch 1/))
    await (await open(file, 1, 2)).close()
  })
})

test('a folder that is not there is the disk’s fault', async () => {
  await assert.rejects(
    open('/nonexistent/state.db'),
    (error) => error instanceof StoreUnavailableError || (error instanceof Error && /ENOENT/.test(error.message)),
  )
})

test('an SQL text cannot attach another file, load an extension or rewrite the schema', async () => {
  await withFile(async (file) => {
    const { openStateDatabase } = await import('./open-database.ts')
    const { database, db } = await openStateDatabase(file)
    assert.throws(() => database.exec(`ATTACH '${file}2' AS other`))
    assert.throws(() => database.exec("SELECT load_extension('x')"))
    assert.throws(() => database.exec("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'x'"))
    await db.destroy()
  })
})

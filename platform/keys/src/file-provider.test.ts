import assert from 'node:assert/strict'
import { chmod, link, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileKeyProvider, KeyError, openKeyFolder, openKeys, rotateKeyEncryptionKey } from './index.ts'
import { MemoryFolder, testEnvironment } from './testing/index.ts'

async function inFolder(use: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-keys-'))
  try {
    await use(path)
  } finally {
    await rm(path, { recursive: true })
  }
}

test('files on disk are for their owner alone, and nothing else is left there', async () => {
  await inFolder(async (path) => {
    const keys = join(path, 'keys')
    const opened = await openKeys(await openKeyFolder(keys), testEnvironment())
    await opened.ring.rotate('telemetry')
    await opened.ring.drop(1)
    await rotateKeyEncryptionKey(opened)
    assert.deepEqual((await readdir(keys)).sort(), ['kek.json', 'ring.json'])
    assert.equal((await stat(keys)).mode & 0o777, 0o700)
    for (const name of await readdir(keys)) assert.equal((await stat(join(keys, name))).mode & 0o777, 0o600)
    const again = await openKeys(await openKeyFolder(keys), testEnvironment())
    assert.deepEqual(again.ring.current('state').bytes, opened.ring.current('state').bytes)
  })
})

test('a key file that others may read is refused, and the refusal says chmod', async () => {
  await inFolder(async (path) => {
    await openKeys(await openKeyFolder(path), testEnvironment())
    for (const mode of [0o640, 0o604, 0o660]) {
      await chmod(join(path, 'kek.json'), mode)
      await assert.rejects(
        openKeys(await openKeyFolder(path), testEnvironment()),
        (error) => error instanceof KeyError && error.code === 'exposed' && /chmod 600 .*kek\.json/.test(error.message),
      )
    }
  })
})

test('a folder in which others may swap the files is refused', async () => {
  await inFolder(async (path) => {
    await chmod(path, 0o777)
    await assert.rejects(
      openKeyFolder(path),
      (error) => error instanceof KeyError && error.code === 'exposed' && /chmod 700/.test(error.message),
    )
  })
})

test('an oversized file is refused before it is read', async () => {
  await inFolder(async (path) => {
    await writeFile(join(path, 'kek.json'), new Uint8Array(1024 * 1024), { mode: 0o600 })
    await assert.rejects(
      openKeys(await openKeyFolder(path), testEnvironment()),
      (error) => error instanceof KeyError && /larger/.test(error.message),
    )
  })
})

test('a damaged key-encryption key is told as such, not as a ring that does not verify', async () => {
  const folder = new MemoryFolder()
  await openKeys(folder, testEnvironment())
  const text = Buffer.from(folder.peek('kek.json') ?? []).toString()
  const key = /"key": "(.)/.exec(text)
  assert.ok(key !== null)
  const changed = text.replace(/"key": "./, `"key": "${key[1] === 'A' ? 'B' : 'A'}`)
  for (const bad of [changed, '', '{}', 'null', '[]', text.slice(0, 60), text.replace('"keys"', '"kees"')]) {
    folder.plant('kek.json', Buffer.from(bad))
    await assert.rejects(
      openKeys(folder, testEnvironment()),
      (error) => error instanceof KeyError && error.code === 'damaged' && /kek\.json.*damaged/.test(error.message),
    )
  }
})

test('what was wrapped for one place does not unwrap in another, nor after a change of any bit', async () => {
  const provider = await FileKeyProvider.open(new MemoryFolder(), testEnvironment())
  const secret = new Uint8Array(32).fill(7)
  const wrapped = await provider.wrap(secret, 'here')
  assert.deepEqual(await provider.unwrap(wrapped, 'here'), secret)
  await assert.rejects(provider.unwrap(wrapped, 'there'), KeyError)
  for (let bit = 0; bit < wrapped.length * 8; bit += 1) {
    const bad = new Uint8Array(wrapped)
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    await assert.rejects(provider.unwrap(bad, 'here'), KeyError)
  }
  for (let length = 0; length < wrapped.length; length += 1) {
    await assert.rejects(provider.unwrap(wrapped.subarray(0, length), 'here'), KeyError)
  }
})

test('after a rotation of the key-encryption key the old one is gone from the file', async () => {
  await inFolder(async (path) => {
    const opened = await openKeys(await openKeyFolder(path), testEnvironment())
    const old = /"key": "([^"]+)"/.exec(await readFile(join(path, 'kek.json'), 'utf8'))?.[1]
    assert.ok(old !== undefined)
    const wrapped = await opened.provider.wrap(new Uint8Array(32), 'x')
    await rotateKeyEncryptionKey(opened)
    assert.ok(!(await readFile(join(path, 'kek.json'), 'utf8')).includes(old))
    await assert.rejects(opened.provider.unwrap(wrapped, 'x'), KeyError)
  })
})

test('the bytes of the old ring are overwritten when a key is dropped, unless a name still leads to them', async () => {
  await inFolder(async (path) => {
    const { ring } = await openKeys(await openKeyFolder(path), testEnvironment())
    await ring.rotate('telemetry')
    await ring.rotate('telemetry')
    const old = await open(join(path, 'ring.json'), 'r')
    await ring.drop(1)
    assert.ok((await old.readFile()).every((byte) => byte === 0))
    await old.close()
    await link(join(path, 'ring.json'), join(path, 'backup'))
    await ring.drop(4)
    assert.match(await readFile(join(path, 'backup'), 'utf8'), /holdfast-key-ring/)
  })
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { openWithPassphrase, parsePassphraseBox, sealWithPassphrase } from './passphrase-box.ts'

const PASSPHRASE = Buffer.from('correct horse battery staple')
const SECRET = randomBytes(138)
const box = await sealWithPassphrase(SECRET, PASSPHRASE, 'root of this hub', randomBytes)

test('a box opens with its passphrase in its context, after a journey through JSON', async () => {
  const read = parsePassphraseBox(JSON.parse(JSON.stringify(box)))
  assert.ok(read !== undefined)
  assert.deepEqual(Buffer.from((await openWithPassphrase(read, PASSPHRASE, 'root of this hub')) ?? []), SECRET)
})

test('another passphrase, another context, and a changed bit open nothing', async () => {
  assert.equal(await openWithPassphrase(box, Buffer.from('correct horse battery stapl'), 'root of this hub'), undefined)
  assert.equal(await openWithPassphrase(box, PASSPHRASE, 'root of that hub'), undefined)
  assert.equal(await openWithPassphrase(box, new Uint8Array(0), 'root of this hub'), undefined)
  const bytes = Buffer.from(box.sealed, 'base64')
  bytes[40] = (bytes[40] ?? 0) ^ 1
  const changed = { ...box, sealed: bytes.toString('base64') }
  assert.equal(await openWithPassphrase(changed, PASSPHRASE, 'root of this hub'), undefined)
})

test('two boxes of the same bytes have nothing in common', async () => {
  const other = await sealWithPassphrase(SECRET, PASSPHRASE, 'root of this hub', randomBytes)
  assert.notEqual(other.argon2id.salt, box.argon2id.salt)
  assert.notEqual(other.sealed.slice(0, 40), box.sealed.slice(0, 40))
})

test('a short passphrase is not taken for a new box', async () => {
  await assert.rejects(sealWithPassphrase(SECRET, Buffer.from('hunter2'), '', randomBytes), TypeError)
  await assert.rejects(sealWithPassphrase(SECRET, new Uint8Array(1_025), '', randomBytes), TypeError)
})

test('a box that would cost too much, or is none, is refused before anything is computed', () => {
  const { argon2id } = box
  const hostile: readonly unknown[] = [
    undefined,
    null,
    [],
    'box',
    {},
    { ...box, argon2id: { ...argon2id, memoryKiB: 4_294_967_295 } },
    { ...box, argon2id: { ...argon2id, memoryKiB: 8 } },
    { ...box, argon2id: { ...argon2id, passes: 1_000_000 } },
    { ...box, argon2id: { ...argon2id, lanes: 0 } },
    { ...box, argon2id: { ...argon2id, passes: 1.5 } },
    { ...box, argon2id: { ...argon2id, salt: 'AAAA' } },
    { ...box, argon2id: { ...argon2id, more: 1 } },
    { ...box, sealed: 'no base64' },
    { ...box, sealed: 'A'.repeat(100_000) },
    { ...box, more: 1 },
  ]
  for (const value of hostile) assert.equal(parsePassphraseBox(value), undefined, JSON.stringify(value)?.slice(0, 80))
})

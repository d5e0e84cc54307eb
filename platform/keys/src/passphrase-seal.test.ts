import assert from 'node:assert/strict'
import { argon2Sync, createDecipheriv } from 'node:crypto'
import { test } from 'node:test'
import { KeyCustody, passphraseHomes } from './index.ts'
import { ARGON2_COST, derivePassphraseKey, parseCost } from './passphrase-seal.ts'
import { MemoryFolder, testEnvironment } from './testing/index.ts'

test('Argon2id is that of RFC 9106, §5.3', () => {
  const tag = argon2Sync('argon2id', {
    message: Buffer.alloc(32, 1),
    nonce: Buffer.alloc(16, 2),
    secret: Buffer.alloc(8, 3),
    associatedData: Buffer.alloc(12, 4),
    memory: 32,
    passes: 3,
    parallelism: 4,
    tagLength: 32,
  })
  assert.equal(tag.toString('hex'), '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
})

test('the cost is the second recommended option of RFC 9106 §4', () => {
  assert.deepEqual(ARGON2_COST, { memoryKiB: 64 * 1024, passes: 3, lanes: 4 })
})

test('a file may ask for no more memory or time than its bounds, and no less than the standard has', () => {
  const good = { memoryKiB: 64, passes: 1, lanes: 4 }
  assert.deepEqual(parseCost(good), good)
  for (const change of [
    { memoryKiB: 31 },
    { memoryKiB: 4_194_304 },
    { memoryKiB: '64' },
    { passes: 0 },
    { passes: 65 },
    { lanes: 0 },
    { lanes: 65 },
    { lanes: 1.5 },
    { more: 1 },
  ]) {
    assert.throws(() => parseCost({ ...good, ...change }), JSON.stringify(change))
  }
  for (const bad of [undefined, null, [], 'x', 1]) assert.throws(() => parseCost(bad))
})

test('what the file says is enough to open it by hand: Argon2id, then AES-256-GCM', async () => {
  const folder = new MemoryFolder()
  const environment = testEnvironment()
  const passphrase = Buffer.from('six words are better than one')
  const secret = async (): Promise<Uint8Array> => Buffer.from(passphrase)
  const kinds = { passphrase: passphraseHomes({ folder, environment, secret }) }
  const { home } = await KeyCustody.open({ folder, environment, kinds, first: { kind: 'passphrase', settings: {} } })
  const name = folder.names().find((file) => file.startsWith('kek-')) ?? ''
  const file = JSON.parse(Buffer.from(folder.peek(name) ?? []).toString()) as {
    argon2id: { memoryKiB: number; passes: number; lanes: number }
    salt: string
    keys: [{ id: string; sealed: string }]
  }
  assert.deepEqual(file.argon2id, ARGON2_COST)
  const key = await derivePassphraseKey(passphrase, Buffer.from(file.salt, 'base64'), file.argon2id)
  const [{ id, sealed }] = file.keys
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(`holdfast passphrase kek 1|${home.id}|${id}`))
  decipher.setAuthTag(bytes.subarray(-16))
  const plain = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
  assert.equal(plain.length, 32)
})

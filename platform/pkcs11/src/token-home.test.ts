import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type HomeWish, KeyCustody, KeyError, type KeyHomeKind } from '@holdfast/keys'
import { MemoryFolder, testEnvironment } from '@holdfast/keys/testing'
import { tokenHomes } from './index.ts'
import type { WrappingAlgorithm } from './messages.ts'
import { requireSoftHsm, SoftHsm } from './testing/index.ts'

const skip = requireSoftHsm()
let hsm: SoftHsm
before(() => {
  if (skip === false) hsm = SoftHsm.make()
})
after(() => {
  if (skip === false) hsm.remove()
})

function kindOf(folder: MemoryFolder, algorithm?: WrappingAlgorithm, pin?: string): KeyHomeKind {
  return tokenHomes({
    folder,
    environment: testEnvironment(),
    pin: async () => Buffer.from(pin ?? hsm.pin),
    ...(algorithm && { algorithm }),
  })
}

const wish = (): HomeWish => ({ kind: 'pkcs11', settings: { module: hsm.module, token: hsm.token } })

function open(folder: MemoryFolder, kind: KeyHomeKind, first?: HomeWish): Promise<KeyCustody> {
  return KeyCustody.open({ folder, environment: testEnvironment(), kinds: { pkcs11: kind }, ...(first && { first }) })
}

/** Objects as pkcs11-tool lists them, by label. */
async function listed(prefix: string): Promise<readonly string[]> {
  const text = await hsm.tool('--list-objects')
  return text.split(/\n(?=\S)/).filter((object) => object.includes(`ID:         ${prefix}`))
}

for (const algorithm of ['aes-gcm', 'rsa-oaep'] as const) {
  test(`a ring lives in a token by ${algorithm}; pkcs11-tool sees a key that never leaves it`, { skip }, async () => {
    const folder = new MemoryFolder()
    const kind = kindOf(folder, algorithm)
    const custody = await open(folder, kind, wish())
    const state = Buffer.from(custody.ring.current('state').bytes)
    const prefix = custody.home.id.slice('pkcs11:'.length)
    const objects = await listed(prefix)
    const secret = objects.find((object) => /Secret Key|Private Key/.test(object)) ?? ''
    assert.match(secret, algorithm === 'aes-gcm' ? /Secret Key Object; AES length 32/ : /Private Key Object; RSA/)
    assert.match(secret, /Access:.*sensitive/)
    assert.match(secret, /never extractable/)
    assert.match(secret, /local/)
    assert.match(secret, /label: +holdfast kek [0-9a-f]{8}/)
    await custody.close()
    const again = await open(folder, kind)
    assert.deepEqual(Buffer.from(again.ring.current('state').bytes), state)
    // A rotation leaves one key: another.
    await again.rotateKeyEncryptionKey()
    const after = await listed(prefix)
    assert.equal(after.length, objects.length)
    assert.notDeepEqual(after, objects)
    await again.close()
    const last = await open(folder, kind)
    assert.deepEqual(Buffer.from(last.ring.current('state').bytes), state)
    await last.move({ kind: 'file', settings: {} })
    assert.deepEqual(await listed(prefix), [], 'left, it is destroyed in the token')
    await last.close()
  })
}

test('what was wrapped for one place does not unwrap in another, nor after a change of any byte', {
  skip,
}, async () => {
  for (const algorithm of ['aes-gcm', 'rsa-oaep'] as const) {
    const folder = new MemoryFolder()
    const home = await kindOf(folder, algorithm).open({ ...wish(), id: 'pkcs11:00000000000000aa' }, { mayCreate: true })
    const secret = randomBytes(32)
    const wrapped = await home.wrap(secret, 'here')
    assert.deepEqual(Buffer.from(await home.unwrap(wrapped, 'here')), secret)
    const damaged = (error: unknown): boolean => error instanceof KeyError && error.code === 'damaged'
    await assert.rejects(home.unwrap(wrapped, 'there'), damaged)
    for (let at = 0; at < wrapped.length; at += algorithm === 'aes-gcm' ? 1 : 17) {
      const bad = new Uint8Array(wrapped)
      bad[at] = (bad[at] ?? 0) ^ 1
      await assert.rejects(home.unwrap(bad, 'here'), damaged, `${algorithm}, byte ${at}`)
    }
    for (const length of [0, 1, 5, 17, 33, wrapped.length - 1]) {
      await assert.rejects(home.unwrap(wrapped.subarray(0, length), 'here'), damaged, `${algorithm}, length ${length}`)
    }
    await home.close()
    await kindOf(folder).destroy({ ...wish(), id: 'pkcs11:00000000000000aa' })
  }
})

test('a wrong PIN is refused, and is not tried a second time', { skip }, async () => {
  const folder = new MemoryFolder()
  const kind = kindOf(folder, undefined, 'wrong-pin-9')
  await assert.rejects(open(folder, kind, wish()), (error) => {
    assert.ok(error instanceof KeyError)
    assert.equal(error.code, 'refused')
    assert.ok(!error.message.includes('wrong-pin-9'))
    return true
  })
  // What was begun is finished with the right one.
  const custody = await open(folder, kindOf(folder))
  assert.equal(custody.home.kind, 'pkcs11')
  await custody.close()
})

test('a module that is none, and a token that is not there, are told as such', { skip }, async () => {
  const folder = new MemoryFolder()
  for (const settings of [
    { module: '/etc/hostname', token: hsm.token },
    { module: '/nowhere/module.so', token: hsm.token },
    { module: hsm.module, token: 'another' },
  ]) {
    const opening = kindOf(folder).open(
      { kind: 'pkcs11', id: 'pkcs11:00000000000000bb', settings },
      { mayCreate: true },
    )
    await assert.rejects(opening, (error) => {
      assert.ok(error instanceof KeyError, String(error))
      assert.equal(error.code, 'unavailable')
      assert.match(error.message, /cannot be loaded|knows no token labelled another/)
      return true
    })
  }
})

test('a key that could be taken out of the token is not used', { skip }, async () => {
  const folder = new MemoryFolder()
  const custody = await open(folder, kindOf(folder), wish())
  const prefix = custody.home.id.slice('pkcs11:'.length)
  await custody.close()
  const name = `kek-${prefix}.json`
  const id = /"id": "([0-9a-f]{8})"/.exec(Buffer.from(folder.peek(name) ?? []).toString())?.[1]
  await hsm.tool('--delete-object', '--type', 'secrkey', '--id', prefix + id)
  await hsm.tool('--keygen', '--key-type', 'AES:32', '--id', prefix + id, '--label', 'planted', '--extractable')
  await assert.rejects(
    open(folder, kindOf(folder)),
    (error) => error instanceof KeyError && error.code === 'missing' && /taken out/.test(error.message),
  )
  await hsm.tool('--delete-object', '--type', 'secrkey', '--id', prefix + id)
})

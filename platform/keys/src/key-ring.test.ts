import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { type DataKey, KeyError, type KeyErrorCode, type KeyProvider, KeyRing, openKeys } from './index.ts'
import { MemoryFolder, openTestKeys, standingClock, testEnvironment } from './testing/index.ts'

const RING = 'ring.json'
const KEK = 'kek.json'

function refuses(code: KeyErrorCode, ...mentions: readonly RegExp[]): (error: unknown) => boolean {
  return (error) =>
    error instanceof KeyError && error.code === code && mentions.every((mention) => mention.test(error.message))
}

function copy(key: DataKey): Uint8Array {
  return new Uint8Array(key.bytes)
}

interface RingDocument {
  readonly entries: readonly Record<string, unknown>[]
  readonly [name: string]: unknown
}

function edit(folder: MemoryFolder, change: (ring: RingDocument) => object): void {
  const ring = JSON.parse(Buffer.from(folder.peek(RING) ?? []).toString()) as RingDocument
  folder.plant(RING, Buffer.from(JSON.stringify(change(ring))))
}

test('a new folder gets a key for every purpose, and they are the same after a restart', async () => {
  const folder = new MemoryFolder()
  const { ring } = await openKeys(folder, testEnvironment())
  const telemetry = copy(ring.current('telemetry'))
  const state = copy(ring.current('state'))
  assert.notDeepEqual(telemetry, state)
  assert.equal(telemetry.length, 32)
  const again = await openKeys(folder.recover('lost'), testEnvironment())
  assert.deepEqual(copy(again.ring.current('telemetry')), telemetry)
  assert.deepEqual(copy(again.ring.current('state')), state)
})

test('after a rotation a new epoch seals and the old one still opens', async () => {
  const { ring } = await openTestKeys()
  const before = ring.current('telemetry')
  const after = await ring.rotate('telemetry')
  assert.ok(after.epoch > before.epoch)
  assert.equal(ring.current('telemetry'), after)
  assert.equal(ring.key(before.epoch), before)
  assert.deepEqual(
    ring.list().map((key) => [key.epoch, key.purpose, key.state]),
    [
      [1, 'telemetry', 'retired'],
      [2, 'state', 'current'],
      [3, 'authority', 'current'],
      [4, 'telemetry', 'current'],
    ],
  )
})

test('rotations asked for at once follow one another, and no epoch is given twice', async () => {
  const { ring } = await openTestKeys()
  const keys = await Promise.all(Array.from({ length: 20 }, () => ring.rotate('telemetry')))
  assert.equal(new Set(keys.map((key) => key.epoch)).size, 20)
})

test('a dropped key is gone from memory and disk, its tombstone stays, its epoch is not used again', async () => {
  const folder = new MemoryFolder()
  const { ring } = await openKeys(folder, testEnvironment())
  const key = ring.current('telemetry')
  const bytes = key.bytes
  await ring.rotate('telemetry')
  await ring.drop(key.epoch)
  assert.ok(bytes.every((byte) => byte === 0))
  assert.throws(() => key.bytes, refuses('dropped-epoch'))
  assert.throws(() => ring.key(key.epoch), refuses('dropped-epoch'))
  await ring.drop(key.epoch)
  const again = await openKeys(folder.recover('lost'), testEnvironment())
  assert.throws(() => again.ring.key(key.epoch), refuses('dropped-epoch'))
  assert.equal(again.ring.list()[0]?.state, 'dropped')
  assert.equal(typeof again.ring.list()[0]?.droppedTime, 'number')
  assert.equal((await again.ring.rotate('telemetry')).epoch, 5)
})

test('the current key cannot be dropped, and an unknown one is told apart', async () => {
  const { ring } = await openTestKeys()
  await assert.rejects(ring.drop(1), refuses('current-epoch'))
  await assert.rejects(ring.drop(99), refuses('unknown-epoch'))
  await ring.rotate('state')
  await assert.rejects(ring.drop(2, 'telemetry'), refuses('unknown-epoch', /no telemetry key of epoch 2/))
  await ring.drop(2, 'state')
  assert.throws(() => ring.key(99), refuses('unknown-epoch'))
})

test('a key shows itself nowhere', async () => {
  const { ring, provider } = await openTestKeys()
  const key = ring.current('telemetry')
  const secret = Buffer.from(key.bytes)
  for (const shown of [
    JSON.stringify({ key, ring, provider }),
    inspect({ key, ring, provider }, { depth: 9, showHidden: true }),
    String(key),
  ]) {
    assert.ok(!shown.includes(secret.toString('base64')) && !shown.includes(secret.toString('hex')))
    assert.ok(!/Uint8Array/.test(shown), shown)
  }
})

test('a disk that is full leaves the key in use, and the ring goes on when there is room', async () => {
  const folder = new MemoryFolder()
  const { ring } = await openKeys(folder, testEnvironment())
  const before = ring.current('telemetry')
  folder.failWith(new Error('ENOSPC: no space left on device'))
  await assert.rejects(ring.rotate('telemetry'), refuses('unavailable', /ring\.json/))
  assert.equal(ring.current('telemetry'), before)
  folder.failWith(undefined)
  assert.notEqual((await ring.rotate('telemetry')).epoch, before.epoch)
})

test('every single changed byte of the ring is refused, by name and with a remedy', async () => {
  const folder = new MemoryFolder()
  const { ring } = await openKeys(folder, testEnvironment())
  await ring.rotate('telemetry')
  const whole = folder.peek(RING) ?? new Uint8Array(0)
  for (let at = 0; at < whole.length; at += 1) {
    const bytes = new Uint8Array(whole)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    const tampered = folder.recover('lost')
    tampered.plant(RING, bytes)
    // White space between the members carries nothing; everything else does.
    if (/\s/.test(String.fromCharCode(whole[at] ?? 0)) && /\s/.test(String.fromCharCode(bytes[at] ?? 0))) continue
    await assert.rejects(openKeys(tampered, testEnvironment()), (error) => {
      assert.ok(error instanceof KeyError, String(error))
      assert.ok(error.code === 'damaged' || error.code === 'foreign' || error.code === 'newer', error.message)
      assert.match(error.message, /\/keys.*;/)
      return true
    })
  }
})

test('a ring that was cut short, at any length, is refused', async () => {
  const folder = new MemoryFolder()
  await openKeys(folder, testEnvironment())
  const whole = folder.peek(RING) ?? new Uint8Array(0)
  for (let length = 0; length < whole.length - 2; length += 7) {
    const cut = folder.recover('lost')
    cut.plant(RING, whole.subarray(0, length))
    await assert.rejects(openKeys(cut, testEnvironment()), refuses('damaged', /ring\.json/, /put back/))
  }
})

test('an entry that was dropped, swapped or brought back by an edit shows', async () => {
  const folder = new MemoryFolder()
  const { ring } = await openKeys(folder, testEnvironment())
  await ring.rotate('telemetry')
  const kept = JSON.parse(Buffer.from(folder.peek(RING) ?? []).toString()) as RingDocument
  await ring.drop(1)
  const changes: readonly ((ring: RingDocument) => object)[] = [
    (ring) => ({ ...ring, entries: ring.entries.slice(1) }),
    (ring) => ({ ...ring, entries: ring.entries.slice(0, -1) }),
    (ring) => ({ ...ring, entries: [kept.entries[0], ...ring.entries.slice(1)] }),
    (ring) => ({
      ...ring,
      entries: ring.entries.map((entry, i) => (i === 1 ? { ...entry, key: ring.entries[2]?.key } : entry)),
    }),
    (ring) => ({ ...ring, nextEpoch: 9 }),
    (ring) => ({ ...ring, root: kept.root }),
    (ring) => ({ ...ring, more: 1 }),
    (ring) => ({ ...ring, entries: [...ring.entries, ...ring.entries] }),
    (ring) => ({ ...ring, entries: ring.entries.map((entry) => ({ ...entry, __proto__: { a: 1 }, epoch: '1' })) }),
    () => [],
  ]
  for (const change of changes) {
    const tampered = folder.recover('lost')
    edit(tampered, change)
    await assert.rejects(openKeys(tampered, testEnvironment()), refuses('damaged', /ring\.json|\/keys/))
  }
})

test('a ring of another key file, another provider or a newer version is refused as such', async () => {
  const folder = new MemoryFolder()
  await openKeys(folder, testEnvironment())
  const other = new MemoryFolder()
  await openKeys(other, testEnvironment())
  const mixed = folder.recover('lost')
  mixed.plant(KEK, other.peek(KEK) ?? new Uint8Array(0))
  await assert.rejects(openKeys(mixed, testEnvironment()), refuses('foreign', /ring\.json/))
  const newer = folder.recover('lost')
  edit(newer, (ring) => ({ ...ring, version: 2 }))
  await assert.rejects(openKeys(newer, testEnvironment()), refuses('newer', /run that version/))
})

test('a missing file is a loss where there is data, and where the other file is there', async () => {
  const known = { ...testEnvironment(), mayCreate: false }
  await assert.rejects(openKeys(new MemoryFolder(), known), refuses('missing', /kek\.json/, /backup/))
  const folder = new MemoryFolder()
  await openKeys(folder, testEnvironment())
  const ringOnly = folder.recover('lost')
  ringOnly.unlink(KEK)
  await assert.rejects(openKeys(ringOnly, testEnvironment()), refuses('missing', /kek\.json/))
  const kekOnly = folder.recover('lost')
  kekOnly.unlink(RING)
  await assert.rejects(openKeys(kekOnly, known), refuses('missing', /ring\.json/))
})

test('a ring moves to another provider whole', async () => {
  const folder = new MemoryFolder()
  const { ring, provider } = await openKeys(folder, testEnvironment())
  const bytes = copy(ring.current('state'))
  const other: KeyProvider = {
    id: 'tpm:test',
    wrap: async (plain, context) => {
      const wrapped = await provider.wrap(plain, `other ${context}`)
      return wrapped
    },
    unwrap: async (wrapped, context) => provider.unwrap(wrapped, `other ${context}`),
  }
  await ring.rewrap(other)
  await ring.rotate('telemetry')
  const moved = await KeyRing.open(folder, other, testEnvironment())
  assert.deepEqual(copy(moved.current('state')), bytes)
  await assert.rejects(KeyRing.open(folder, provider, testEnvironment()), refuses('foreign', /tpm:test/))
})

test('a closed ring holds no key', async () => {
  const { ring } = await openTestKeys()
  const bytes = ring.current('state').bytes
  ring.close()
  assert.ok(bytes.every((byte) => byte === 0))
})

test('times are of the clock that was handed in', async () => {
  const clock = standingClock(1_000)
  const { ring } = await openTestKeys(testEnvironment(clock))
  clock.advance(5_000)
  await ring.rotate('state')
  assert.deepEqual(ring.list()[1], {
    epoch: 2,
    purpose: 'state',
    state: 'retired',
    createdTime: 1_000,
    retiredTime: 6_000,
  })
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { WeakKeys } from '@holdfast/pki'
import { createHierarchy } from '@holdfast/pki/testing'
import { KeyRegister } from './index.ts'
import { ManualClock, MemoryKeyUseStore, recordedEvents } from './testing/index.ts'

const { device } = await createHierarchy('pump-1')
const { spki } = device.certificate
const pump = (generationId: string, deviceId = 'pump-1') => ({ deviceId, generationId })

function stage(weak?: WeakKeys) {
  const { events, sink } = recordedEvents()
  const store = new MemoryKeyUseStore(sink)
  const parts = { store, clock: new ManualClock(), events: sink, ...(weak === undefined ? {} : { weak }) }
  return { store, events, register: new KeyRegister(parts), parts }
}

test('a key belongs to the identity that used it first, in a new process too', async () => {
  const { register, events, parts } = stage()
  assert.equal(await register.claim(spki, pump('g1')), 'good')
  assert.equal(await register.claim(spki, pump('g1')), 'good')
  for (const one of [register, new KeyRegister(parts)]) {
    assert.equal(await one.claim(spki, pump('g9', 'pump-2')), 'key-shared')
    assert.equal(await one.claim(spki, { ...pump('g1'), moduleId: 'm' }), 'key-shared', 'a module is another identity')
  }
  assert.deepEqual(
    events.map(({ type, subject, detail }) => [type, subject, detail.heldBy]),
    ['pump-2', 'pump-1/m', 'pump-2', 'pump-1/m'].map((name) => ['key.shared', `device/${name}`, 'pump-1']),
  )
})

test('a deleted identity leaves its key free and known; whoever takes it holds it then', async () => {
  const { register, events, store } = stage()
  await register.claim(spki, pump('g1'))
  store.free(pump('g1'))
  assert.equal(await register.claim(spki, pump('g2', 'pump-2')), 'good')
  assert.deepEqual(
    events.map(({ type, detail }) => [type, detail.usedBy]),
    [['key.used-before', 'pump-1']],
  )
  // The successor of the id asks anew, though the key was remembered as the predecessor's.
  assert.equal(await register.claim(spki, pump('g3')), 'key-shared')
})

test('a key on a list of weak keys proves nobody, and is not held by whoever showed it', async () => {
  const weak = WeakKeys.parse([createHash('sha256').update(spki).digest('hex')])
  const { register, events, store } = stage(weak)
  assert.equal(await register.claimCertificate({ chain: [device.certificate.der] }, pump('g1')), 'key-weak')
  assert.equal(store.holders.size, 0)
  assert.deepEqual(
    events.map(({ type }) => type),
    ['key.weak'],
  )
  assert.equal(await register.claimCertificate({ chain: [new Uint8Array([1])] }, pump('g1')), 'good', 'no certificate')
})

test('a retired key proves nobody, whether it or only its certificate is known; a released one is free', async () => {
  const { register, events, store } = stage()
  const { der, sha256Thumbprint } = device.certificate
  await register.claim(spki, pump('g1'))
  await register.release(spki, { deviceId: 'pump-2' })
  assert.equal(await register.claim(spki, pump('g2', 'pump-2')), 'key-shared', 'not by whoever does not hold it')
  await register.release(spki, { deviceId: 'pump-1' })
  assert.equal(await register.claim(spki, pump('g2', 'pump-2')), 'good')
  store.retired.set(sha256Thumbprint, { deviceId: 'pump-1' })
  const another = new KeyRegister({ store, clock: new ManualClock(), events: (event) => void events.push(event) })
  assert.equal(await another.claimCertificate({ chain: [der] }, pump('g2', 'pump-2')), 'key-retired')
  assert.deepEqual(events.at(-1)?.type, 'key.retired')
  assert.equal(events.at(-1)?.detail.heldBy, 'pump-1')
})

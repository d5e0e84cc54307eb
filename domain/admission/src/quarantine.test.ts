import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { ManualClock } from '@holdfast/identity/testing'
import { ConnectionPolicies } from './connection-policies.ts'
import type { ConnectionPolicy } from './connection-policy.ts'
import type { ConnectionFacts } from './gate.ts'
import { Quarantine } from './quarantine.ts'
import { MemoryAdmissionStore } from './testing/memory-store.ts'

function world(ofModel: (key: IdentityKey) => ConnectionPolicy | undefined = () => undefined) {
  const events: SecurityEvent[] = []
  const store = new MemoryAdmissionStore((event) => events.push(event))
  const changed: string[] = []
  const parts = {
    store,
    clock: new ManualClock(),
    changed: (key: IdentityKey | undefined) => void changed.push(key === undefined ? '*' : identityText(key)),
    ofModel,
  }
  return { store, events, changed, parts }
}

function facts(key: IdentityKey): ConnectionFacts {
  return {
    key,
    generationId: 'g',
    basis: { kind: 'device-key', slot: 'primary' },
    lane: 'full',
    address: '192.0.2.1',
    transport: 'mqtt',
    tlsVersion: 'TLSv1.3',
    tlsFingerprint: 'f',
    at: timestampOf(0),
  }
}

const DEVICE = { deviceId: 'd' }
const MODULE = { deviceId: 'd', moduleId: 'm' }

test('who is in quarantine is restricted to remediation without renewal, a device with its modules', async () => {
  const { parts, changed, events } = world()
  const quarantine = await Quarantine.open(parts)
  assert.deepEqual(quarantine.judge(facts(DEVICE)), { kind: 'pass' })
  assert.equal(await quarantine.add(DEVICE, 'a copy', 'hub'), 'added')
  for (const key of [DEVICE, MODULE]) {
    const verdict = quarantine.judge(facts(key))
    assert.deepEqual(verdict, {
      kind: 'restrict',
      lane: 'remediation',
      code: 'quarantined',
      detail: 'a copy',
      stopsRenewal: true,
    })
  }
  assert.equal(quarantine.has(MODULE), false)
  assert.equal(await quarantine.add(DEVICE, 'again', 'hub'), 'already')
  assert.equal(await quarantine.release(DEVICE, 'operator/local'), true)
  assert.deepEqual(quarantine.judge(facts(MODULE)), { kind: 'pass' })
  assert.deepEqual(changed, ['d', 'd'])
  assert.deepEqual(
    events.map(({ type, actor }) => [type, actor]),
    [
      ['identity.quarantined', 'hub'],
      ['identity.released', 'operator/local'],
    ],
  )
})

test('a module in quarantine leaves its device and its siblings alone', async () => {
  const quarantine = await Quarantine.open(world().parts)
  await quarantine.add(MODULE, 'x', 'hub')
  assert.equal(quarantine.judge(facts(DEVICE)).kind, 'pass')
  assert.equal(quarantine.judge(facts({ deviceId: 'd', moduleId: 'n' })).kind, 'pass')
  assert.equal(quarantine.judge(facts(MODULE)).kind, 'restrict')
})

test('it lasts, and goes with the identity', async () => {
  const { parts, store } = world()
  await (await Quarantine.open(parts)).add(DEVICE, 'x', 'hub')
  const again = await Quarantine.open(parts)
  assert.equal(again.find(DEVICE)?.reason, 'x')
  again.deleted(DEVICE)
  assert.equal(again.find(DEVICE), undefined)
  store.absent.add('nobody')
  assert.equal(await again.add({ deviceId: 'nobody' }, 'x', 'hub'), 'missing')
  assert.equal(again.find({ deviceId: 'nobody' }), undefined)
})

test('it holds although the disk takes nothing, and nobody is let out before that is on disk', async () => {
  const { parts, store } = world()
  const quarantine = await Quarantine.open(parts)
  store.isFull = true
  await assert.rejects(quarantine.add(DEVICE, 'x', 'hub'), /full/)
  assert.equal(quarantine.judge(facts(DEVICE)).kind, 'restrict')
  await assert.rejects(quarantine.release(DEVICE, 'hub'), /full/)
  assert.equal(quarantine.judge(facts(DEVICE)).kind, 'restrict')
})

test('what the disk has not taken is written later, by itself or when it is asked for again, and is told then', async () => {
  const { parts, store, events } = world()
  const quarantine = await Quarantine.open(parts)
  for (const again of [() => quarantine.save(), () => quarantine.add(DEVICE, 'y', 'operator')]) {
    store.isFull = true
    await assert.rejects(quarantine.add(DEVICE, 'x', 'hub'), /full/)
    await assert.rejects(quarantine.save(), /full/)
    assert.equal(events.filter(({ type }) => type === 'identity.quarantined').length, 0)
    store.isFull = false
    await again()
    assert.equal(store.quarantined.get('d')?.reason, 'x')
    assert.equal(events.filter(({ type }) => type === 'identity.quarantined').length, 1)
    assert.equal(await quarantine.add(DEVICE, 'x', 'hub'), 'already')
    await quarantine.save()
    await quarantine.release(DEVICE, 'operator')
    events.length = 0
  }
  store.isFull = true
  await assert.rejects(quarantine.add(DEVICE, 'x', 'hub'), /full/)
  quarantine.deleted(DEVICE)
  store.isFull = false
  await quarantine.save()
  assert.equal(store.quarantined.size, 0)
})

test('the nearest policy that says a member has it; changes are told, and last', async () => {
  const { parts, changed, events, store } = world(() => ({ tlsFloor: '1.3', duplicates: 'refuse-newcomer' }))
  const policies = await ConnectionPolicies.open(parts)
  assert.equal(await policies.set({}, { tlsFloor: '1.2', whenSuspected: 'quarantine' }, 'operator/local'), 'done')
  assert.equal(await policies.set(DEVICE, { duplicates: 'take-over' }, 'operator/local'), 'done')
  const { tlsFloor, duplicates, whenSuspected } = policies.effective(MODULE)
  assert.deepEqual([tlsFloor, duplicates, whenSuspected], ['1.3', 'take-over', 'quarantine'])
  assert.equal(policies.effectiveOfHub().tlsFloor, '1.2')
  assert.deepEqual(changed, ['*', 'd'])
  assert.equal(events[1]?.subject, 'device/d')
  const again = await ConnectionPolicies.open(parts)
  assert.deepEqual(again.read(DEVICE), { duplicates: 'take-over' })
  assert.deepEqual(again.devices(), ['d'])
  assert.equal(await again.clear(DEVICE, 'x'), 'done')
  assert.equal(await again.clear(DEVICE, 'x'), 'missing')
  assert.equal(await again.clear({}, 'x'), 'done')
  assert.equal((await ConnectionPolicies.open(parts)).read({}), undefined)
  store.absent.add('nobody')
  assert.equal(await again.set({ deviceId: 'nobody' }, {}, 'x'), 'missing')
})

test('a policy that the disk does not take does not hold', async () => {
  const { parts, store } = world()
  const policies = await ConnectionPolicies.open(parts)
  store.isFull = true
  await assert.rejects(policies.set(DEVICE, { tlsFloor: '1.3' }, 'x'), /full/)
  assert.equal(policies.effective(DEVICE).tlsFloor, '1.2')
})

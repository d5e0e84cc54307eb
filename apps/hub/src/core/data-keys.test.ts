import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { KeyError, openKeys } from '@holdfast/keys'
import { MemoryFolder, standingClock, testEnvironment } from '@holdfast/keys/testing'
import { DataKeys, type KeyCopy } from './data-keys.ts'
import { recordFirst } from './record-first.ts'

const HOUR_MS = 3_600_000

async function world() {
  const clock = standingClock()
  const { ring } = await openKeys(new MemoryFolder(), testEnvironment(clock))
  /** What was told to whom, in order: epochs. */
  const told: [to: 'readers' | 'fronts' | 'state' | 'forget', ...epochs: number[]][] = []
  const events: SecurityEvent[] = []
  const resealing: string[] = []
  const stillSealing: number[] = []
  const log = { isFull: false }
  const epochs = (keys: readonly KeyCopy[]): number[] => keys.map(({ epoch }) => epoch)
  const dataKeys = new DataKeys({
    ring,
    clock,
    events: (event) => events.push(event),
    recordFirst: recordFirst({
      sink: (event) => events.push(event),
      durable: async () => {
        if (log.isFull) throw new Error('the disk is full')
      },
    }),
    telemetryKeyMs: 24 * HOUR_MS,
    toReaders: async (keys) => {
      // A turn later, as another thread would have it.
      await Promise.resolve()
      told.push(['readers', ...epochs(keys)])
    },
    toFronts: (key) => told.push(['fronts', key.epoch]),
    toState: async (keys) => {
      told.push(['state', ...epochs(keys)])
    },
    resealState: async () => {
      resealing.push('step')
      return resealing.length % 3 === 0
    },
    stateEpochs: async () => stillSealing,
    forget: async (epoch) => {
      told.push(['forget', epoch])
      return 42
    },
  })
  return { clock, ring, told, events, log, dataKeys, resealing, stillSealing }
}

function refusedAs(code: string) {
  return (error: unknown): boolean => error instanceof KeyError && error.code === code
}

test('readers have a new key before anything is sealed with it', async () => {
  const { ring, told, dataKeys } = await world()
  const first = ring.current('telemetry').epoch
  const { epoch, purpose, state } = await dataKeys.rotate('operator/local')
  assert.deepEqual([purpose, state], ['telemetry', 'current'])
  assert.deepEqual(told, [
    ['readers', first, epoch],
    ['fronts', epoch],
  ])
})

test('rotations asked for at once arrive everywhere in one order', async () => {
  const { told, dataKeys } = await world()
  const made = await Promise.all([dataKeys.rotate('a'), dataKeys.rotate('b'), dataKeys.rotate('c')])
  assert.deepEqual(
    told.filter(([to]) => to === 'fronts').map(([, epoch]) => epoch),
    made.map(({ epoch }) => epoch),
  )
})

test('a dropped key is taken from the readers, then what it sealed is deleted, and the event says who', async () => {
  const { ring, told, events, dataKeys } = await world()
  const { epoch } = ring.current('telemetry')
  const { epoch: next } = await dataKeys.rotate('operator/local')
  told.length = 0
  assert.deepEqual(await dataKeys.drop(epoch, 'operator/local'), { epoch, messages: 42 })
  assert.deepEqual(told, [
    ['readers', next],
    ['forget', epoch],
  ])
  const dropped = events.find(({ type }) => type === 'key.dropped')
  assert.deepEqual([dropped?.subject, dropped?.actor], [`key/${epoch}`, 'operator/local'])
  assert.equal(dataKeys.list().find((it) => it.epoch === epoch)?.state, 'dropped')
})

test('a key is not destroyed while the log cannot take it', async () => {
  const { ring, told, events, log, dataKeys } = await world()
  const { epoch } = ring.current('telemetry')
  await dataKeys.rotate('operator/local')
  told.length = 0
  log.isFull = true
  await assert.rejects(dataKeys.drop(epoch, 'operator/local'), /full/)
  assert.equal(dataKeys.list().find((it) => it.epoch === epoch)?.state, 'retired')
  assert.equal(ring.key(epoch).bytes.length, 32)
  assert.deepEqual(told, [])
  assert.equal(events.at(-1)?.type, 'act.failed')
  log.isFull = false
  assert.deepEqual(await dataKeys.drop(epoch, 'operator/local'), { epoch, messages: 42 })
})

test('a state key cannot be dropped by its number: it unseals the secrets of every device', async () => {
  const { ring, told, events, dataKeys } = await world()
  const { epoch } = ring.current('state')
  await ring.rotate('state')
  await assert.rejects(dataKeys.drop(epoch, 'operator/local'), refusedAs('unknown-epoch'))
  assert.equal(ring.key(epoch).bytes.length, 32)
  assert.deepEqual(told, [])
  assert.deepEqual(events, [])
})

test('the key in use, and one that never was, are not dropped; the next change still goes through', async () => {
  const { ring, told, dataKeys } = await world()
  await assert.rejects(dataKeys.drop(ring.current('telemetry').epoch, 'a'), refusedAs('current-epoch'))
  await assert.rejects(dataKeys.drop(999, 'a'), refusedAs('unknown-epoch'))
  await assert.rejects(dataKeys.drop(ring.current('authority').epoch, 'a'), refusedAs('unknown-epoch'))
  assert.deepEqual(told, [])
  await dataKeys.rotate('a')
  assert.equal(told.length, 2)
})

test('keys rotate when they come of age, telemetry by the day, state by the quarter', async () => {
  const { clock, ring, told, dataKeys } = await world()
  const [telemetry, state] = [ring.current('telemetry').epoch, ring.current('state').epoch]
  clock.advance(23 * HOUR_MS)
  await dataKeys.rotateIfDue()
  assert.deepEqual(told, [])
  clock.advance(HOUR_MS)
  await dataKeys.rotateIfDue()
  assert.notEqual(ring.current('telemetry').epoch, telemetry)
  assert.equal(ring.current('state').epoch, state)
  clock.advance(90 * 24 * HOUR_MS)
  told.length = 0
  await dataKeys.rotateIfDue()
  assert.deepEqual(told.at(-1), ['state', state, ring.current('state').epoch])
})

test('what others are given is a copy: wiping it does not wipe the ring', async () => {
  const { ring } = await world()
  const clock = standingClock()
  const dataKeys = new DataKeys({
    ring,
    clock,
    events: () => {},
    recordFirst: (_event, act) => act(),
    telemetryKeyMs: HOUR_MS,
    toReaders: async (keys) => keys.forEach(({ key }) => key.fill(0)),
    toFronts: ({ key }) => key.fill(0),
    toState: async () => {},
    resealState: async () => true,
    stateEpochs: async () => [],
    forget: async () => 0,
  })
  await dataKeys.distribute()
  assert.ok(ring.current('telemetry').bytes.some((byte) => byte !== 0))
})

test('the list shows no key of the authority, and no bytes', async () => {
  const { dataKeys } = await world()
  assert.deepEqual(
    dataKeys.list().map((it) => Object.keys(it).toSorted((a, b) => (a < b ? -1 : 1))),
    [
      ['createdTime', 'epoch', 'purpose', 'state'],
      ['createdTime', 'epoch', 'purpose', 'state'],
    ],
  )
})

test('renewing the state seals everything anew, then destroys every key that seals nothing any more', async () => {
  const { ring, told, events, dataKeys, resealing, stillSealing } = await world()
  const first = ring.current('state').epoch
  const { epoch, dropped } = await dataKeys.renewState('operator/local')
  assert.deepEqual(dropped, [first])
  assert.equal(resealing.length, 3)
  assert.deepEqual(told, [
    ['state', first, epoch],
    ['state', epoch],
  ])
  assert.throws(() => ring.key(first), refusedAs('dropped-epoch'))
  assert.deepEqual(
    events.map(({ type, actor }) => [type, actor]),
    [
      ['key.rotated', 'operator/local'],
      ['key.dropped', 'operator/local'],
    ],
  )
  // What a row still needs stays.
  stillSealing.push(epoch)
  assert.deepEqual((await dataKeys.renewState('operator/local')).dropped, [])
  assert.equal(ring.key(epoch).epoch, epoch)
})

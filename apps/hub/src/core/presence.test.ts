import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { ManualClock } from '@holdfast/identity/testing'
import type { PresenceRecord, PresenceStore, PresenceWrite } from '@holdfast/store'
import { Presence } from './presence.ts'

const KEY: IdentityKey = { deviceId: 'd' }
const GENERATION = { generationId: 'g' }

/** Keeps what is written, as the table does, and the writes themselves. */
class MemoryPresence implements PresenceStore {
  readonly records = new Map<string, PresenceRecord>()
  readonly writes: (readonly PresenceWrite[])[] = []
  failure: Error | undefined
  /** Runs while a write is under way. */
  meanwhile = (): void => undefined

  async readPresence(keys: readonly IdentityKey[]): Promise<readonly (PresenceRecord | undefined)[]> {
    return keys.map((key) => this.records.get(identityText(key)))
  }

  async writePresence(records: readonly PresenceWrite[]): Promise<void> {
    this.meanwhile()
    await Promise.resolve()
    if (this.failure !== undefined) throw this.failure
    this.writes.push(records)
    for (const { deviceId, moduleId, lastActivity, connection } of records) {
      const key = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) }
      const before = this.records.get(identityText(key)) ?? { ...key, isConnected: false, lastActivity }
      const { generationId: _, ...facts } = connection ?? { generationId: '' }
      this.records.set(identityText(key), {
        ...(connection === undefined ? before : { ...key, isConnected: false }),
        ...facts,
        lastActivity,
      })
    }
  }
}

function stage(context: { after(end: () => Promise<void>): void }) {
  const store = new MemoryPresence()
  const clock = new ManualClock()
  const faults: unknown[] = []
  const presence = new Presence({ store, clock, fault: (error) => faults.push(error) })
  context.after(() => presence.end())
  const start = clock.wall()
  const shown = async (key = KEY) => {
    const [facts] = await presence.of([key])
    const { since, lastActivity, ...rest } = facts ?? { isConnected: false }
    return {
      ...rest,
      ...(since === undefined ? {} : { since: since - start }),
      ...(lastActivity === undefined ? {} : { lastActivity: lastActivity - start }),
    }
  }
  return { store, clock, faults, presence, shown }
}

test('who is connected is known at once, and on disk with the next flush', async (context) => {
  const { store, clock, presence, shown } = stage(context)
  assert.deepEqual(await shown(), { isConnected: false })
  presence.opened(KEY, { ...GENERATION, modelId: 'dtmi:a;1' })
  assert.deepEqual(await shown(), { isConnected: true, since: 0, lastActivity: 0, modelId: 'dtmi:a;1' })
  assert.equal(store.writes.length, 0)
  await presence.flush()
  clock.advance(5_000)
  presence.active(KEY)
  clock.advance(1_000)
  assert.deepEqual(await shown(), { isConnected: true, since: 0, lastActivity: 5_000, modelId: 'dtmi:a;1' })
  presence.gone(KEY)
  const after = { isConnected: false, since: 6_000, lastActivity: 5_000, modelId: 'dtmi:a;1' }
  assert.deepEqual(await shown(), after, 'before it is on disk')
  await presence.flush()
  assert.deepEqual(await shown(), after, 'from the disk')
  assert.equal(store.writes.length, 2)
})

test('what a device says it is holds until it connects again', async (context) => {
  const { presence, shown } = stage(context)
  presence.opened(KEY, { ...GENERATION, modelId: 'dtmi:a;1' })
  presence.gone(KEY)
  await presence.flush()
  assert.equal((await shown()).modelId, 'dtmi:a;1')
  presence.opened(KEY, GENERATION)
  assert.equal((await shown()).modelId, undefined)
})

test('activity goes to the disk once a minute, whatever a device sends', async (context) => {
  const { store, clock, presence } = stage(context)
  presence.opened(KEY, GENERATION)
  await presence.flush()
  for (let second = 0; second < 150; second += 1) {
    clock.advance(1_000)
    presence.active(KEY)
    await presence.flush()
  }
  assert.equal(store.writes.length, 3)
})

test('a device that only speaks HTTPS is active and not connected', async (context) => {
  const { clock, presence, shown } = stage(context)
  clock.advance(1_000)
  presence.active(KEY)
  assert.deepEqual(await shown(), { isConnected: false, lastActivity: 1_000 })
  await presence.flush()
  assert.deepEqual(await shown(), { isConnected: false, lastActivity: 1_000 })
})

test('HTTPS beside a connection that has ended does not forget it', async (context) => {
  const { clock, presence, shown } = stage(context)
  presence.opened(KEY, GENERATION)
  presence.gone(KEY)
  clock.advance(1_000)
  presence.active(KEY)
  assert.deepEqual(await shown(), { isConnected: false, since: 0, lastActivity: 1_000 })
  await presence.flush()
  clock.advance(1_000)
  presence.active(KEY)
  assert.deepEqual(await shown(), { isConnected: false, since: 0, lastActivity: 2_000 })
})

test('what changes while it is written is written again; what the disk refuses waits', async (context) => {
  const { store, presence, shown, faults } = stage(context)
  presence.opened(KEY, GENERATION)
  store.meanwhile = () => {
    presence.gone(KEY)
    store.meanwhile = () => undefined
  }
  await presence.flush()
  assert.equal(store.records.get('d')?.isConnected, true)
  assert.equal((await shown()).isConnected, false)
  store.failure = new Error('full')
  await presence.flush()
  assert.equal(faults.length, 1)
  assert.equal((await shown()).isConnected, false)
  store.failure = undefined
  await presence.flush()
  assert.equal(store.records.get('d')?.isConnected, false)
})

test('a flood of connections goes to the disk in bounded writes, and in bounded flushes', async (context) => {
  const { store, presence } = stage(context)
  for (let at = 0; at < 6_000; at += 1) presence.opened({ deviceId: `d${at}` }, GENERATION)
  await presence.flush()
  assert.deepEqual(
    store.writes.map((records) => records.length),
    Array.from({ length: 10 }, () => 500),
  )
  await presence.flush()
  assert.equal(store.records.size, 6_000)
})

test('modules are asked for beside their devices', async (context) => {
  const { presence } = stage(context)
  presence.opened({ deviceId: 'd', moduleId: 'm' }, GENERATION)
  const facts = await presence.of([KEY, { deviceId: 'd', moduleId: 'm' }, { deviceId: 'x' }])
  assert.deepEqual(
    facts.map(({ isConnected }) => isConnected),
    [false, true, false],
  )
})

test('nothing of a deleted device is said of its successor, nor of the modules of either', async (context) => {
  const { store, presence, shown } = stage(context)
  const module = { ...KEY, moduleId: 'm' }
  const neighbour = { deviceId: 'd2' }
  for (const key of [KEY, module, neighbour]) presence.opened(key, { ...GENERATION, modelId: 'dtmi:old;1' })
  presence.deleted(KEY)
  assert.deepEqual(await shown(), { isConnected: false })
  // Its connections end only now.
  presence.gone(KEY)
  presence.gone(module)
  assert.deepEqual(await shown(), { isConnected: false })
  assert.deepEqual(await shown(module), { isConnected: false })
  assert.equal((await shown(neighbour)).isConnected, true)
  await presence.flush()
  assert.deepEqual([...store.records.keys()], ['d2'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import { mergeSection, newSection, type SectionChange } from '@holdfast/iothub'
import { TwinError } from './errors.ts'
import { MemoryTwinStore } from './testing/index.ts'
import { type DesiredChange, Twins } from './twins.ts'

const KEY: IdentityKey = { deviceId: 'd' }
const MODULE: IdentityKey = { deviceId: 'd', moduleId: 'm' }
const merge = (patch: object): SectionChange => ({ kind: 'merge', patch: JSON.stringify(patch) })

function stage() {
  const events: SecurityEvent[] = []
  const store = new MemoryTwinStore((event) => events.push(event))
  const told: DesiredChange[] = []
  const twins = new Twins({
    store,
    clock: new ManualClock(),
    random: countingRandom(),
    desiredChanged: (change) => told.push(change),
  })
  store.create(KEY, { at: timestampOf(0), etag: 'e' })
  store.create(MODULE, { at: timestampOf(0), etag: 'e' })
  return { store, events, told, twins }
}

function refused(code: TwinError['code']): (error: unknown) => boolean {
  return (error) => error instanceof TwinError && error.code === code
}

test('what a service writes is told to whoever pushes, and is an event', async () => {
  const { twins, told, events } = stage()
  const twin = await twins.write(KEY, { tags: merge({ t: 1 }), desired: merge({ a: null }) }, 'policy/service')
  assert.equal(twin.version, 2)
  await twins.write(MODULE, { desired: { kind: 'replace', properties: '{"b":2}' } }, 'policy/service')
  await twins.write(KEY, { tags: merge({ t: 2 }) }, 'policy/service')
  assert.deepEqual(told, [
    { key: KEY, patch: '{"a":null}', version: 2 },
    { key: MODULE, patch: '{"b":2}', version: 2 },
  ])
  assert.deepEqual(
    events.map(({ type, subject, actor, detail }) => [type, subject, actor, detail]),
    [
      ['twin.changed', 'device/d', 'policy/service', { sections: 'tags desired', version: 2 }],
      ['twin.changed', 'device/d/module/m', 'policy/service', { sections: 'desired', version: 2 }],
      ['twin.changed', 'device/d', 'policy/service', { sections: 'tags', version: 3 }],
    ],
  )
})

test('a device that reports hears its version, and is no event', async () => {
  const { twins, told, events } = stage()
  assert.equal((await twins.report(KEY, '{"a":1}')).reported.version, 2)
  assert.equal((await twins.report(KEY, '{"a":2}', 2)).reported.version, 3)
  await assert.rejects(twins.report(KEY, '{"a":2}', 2), refused('version-mismatch'))
  assert.equal((await twins.read(KEY)).reported.properties, '{"a":2}')
  assert.deepEqual([told, events], [[], []])
})

test('what cannot be had is refused by name, told to nobody', async () => {
  const { twins, told, events } = stage()
  const nobody = { deviceId: 'nobody' }
  await assert.rejects(twins.read(nobody), refused('missing'))
  await assert.rejects(twins.write(nobody, { desired: merge({}) }, 'a'), refused('missing'))
  await assert.rejects(twins.report(nobody, '{}'), refused('missing'))
  await assert.rejects(twins.reset(nobody, { tags: '{}', desired: '{}' }, 'a'), refused('missing'))
  await assert.rejects(twins.write(KEY, { desired: merge({}) }, 'a', 'other'), refused('etag-mismatch'))
  const large = JSON.stringify(Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`k${at}`, 'x'.repeat(4_000)])))
  await assert.rejects(twins.report(KEY, large), refused('too-large'))
  await assert.rejects(twins.reset(KEY, { tags: large, desired: '{}' }, 'a'), refused('too-large'))
  assert.deepEqual([told, events], [[], []])
})

test('a reset is pushed, too, and versions go on', async () => {
  const { twins, told } = stage()
  await twins.report(KEY, '{"a":1}')
  await twins.write(KEY, { desired: merge({ old: 1 }) }, 'a')
  const twin = await twins.reset(KEY, { tags: '{"t":1}', desired: '{"new":1}' }, 'hub')
  assert.deepEqual(
    [
      twin.version,
      twin.tags,
      twin.desired.properties,
      twin.desired.version,
      twin.reported.properties,
      twin.reported.version,
    ],
    [4, '{"t":1}', '{"new":1}', 3, '{}', 3],
  )
  assert.deepEqual(told.at(-1), { key: KEY, patch: '{"old":null,"new":1}', version: 3 })
})

test('a write that the disk did not take is told to nobody', async () => {
  const { twins, store, told, events } = stage()
  store.failure = new Error('disk')
  await assert.rejects(twins.write(KEY, { desired: merge({ a: 1 }) }, 'a'), /disk/)
  assert.deepEqual([told, events], [[], []])
})

/** A small generator with a seed (mulberry32), so that a failure can be had again. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) % below
  }
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`pushes come in the order of versions whoever writes whatever at once (seed ${seed})`, async () => {
    const { twins, store, told } = stage()
    const random = seeded(seed)
    const writes: Promise<unknown>[] = []
    for (let at = 0; at < 300; at += 1) {
      const key = random(3) === 0 ? MODULE : KEY
      store.turns = random(20)
      const write = [
        () => twins.write(key, { desired: merge({ at }) }, 'a'),
        () => twins.write(key, { tags: merge({ at }), desired: { kind: 'replace', properties: `{"at":${at}}` } }, 'b'),
        () => twins.write(key, { tags: merge({ at }) }, 'b'),
        () => twins.report(key, `{"at":${at}}`),
        () => twins.reset(key, { tags: '{}', desired: `{"reset":${at}}` }, 'hub'),
        () => twins.write(key, { desired: merge({ at }) }, 'a', 'stale').catch(() => undefined),
        () => twins.read(key),
      ][random(7)]
      if (write !== undefined) writes.push(write())
      if (random(4) === 0) await Promise.resolve()
    }
    await Promise.all(writes)
    for (const key of [KEY, MODULE]) {
      const versions = told.filter((one) => one.key === key).map(({ version }) => version)
      assert.ok(versions.length > 20)
      assert.deepEqual(
        versions,
        versions.map((_, at) => at + 2),
      )
      // Who merges what was pushed, in order, has what is stored.
      const merged = told
        .filter((one) => one.key === key)
        .reduce(
          (tree, { patch }) => mergeSection(tree, JSON.parse(patch), { at: timestampOf(0) }),
          newSection({}, { at: timestampOf(0) }),
        )
      assert.deepEqual(merged.properties, JSON.parse((await twins.read(key)).desired.properties))
    }
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  checkSection,
  isWithin,
  parseTwinJson,
  readReportedPatch,
  sectionBytes,
  type SectionChange,
  type Twin,
  type TwinObject,
} from '@holdfast/iothub'
import fc from 'fast-check'
import { applyTwinChange, type ChangeStamp, newTwin, SECTION_BYTES_MAX, type TwinChange } from './twin-change.ts'

const stamp = (at: number): ChangeStamp => ({ at: timestampOf(at), etag: `e${at}` })
const merge = (patch: object): SectionChange => ({ kind: 'merge', patch: JSON.stringify(patch) })
const replace = (properties: object): SectionChange => ({ kind: 'replace', properties: JSON.stringify(properties) })

function applied(twin: Twin, change: TwinChange, at = 1): Twin {
  const outcome = applyTwinChange(twin, change, stamp(at))
  assert.ok(outcome.kind === 'changed', outcome.kind)
  return outcome.twin
}

const versionsOf = ({ version, desired, reported }: Twin): readonly number[] => [
  version,
  desired.version,
  reported.version,
]

const NAMES = ['tags', 'desired', 'reported'] as const
const sectionOf = (twin: Twin, name: (typeof NAMES)[number]): string =>
  name === 'tags' ? twin.tags : twin[name].properties

test('a new twin is empty, at version 1, with the time it was made', () => {
  const twin = newTwin(stamp(5))
  const section = { properties: '{}', metadata: '{"$lastUpdated":"1970-01-01T00:00:00.005Z"}', version: 1 }
  assert.deepEqual(twin, { version: 1, etag: 'e5', tags: '{}', desired: section, reported: section })
})

test('a write counts once, whatever it names; each named section counts it too', () => {
  let twin = newTwin(stamp(0))
  twin = applied(twin, { tags: merge({ a: 1 }) })
  assert.deepEqual(versionsOf(twin), [2, 1, 1])
  twin = applied(twin, { tags: merge({ a: 2 }), desired: merge({ b: 1 }) })
  assert.deepEqual(versionsOf(twin), [3, 2, 1])
  twin = applied(twin, { reported: merge({}) })
  assert.deepEqual(versionsOf(twin), [4, 2, 2])
  twin = applied(twin, { desired: merge({ b: 1 }) })
  assert.deepEqual(versionsOf(twin), [5, 3, 2], 'a write that changes nothing is a write')
  assert.equal(applied(twin, {}), twin, 'one that names nothing is none')
})

test('the ETag is of tags and desired, not of reported', () => {
  const twin = newTwin(stamp(0))
  assert.equal(applied(twin, { reported: merge({ a: 1 }) }, 7).etag, 'e0')
  assert.equal(applied(twin, { tags: merge({}) }, 7).etag, 'e7')
  assert.equal(applied(twin, { desired: replace({}) }, 7).etag, 'e7')
})

test('what is expected has to be so, or nothing is written', () => {
  const twin = applied(newTwin(stamp(0)), { reported: merge({ a: 1 }) })
  const tags = merge({ a: 1 })
  assert.deepEqual(applyTwinChange(twin, { tags, expected: { etag: 'e1' } }, stamp(2)), { kind: 'etag-mismatch' })
  assert.deepEqual(applyTwinChange(twin, { expected: { etag: 'e1' } }, stamp(2)), { kind: 'etag-mismatch' })
  const reported = merge({ b: 1 })
  for (const reportedVersion of [0, 1, 3, -1]) {
    const outcome = applyTwinChange(twin, { reported, expected: { reportedVersion } }, stamp(2))
    assert.deepEqual(outcome, { kind: 'version-mismatch' })
  }
  assert.equal(applied(twin, { reported, expected: { reportedVersion: 2, etag: 'e0' } }).reported.version, 3)
})

test('a section that would be too large takes the whole write with it', () => {
  const large = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`k${at}`, 'x'.repeat(4_000)]))
  const twin = newTwin(stamp(0))
  for (const name of NAMES) {
    const change = {
      tags: merge({ ok: 1 }),
      desired: merge({ ok: 1 }),
      reported: merge({ ok: 1 }),
      [name]: merge(large),
    }
    assert.deepEqual(applyTwinChange(twin, change, stamp(1)), { kind: 'too-large', section: name })
  }
  // What makes room and needs it in one patch fits.
  const full = applied(twin, { tags: replace({ a: 'x'.repeat(4_000), b: 'x'.repeat(4_000) }) })
  assert.equal(applyTwinChange(full, { tags: merge({ c: 'x'.repeat(4_000) }) }, stamp(2)).kind, 'too-large')
  applied(full, { tags: merge({ a: null, c: 'x'.repeat(4_000) }) })
})

test('a replacement leaves nothing of what was, nor of its metadata', () => {
  const before = applied(newTwin(stamp(0)), { desired: merge({ a: { b: 1 } }) }, 1)
  const after = applied(before, { desired: replace({ c: 1, d: null }) }, 2)
  const node = { $lastUpdated: '1970-01-01T00:00:00.002Z', $lastUpdatedVersion: 3 }
  assert.equal(after.desired.properties, '{"c":1}')
  assert.deepEqual(JSON.parse(after.desired.metadata), { ...node, c: node })
})

const leaf = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.string({ maxLength: 40 }),
  fc.constantFrom('x'.repeat(3_000), 'é'.repeat(2_000), '\0'.repeat(500)),
  fc.constant(null),
)
const content = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', '__proto__'),
  fc.oneof(leaf, fc.dictionary(fc.constantFrom('x', 'y', 'z'), leaf, { maxKeys: 3 })),
  { maxKeys: 15 },
)
const change: fc.Arbitrary<TwinChange> = fc
  .dictionary(
    fc.constantFrom(...NAMES),
    fc.tuple(fc.constantFrom('merge', 'replace'), content).map(([kind, value]): SectionChange => {
      const text = readReportedPatch(Buffer.from(JSON.stringify(value)))
      return kind === 'merge' ? { kind: 'merge', patch: text } : { kind: 'replace', properties: text }
    }),
  )
  .map((named) => ({ ...named }))

test('whatever is written, versions go up by one, sections keep their bounds, and refusals change nothing', () => {
  let refusals = 0
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      let twin = newTwin(stamp(0))
      for (const [at, one] of changes.entries()) {
        const before = JSON.stringify(twin)
        const outcome = applyTwinChange(twin, one, stamp(at + 1))
        assert.equal(JSON.stringify(twin), before, 'what was is not touched')
        if (outcome.kind !== 'changed') {
          assert.equal(outcome.kind, 'too-large')
          refusals += 1
          continue
        }
        const after = outcome.twin
        const isWrite = NAMES.some((name) => one[name] !== undefined)
        assert.equal(after.version, twin.version + (isWrite ? 1 : 0))
        assert.equal(after.desired.version, twin.desired.version + (one.desired === undefined ? 0 : 1))
        assert.equal(after.reported.version, twin.reported.version + (one.reported === undefined ? 0 : 1))
        for (const name of NAMES) {
          const text = sectionOf(after, name)
          if (one[name] === undefined) assert.equal(text, sectionOf(twin, name))
          const section = checkSection(parseTwinJson(Buffer.from(text)), name) as TwinObject
          assert.equal(JSON.stringify(section), text, 'what is stored could be written again')
          assert.ok(sectionBytes(section) <= SECTION_BYTES_MAX[name])
          assert.ok(isWithin(section, text, SECTION_BYTES_MAX[name]))
        }
        twin = after
      }
    }),
    { numRuns: 100 },
  )
  assert.ok(refusals > 0, 'the bound was met')
})

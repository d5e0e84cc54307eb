import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import fc from 'fast-check'
import { patches, sections } from '../testing/twin-arbitraries.ts'
import { mergeSection, newSection, replacementPatch, type SectionTree } from './section-merge.ts'
import { isTwinObject, propertyOf, type TwinObject, type TwinValue } from './twin-value.ts'

const stamp = (version: number) => ({ at: timestampOf(version * 1_000), version })
const text = (value: unknown): string => JSON.stringify(value)

function made(content: TwinObject): SectionTree {
  return newSection(content, stamp(1))
}

/** RFC 7386 §2, word for word. */
function mergePatch(target: TwinValue | undefined, patch: TwinValue): TwinValue {
  if (!isTwinObject(patch)) return patch
  const result: Map<string, TwinValue> = new Map(Object.entries(isTwinObject(target) ? target : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name)
    else result.set(name, mergePatch(result.get(name), value))
  }
  const object = Object.create(null) as Record<string, TwinValue>
  for (const [name, value] of result) object[name] = value
  return object
}

/** Whether there is a null in it that is not in an array. */
function hasNull(value: TwinValue): boolean {
  return value === null || (isTwinObject(value) && Object.values(value).some((one) => hasNull(one)))
}

/** Whether `metadata` has a node for each node of `properties`, and no other. */
function mirrors(metadata: TwinValue | undefined, properties: TwinValue): boolean {
  if (!isTwinObject(metadata)) return false
  const children = Object.keys(metadata).filter((key) => !key.startsWith('$'))
  if (!isTwinObject(properties)) return children.length === 0
  const keys = Object.keys(properties)
  return (
    children.length === keys.length && keys.every((key) => mirrors(propertyOf(metadata, key), properties[key] ?? null))
  )
}

test('a patch is merged as RFC 7386 has it', () => {
  fc.assert(
    fc.property(sections, patches, (section, patch) => {
      const { properties } = mergeSection(made(section), patch, stamp(2))
      assert.deepEqual(JSON.parse(text(properties)), JSON.parse(text(mergePatch(section, patch))))
      assert.ok(!hasNull(properties), 'null takes away')
    }),
  )
})

test('the same patch twice gives what it gave once', () => {
  fc.assert(
    fc.property(sections, patches, (section, patch) => {
      const once = mergeSection(made(section), patch, stamp(2))
      const twice = mergeSection(once, patch, stamp(2))
      assert.equal(text(twice), text(once))
    }),
  )
})

test('metadata mirrors the properties, and only what a patch names gets a new stamp', () => {
  fc.assert(
    fc.property(sections, patches, (section, patch) => {
      const before = made(section)
      const after = mergeSection(before, patch, stamp(2))
      assert.ok(mirrors(after.metadata, after.properties))
      const look = (was: TwinValue | undefined, is: TwinValue | undefined, named: TwinValue | undefined): void => {
        if (!isTwinObject(is)) return
        assert.equal(is.$lastUpdatedVersion, named === undefined ? 1 : 2)
        assert.equal(is.$lastUpdated, named === undefined ? '1970-01-01T00:00:01.000Z' : '1970-01-01T00:00:02.000Z')
        for (const key of Object.keys(is)) {
          if (key.startsWith('$')) continue
          const inner = isTwinObject(named) ? propertyOf(named, key) : undefined
          look(isTwinObject(was) ? propertyOf(was, key) : undefined, propertyOf(is, key), inner)
        }
      }
      look(before.metadata, after.metadata, patch)
    }),
  )
})

test('what was before is not changed by what comes after', () => {
  fc.assert(
    fc.property(sections, patches, (section, patch) => {
      const before = made(section)
      const written = text(before)
      mergeSection(before, patch, stamp(2))
      assert.equal(text(before), written)
    }),
  )
})

test('an array or a scalar replaces, an object that meets one begins anew', () => {
  const before = made({ a: { b: 1, c: 2 }, d: [1, 2], e: 5 })
  const after = mergeSection(before, { a: [1], d: { x: 1, y: null }, e: { z: {} } }, stamp(2))
  assert.equal(text(after.properties), '{"a":[1],"d":{"x":1},"e":{"z":{}}}')
  const node = { $lastUpdated: '1970-01-01T00:00:02.000Z', $lastUpdatedVersion: 2 }
  assert.deepEqual(JSON.parse(text(after.metadata)), {
    ...node,
    a: node,
    d: { ...node, x: node },
    e: { ...node, z: node },
  })
})

test('reported properties tell no version', () => {
  const { metadata } = newSection({ a: { b: 1 } }, { at: timestampOf(5) })
  const node = { $lastUpdated: '1970-01-01T00:00:00.005Z' }
  assert.deepEqual(JSON.parse(text(metadata)), { ...node, a: { ...node, b: node } })
})

test('__proto__ is merged like any other key', () => {
  const parse = (json: string): TwinObject => JSON.parse(json) as TwinObject
  const before = made(parse('{"__proto__":{"a":1}}'))
  const after = mergeSection(before, parse('{"__proto__":{"b":2},"c":{"__proto__":{"d":3}}}'), stamp(2))
  assert.equal(text(after.properties), '{"__proto__":{"a":1,"b":2},"c":{"__proto__":{"d":3}}}')
  assert.equal(Reflect.get({}, 'a'), undefined)
  const without = mergeSection(after, parse('{"__proto__":null}'), stamp(3))
  assert.equal(text(without.properties), '{"c":{"__proto__":{"d":3}}}')
})

test('who merges the patch of a replacement has what is there now, and nothing of before', () => {
  fc.assert(
    fc.property(sections, sections, (one, other) => {
      const [before, after] = [made(one), made(other)]
      const patch = replacementPatch(before.properties, after.properties)
      // Order of keys is none of JSON's business.
      assert.deepEqual(
        JSON.parse(text(mergeSection(before, patch, stamp(2)).properties)),
        JSON.parse(text(after.properties)),
      )
    }),
  )
  const before = { gone: 1, inner: { gone: [null], kept: 1 }, turned: { a: 1 }, opened: 1 }
  const after = { inner: { kept: 1, added: 2 }, turned: [1], opened: { b: {} } }
  assert.deepEqual(replacementPatch(before, after), { gone: null, ...after, inner: { gone: null, kept: 1, added: 2 } })
  const hostile = JSON.parse('{"__proto__":{"x":1},"constructor":1}') as TwinObject
  assert.equal(text(replacementPatch(hostile, {})), '{"__proto__":null,"constructor":null}')
})

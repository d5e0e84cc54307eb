/** Sections and patches of twins, for property tests. */

import fc from 'fast-check'
import type { TwinObject, TwinValue } from '../index.ts'

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'é', '😀', '1'),
  fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(...'abc123-_#'.split('')) }),
)
const leaf: fc.Arbitrary<TwinValue> = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e3, max: 1e3 }).map((value) => value + 0 || 0),
  fc.boolean(),
  fc.string({ maxLength: 12, unit: 'grapheme' }),
  fc.constantFrom('', '\0', 'x'.repeat(200)),
)

function objects(value: fc.Arbitrary<TwinValue>): fc.Arbitrary<TwinObject> {
  return fc.array(fc.tuple(key, value), { maxLength: 5 }).map((entries) => {
    const object = Object.create(null) as Record<string, TwinValue>
    for (const [name, property] of entries) object[name] = property
    return object
  })
}

function nested(depth: number, other: fc.Arbitrary<TwinValue>): fc.Arbitrary<TwinObject> {
  if (depth === 0) return objects(other)
  const array = fc.array(fc.oneof(leaf, objects(leaf)), { maxLength: 3 })
  return objects(fc.oneof(other, array, nested(depth - 1, other)))
}

/** A section as it is stored: no null in it. */
export const sections: fc.Arbitrary<TwinObject> = nested(3, leaf)

/** A patch of one: nulls in objects, none in arrays. */
export const patches: fc.Arbitrary<TwinObject> = nested(3, fc.oneof(leaf, fc.constant(null)))

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sections } from '../testing/twin-arbitraries.ts'
import { HubFormatError } from '../errors.ts'
import { checkSection, isWithin, sectionBytes, utf8Bytes } from './section-rules.ts'
import type { TwinObject, TwinValue } from './twin-value.ts'

function faultOf(section: TwinValue): string {
  try {
    checkSection(section, 'it')
    return ''
  } catch (error) {
    assert.ok(error instanceof HubFormatError)
    assert.equal(error.code, 'bad-twin')
    return error.message
  }
}

function nested(levels: number, inner: TwinValue = 'value'): TwinValue {
  return levels === 0 ? inner : { level: nested(levels - 1, inner) }
}

test('keys are bounded, and hold no dot, dollar sign, space or control character', () => {
  for (const key of ['.', 'a.b', '$', 'a$', '$x', ' ', 'a b', '\0', 'a\u001f', '\u007f', '\u0080', '\u009f', '']) {
    assert.match(faultOf({ [key]: 1 }), /key/, JSON.stringify(key))
    assert.match(faultOf({ a: { [key]: 1 } }), /key/, JSON.stringify(key))
    assert.match(faultOf({ a: [{ [key]: 1 }] }), /key/, JSON.stringify(key))
  }
  for (const key of ['#', 'a/b', '-', 'é', '\u00a0', '😀', 'k'.repeat(1_024), 'ä'.repeat(512)]) {
    assert.equal(faultOf({ [key]: 1 }), '')
  }
  for (const key of ['k'.repeat(1_025), 'ä'.repeat(513), '€'.repeat(342), '😀'.repeat(257)]) {
    assert.match(faultOf({ [key]: 1 }), /1024 bytes/)
  }
})

test('texts have at most 4096 bytes', () => {
  for (const text of ['x'.repeat(4_096), 'ä'.repeat(2_048), '😀'.repeat(1_024)]) {
    assert.equal(faultOf({ a: text, b: [text] }), '')
    assert.match(faultOf({ a: `${text}x` }), /4096 bytes/)
    assert.match(faultOf({ a: [[`${text}x`]] }), /4096 bytes/)
  }
})

test('ten levels of objects are one too few to be refused; arrays are no levels', () => {
  assert.equal(faultOf(nested(11)), '', 'ten levels in a section')
  assert.match(faultOf(nested(12)), /10 levels/)
  assert.equal(faultOf(nested(11, [[1]])), '')
  assert.equal(faultOf({ a: [[[[[[[[[[[[1]]]]]]]]]]]] }), '')
  assert.match(faultOf({ a: [nested(11)] }), /10 levels/)
})

test('integers have a range, and what is written with an exponent has none', () => {
  for (const value of [2 ** 52, -(2 ** 52) - 1, 1e16, 1e20]) assert.match(faultOf({ a: [value] }), /integer/)
  for (const value of [2 ** 52 - 1, -(2 ** 52), 1e21, 3.4e38, -1.5, 5e-324]) assert.equal(faultOf({ a: value }), '')
  assert.match(faultOf({ a: Number.POSITIVE_INFINITY }), /integer/)
})

test('null stands for what is taken away, and so not in arrays', () => {
  assert.equal(faultOf({ a: null, b: { c: null } }), '')
  assert.match(faultOf({ a: [null] }), /array with a null/)
  assert.match(faultOf({ a: { b: [{}, [null]] } }), /array with a null/)
})

test('what goes out with a section may come back with it, and is no part of it', () => {
  const section = checkSection({ $version: 7, a: 1, $metadata: { $lastUpdated: 'x', a: { '.': 1 } } }, 'it')
  assert.equal(JSON.stringify(section), '{"a":1}')
  assert.match(faultOf({ a: { $version: 1 } }), /dollar sign/)
  for (const no of [[], 'x', 1, true, null]) assert.match(faultOf(no), /has to be an object/)
})

test('bytes are counted as Azure does', () => {
  const counted: readonly (readonly [TwinObject, number])[] = [
    [{}, 0],
    [{ a: 1 }, 9],
    [{ a: true, b: false }, 10],
    [{ a: 'ä€😀' }, 10],
    [{ a: 'x\0\u0080\u007fy' }, 3],
    [{ ab: { cd: [1, 'x', [true, {}]] } }, 17],
  ]
  for (const [section, bytes] of counted) assert.equal(sectionBytes(section), bytes, JSON.stringify(section))
})

test('UTF-8 is counted as it is encoded', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(utf8Bytes(text), Buffer.byteLength(text))
    }),
  )
})

test('the quick judgement of a size is the slow one', () => {
  fc.assert(
    fc.property(sections, fc.integer({ min: 0, max: 400 }), (section, bytesMax) => {
      const text = JSON.stringify(section)
      const isSmall = sectionBytes(section) <= bytesMax && Buffer.byteLength(text) <= 4 * bytesMax
      assert.equal(isWithin(section, text, bytesMax), isSmall)
    }),
    { numRuns: 1_000 },
  )
})

test('properties have a bound, for each has metadata', () => {
  const flags = (count: number, value: TwinValue): TwinObject =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [at.toString(36).padStart(3, '_'), value]))
  const isFine = (section: TwinObject): boolean => isWithin(section, JSON.stringify(section), 32_768)
  assert.ok(isFine(flags(4_096, true)))
  assert.ok(!isFine(flags(4_097, '')))
  assert.ok(isFine({ a: flags(4_095, true) }))
  assert.ok(!isFine({ a: flags(2_050, ''), b: flags(2_050, {}) }))
  assert.ok(isFine({ a: [flags(4_097, '')] }), 'what is in an array has none')
})

test('what counts as nothing has a bound, too', () => {
  const many = (value: TwinValue): TwinObject => ({ a: Array.from({ length: 40_000 }, () => value) })
  for (const section of [many({}), many(''), many([]), many('\0'.repeat(10))]) {
    assert.equal(sectionBytes(section), 1)
    assert.ok(!isWithin(section, JSON.stringify(section), 8_192))
  }
  // The widest that ordinary values are written is within it: numbers of 25 characters.
  const numbers: Record<string, number> = {}
  for (let at = 0; sectionBytes(numbers) <= 32_768 - 11; at += 1) {
    numbers[at.toString(36).padStart(3, '_')] = -1.234_567_890_123_456_6e-300
  }
  assert.ok(isWithin(numbers, JSON.stringify(numbers), 32_768))
})

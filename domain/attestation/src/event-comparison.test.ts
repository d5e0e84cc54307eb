import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEvents } from './event-comparison.ts'
import type { ReferenceEvent } from './reference-values.ts'

/** `a` is mandatory, `a?` optional, `a|b` either. */
function expected(words: string): readonly ReferenceEvent[] {
  return words
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => ({
      pcr: 4,
      digests: new Map([['sha256', new Set(word.replace('?', '').split('|'))]]),
      isOptional: word.endsWith('?'),
    }))
}

function compare(found: string, reference: string): readonly string[] {
  const events = found
    .split(' ')
    .filter((word) => word !== '')
    .map((digest, index) => ({ index, digest }))
  return compareEvents(events, expected(reference), (event) => event.digests.get('sha256') ?? new Set()).map((it) =>
    it.kind === 'missing'
      ? `missing ${[...(it.expected.digests.get('sha256') ?? [])].join('|')}`
      : `${it.kind} ${it.found.index}`,
  )
}

test('what is expected at its place is no difference', () => {
  assert.deepEqual(compare('a b c', 'a b c'), [])
  assert.deepEqual(compare('', ''), [])
  assert.deepEqual(compare('a c', 'a b? c'), [])
  assert.deepEqual(compare('a b c', 'a b? c d?'), [])
  assert.deepEqual(compare('a y', 'a x|y'), [])
  assert.deepEqual(compare('a a a', 'a a a'), [])
})

test('one difference is told as one, and the walk goes on where both agree again', () => {
  assert.deepEqual(compare('a x c', 'a b c'), ['different 1'])
  assert.deepEqual(compare('a c', 'a b c'), ['missing b'])
  assert.deepEqual(compare('a x b c', 'a b c'), ['unexpected 1'])
  assert.deepEqual(compare('a b', 'a b c'), ['missing c'])
  assert.deepEqual(compare('a b c x', 'a b c'), ['unexpected 3'])
  assert.deepEqual(compare('x', 'b?'), ['unexpected 0'])
})

test('any list that is not the expected one differs somewhere', () => {
  // Every sequence of up to four of three events, against a fixed list without options.
  const want = 'a b a c'
  const letters = ['a', 'b', 'c']
  let sequences = ['']
  const all = ['']
  for (let length = 1; length <= 4; length += 1) {
    sequences = sequences.flatMap((sequence) => letters.map((letter) => `${sequence} ${letter}`.trim()))
    all.push(...sequences)
  }
  for (const sequence of all) assert.equal(compare(sequence, want).length === 0, sequence === want, sequence)
})

test('hostile lengths cost time in proportion', () => {
  const long = Array.from({ length: 8_000 }, (_, at) => `x${at % 50}`).join(' ')
  const reference = Array.from({ length: 4_000 }, (_, at) => `x${(at * 7) % 50}`).join(' ')
  const before = performance.now()
  compare(long, reference)
  assert.ok(performance.now() - before < 3_000)
})

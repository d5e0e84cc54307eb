import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LruMap } from './index.ts'

test('what was used longest ago is forgotten first; reading and writing are use', () => {
  const map = new LruMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  assert.equal(map.get('a'), 1)
  map.set('c', 3)
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [1, undefined, 3, 2])
  map.set('a', 4)
  map.set('d', 5)
  assert.deepEqual([map.get('a'), map.get('c')], [4, undefined])
})

test('it never holds more than it was made for, whatever the keys are', () => {
  const map = new LruMap<unknown, number>(16)
  for (let at = 0; at < 10_000; at++) {
    map.set(at % 3 === 0 ? `__proto__${at}` : at, at)
    assert.ok(map.size <= 16)
  }
  map.set('__proto__', 1)
  assert.equal(map.get('__proto__'), 1)
})

test('deleting and clearing make room', () => {
  const map = new LruMap<string, number>(1)
  map.set('a', 1)
  assert.ok(map.delete('a') && !map.delete('a'))
  map.set('b', 2)
  map.clear()
  assert.deepEqual([map.size, map.get('b')], [0, undefined])
})

test('a map that could hold nothing is a bug of the caller', () => {
  for (const no of [0, -1, Number.NaN]) assert.throws(() => new LruMap(no), TypeError)
})

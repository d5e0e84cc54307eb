import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readReportedPatch, readTwinPatch, readTwinReplacement } from './twin-request.ts'

const bytesOf = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const bad = { code: 'bad-twin' }

test('a patch says of each section whether it is merged, emptied or left', () => {
  assert.deepEqual(readTwinPatch(bytesOf({})), {})
  assert.deepEqual(readTwinPatch(bytesOf({ properties: {} })), {})
  assert.deepEqual(readTwinPatch(bytesOf({ properties: null, tags: {} })), { tags: { kind: 'merge', patch: '{}' } })
  assert.deepEqual(readTwinPatch(bytesOf({ tags: { a: null }, properties: { desired: { b: { c: 1 } } } })), {
    tags: { kind: 'merge', patch: '{"a":null}' },
    desired: { kind: 'merge', patch: '{"b":{"c":1}}' },
  })
  assert.deepEqual(readTwinPatch(bytesOf({ tags: null, properties: { desired: null } })), {
    tags: { kind: 'replace', properties: '{}' },
    desired: { kind: 'replace', properties: '{}' },
  })
})

test('a replacement has both sections, empty where it does not name them', () => {
  const empty = { kind: 'replace', properties: '{}' }
  assert.deepEqual(readTwinReplacement(bytesOf({})), { tags: empty, desired: empty })
  assert.deepEqual(readTwinReplacement(bytesOf({ tags: null, properties: { desired: { a: 1 } } })), {
    tags: empty,
    desired: { kind: 'replace', properties: '{"a":1}' },
  })
})

test('a document that was read may be sent back whole', () => {
  const document = {
    deviceId: 'd',
    etag: 'x',
    'any.thing $': null,
    tags: { a: 1 },
    properties: {
      desired: { a: 1, $metadata: { $lastUpdated: 'x', a: { $lastUpdated: 'x' } }, $version: 3 },
      reported: { $metadata: {}, $version: 3, 'odd key': [null] },
    },
  }
  assert.deepEqual(readTwinPatch(bytesOf(document)), {
    tags: { kind: 'merge', patch: '{"a":1}' },
    desired: { kind: 'merge', patch: '{"a":1}' },
  })
})

test('what is no section is refused', () => {
  for (const body of [[], 1, 'null', { tags: 1 }, { tags: [] }, { properties: [] }, { properties: { desired: 'x' } }]) {
    assert.throws(() => readTwinPatch(bytesOf(body)), bad)
    assert.throws(() => readTwinReplacement(bytesOf(body)), bad)
  }
  for (const body of [[], 1, 'null', '"x"', { a: { $b: 1 } }]) {
    assert.throws(() => readReportedPatch(bytesOf(body)), bad)
  }
  for (const body of ['', ' ', '{', 'undefined'])
    assert.throws(() => readReportedPatch(bytesOf(body)), { code: 'bad-json' })
})

test('a report is what it says, without what devices send back by habit', () => {
  assert.equal(readReportedPatch(bytesOf('{ "a" : { "b": null }, "$version": 5 }')), '{"a":{"b":null}}')
})

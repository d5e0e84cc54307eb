import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutNonce } from './hub-part.ts'

test('what a device shows for a nonce is not kept where whoever has its key could read it', () => {
  const kept = withoutNonce('{"speed":7,"holdfast":{"counter":3,"nonce":{"shown":"S","next":"D"}}}')
  assert.deepEqual(JSON.parse(kept), { speed: 7, holdfast: { counter: 3, nonce: '' } })
  assert.equal(withoutNonce('{"holdfast":{"nonce":"S"}}'), '{"holdfast":{"nonce":""}}')
})

test('other patches stay as they are', () => {
  for (const patch of [
    '{}',
    '{"nonce":"S"}',
    '{"a":{"holdfast":{"nonce":"S"}}}',
    '{"holdfast":null}',
    '{"holdfast":[1]}',
    '{"holdfast":{"nonce":null}}',
    '{"holdfast":{"counter":1}}',
  ]) {
    assert.equal(withoutNonce(patch), patch)
  }
})

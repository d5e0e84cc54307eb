import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JSON_DEPTH_MAX, JSON_MEMBERS_MAX, readStrictJson } from './strict-json.ts'

function faultOf(text: string): string {
  const reading = readStrictJson(text)
  return reading.kind === 'fault' ? `${reading.path} ${reading.message}` : 'none'
}

test('what is good JSON is read as it is', () => {
  const text = '{"a":[1,-2.5e3,"x\\u00e9\\n",{"b":null,"c":true}],"d":{},"e":[[]],"":""}'
  assert.deepEqual(readStrictJson(text), { kind: 'value', value: JSON.parse(text) })
  assert.equal(faultOf(' "x" '), 'none')
  assert.equal(faultOf('{"a":{"a":1},"b":{"a":1}}'), 'none', 'a name may stand in each of several objects')
})

test('a member that stands twice is refused, however it is written (RFC 7493 §2.3)', () => {
  assert.equal(faultOf('{"a":1,"a":2}'), '/a stands twice')
  assert.equal(faultOf('{"a":1,"\\u0061":2}'), '/a stands twice')
  assert.equal(faultOf('{"x":[{"b":{"c":"a","c" : 1}}]}'), '/x/0/b/c stands twice')
  assert.equal(faultOf('{"__proto__":1,"__proto__":2}'), '/__proto__ stands twice')
  assert.equal(faultOf('{"a":"a","b":"a"}'), 'none', 'values may be alike')
  assert.equal(faultOf('["a","a"]'), 'none')
})

test('depth is bounded', () => {
  assert.equal(faultOf('['.repeat(JSON_DEPTH_MAX) + ']'.repeat(JSON_DEPTH_MAX)), 'none')
  const deep = JSON_DEPTH_MAX + 1
  assert.match(faultOf('['.repeat(deep) + ']'.repeat(deep)), /nested more than 32 deep/)
  assert.match(faultOf('{"a":'.repeat(deep) + '1' + '}'.repeat(deep)), /nested more than 32 deep/)
  assert.match(faultOf('['.repeat(500_000)), /is not JSON/)
})

test('members are bounded, in one object and in all', () => {
  const many = Array.from({ length: JSON_MEMBERS_MAX + 1 }, () => 0)
  assert.match(faultOf(JSON.stringify(many)), /more than 10000 members/)
  assert.match(faultOf(JSON.stringify(many.slice(0, 6_000).map((one) => [one]))), /more than 10000 members/)
  assert.equal(faultOf(JSON.stringify(many.slice(0, 9_000))), 'none')
})

test('numbers that lose digits or have no end are refused', () => {
  assert.equal(faultOf('{"n":9007199254740991}'), 'none')
  assert.equal(faultOf('{"n":9007199254740993}'), '/n is an integer beyond 2^53 - 1')
  assert.equal(faultOf('[0,1e400]'), '/1 is a number too large')
  assert.equal(faultOf('0.1'), 'none')
})

test('text without a UTF-8 form is refused, as a name too', () => {
  assert.equal(faultOf('"\\ud800"'), ' is no text that has a UTF-8 form')
  assert.match(faultOf('{"\\udfff":1}'), /no text that has a UTF-8 form/)
  assert.equal(faultOf('"\\ud83d\\ude00"'), 'none')
})

test('what is no JSON is refused', () => {
  for (const text of ['', '{', '{"a":1,}', "{'a':1}", '01', 'NaN', '[1]x', '\ufeff{}']) {
    assert.equal(faultOf(text), ' is not JSON', text)
  }
})

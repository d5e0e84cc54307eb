import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DpsError, parseRegisterRequest } from './index.ts'
import { DEVICE_BODY_BYTES_MAX } from './limits.ts'

function parse(text: string): ReturnType<typeof parseRegisterRequest> {
  return parseRegisterRequest(Buffer.from(text))
}

function refusal(run: () => unknown): DpsError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof DpsError)
    return error
  }
  throw new Error('not refused')
}

describe('register body', () => {
  test('what the SDKs send', () => {
    assert.deepEqual(parse('{"registrationId":"Pump-1"}'), { registrationId: 'pump-1' })
    assert.deepEqual(parse('{"registrationId":"a","payload":{"x":[1]}}'), {
      registrationId: 'a',
      payload: { x: [1] },
    })
    assert.deepEqual(parse('{"tpm":{"endorsementKey":"AA==","storageRootKey":"AQ=="},"csr":"MII="}'), {
      tpm: { endorsementKey: 'AA==', storageRootKey: 'AQ==' },
      csr: 'MII=',
    })
    assert.deepEqual(parse(''), {})
  })

  test('unknown fields are passed over, null is absent, a payload is any JSON', () => {
    assert.deepEqual(parse('{"registrationId":null,"returnData":1,"payload":0}'), { payload: 0 })
  })

  test('types are strict, and every fault is named', () => {
    const error = refusal(() => parse('{"registrationId":7,"tpm":[],"csr":{}}'))
    assert.equal(error.code, 'bad-request')
    assert.deepEqual(
      error.faults.map(({ path }) => path),
      ['registrationId', 'tpm', 'csr'],
    )
    assert.deepEqual(
      refusal(() => parse('{"tpm":{"storageRootKey":1}}')).faults.map(({ path }) => path),
      ['tpm.storageRootKey', 'tpm.endorsementKey'],
    )
  })

  for (const [what, text, code] of [
    ['no JSON', '{', 'bad-request'],
    ['a space', ' ', 'bad-request'],
    ['no object', '[]', 'bad-request'],
    ['a bare string', '"a"', 'bad-request'],
    ['too deep', `{"payload":${'['.repeat(40)}${']'.repeat(40)}}`, 'bad-request'],
    ['a bad id', '{"registrationId":"a b"}', 'bad-request'],
    ['too long', `{"payload":"${'x'.repeat(DEVICE_BODY_BYTES_MAX)}"}`, 'too-large'],
  ] as const) {
    test(`${what} is refused`, () => assert.equal(refusal(() => parse(text)).code, code))
  }

  test('bytes that are not UTF-8 are refused', () => {
    assert.equal(refusal(() => parseRegisterRequest(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))).code, 'bad-request')
  })

  test('brackets in strings do not count as nesting, and no message holds the text', () => {
    assert.deepEqual(parse(`{"payload":"${'['.repeat(100)}\\"["}`), { payload: `${'['.repeat(100)}"[` })
    assert.ok(!refusal(() => parse('{"secret')).message.includes('secret'))
  })

  test('a key called __proto__ changes nothing', () => {
    assert.deepEqual(parse('{"__proto__":{"registrationId":"evil"}}'), {})
  })
})

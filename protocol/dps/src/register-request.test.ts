import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ECC_STORAGE_TEMPLATE, RSA_ENDORSEMENT_TEMPLATE, encodePublic } from '@holdfast/tpm'
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

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

describe('register body', () => {
  test('what the SDKs send', () => {
    assert.deepEqual(parse('{"registrationId":"Pump-1"}'), { registrationId: 'pump-1' })
    assert.deepEqual(parse('{"registrationId":"a","payload":{"x":[1]}}'), {
      registrationId: 'a',
      payload: { x: [1] },
    })
    const [endorsementKey, storageRootKey] = [RSA_ENDORSEMENT_TEMPLATE, ECC_STORAGE_TEMPLATE].map(encodePublic)
    assert.ok(endorsementKey !== undefined && storageRootKey !== undefined)
    const tpm = { endorsementKey: base64(endorsementKey), storageRootKey: base64(storageRootKey) }
    assert.deepEqual(parse(JSON.stringify({ tpm, csr: 'MII=' })), {
      tpm: { endorsementKey: Buffer.from(endorsementKey), storageRootKey: Buffer.from(storageRootKey) },
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
      ['tpm.endorsementKey', 'tpm.storageRootKey'],
    )
    // No base64, no TPM2B_PUBLIC, one with a byte behind it.
    const key = encodePublic(RSA_ENDORSEMENT_TEMPLATE)
    for (const bad of ['?', 'AA==', base64(Buffer.concat([key, Uint8Array.of(0)])), '']) {
      const tpm = { endorsementKey: base64(key), storageRootKey: bad }
      assert.deepEqual(
        refusal(() => parse(JSON.stringify({ tpm }))).faults.map(({ path }) => path),
        ['tpm.storageRootKey'],
      )
    }
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

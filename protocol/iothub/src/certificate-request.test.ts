import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  certificateStatusOf,
  CSR_CHARACTERS_MAX,
  formatCertificateAccepted,
  formatCertificateError,
  formatCertificateIssued,
  readCertificateRequest,
} from './certificate-request.ts'
import { HubFormatError } from './errors.ts'

const read = (body: unknown, identity = 'pump') =>
  readCertificateRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), identity)

const refusal = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof HubFormatError && error.code === code && text.test(error.message)

test('id, csr and replace are read; csr is taken as it is', () => {
  const csr = Buffer.from([0x30, 0x03, 0x02, 0x01, 0x00])
  assert.deepEqual(read({ id: 'pump', csr: csr.toString('base64') }), { csr: Uint8Array.from(csr) })
  assert.deepEqual(read({ id: 'pump', csr: 'AAAA', replace: '*' }).replace, { kind: 'any' })
  assert.deepEqual(read({ id: 'pump', csr: 'AAAA', replace: null }).replace, undefined)
  assert.deepEqual(read({ id: 'pump', csr: 'AAAA', replace: 'ab-12' }).replace, { kind: 'request', requestId: 'ab-12' })
  assert.ok(read({ id: 'pump/m', csr: 'AAAA' }, 'pump/m'))
})

test('what is wrong is named, and nothing of the body is repeated', () => {
  assert.throws(() => read(''), refusal('bad-certificate-request', /empty/))
  assert.throws(() => read('{"id":"pump","csr":'), refusal('bad-json', /./))
  assert.throws(() => read('["a"]'), refusal('bad-certificate-request', /object/))
  assert.throws(() => read({ id: 'pump', csr: 'AAAA', more: 1 }), refusal('bad-certificate-request', /only the fields/))
  assert.throws(() => read({ id: '', csr: 'AAAA' }), refusal('bad-certificate-request', /id is missing/))
  assert.throws(() => read({ id: 'other', csr: 'AAAA' }), refusal('bad-certificate-request', /not that of the device/))
  assert.throws(() => read({ id: 'pump' }), refusal('bad-certificate-request', /csr is missing/))
  assert.throws(() => read({ id: 'pump', csr: 'not base64!' }), refusal('bad-certificate-request', /no base64/))
  const long = 'A'.repeat(CSR_CHARACTERS_MAX + 4)
  assert.throws(() => read({ id: 'pump', csr: long }), refusal('bad-certificate-request', /more than/))
  for (const replace of ['123', '-abcd', 'abcd-', 'a b c', 7, '']) {
    assert.throws(() => read({ id: 'pump', csr: 'AAAA', replace }), refusal('bad-certificate-request', /replace is/))
  }
  assert.throws(() => read(`{"id":"pump","csr":"AAAA","csr":"BBBB"}`), refusal('bad-json', /./))
})

test('answers have the forms of IoT Hub', () => {
  const at = timestampOf(Date.UTC(2026, 0, 31, 12, 52, 20, 565))
  assert.equal(
    formatCertificateAccepted({ correlationId: 'c', operationExpires: at }),
    '{"correlationId":"c","operationExpires":"2026-01-31T12:52:20.565Z"}',
  )
  assert.equal(
    formatCertificateIssued({ correlationId: 'c', chain: [Uint8Array.of(1), Uint8Array.of(2)] }),
    '{"correlationId":"c","certificates":["AQ==","Ag=="]}',
  )
  const conflict = { errorCode: 409_004, message: 'busy', info: { requestId: '7' } } as const
  assert.equal(
    formatCertificateError(conflict, { trackingId: 't', at }),
    '{"errorCode":409004,"message":"busy","trackingId":"t","timestampUtc":"2026-01-31T12:52:20.565Z","info":{"requestId":"7"}}',
  )
  assert.equal(certificateStatusOf(412_001), 412)
})

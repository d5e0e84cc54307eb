import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PkiError, decodeCertificateInput, decodePem, encodePem } from './index.ts'
import type { PkiErrorCode } from './index.ts'
import { SEED_CERTIFICATES } from './testing/seed-certificates.ts'

const DER = new Uint8Array(Buffer.from(SEED_CERTIFICATES.leaf, 'base64'))
const PEM = encodePem('CERTIFICATE', DER)

function refuses(run: () => unknown, code: PkiErrorCode, about: string): void {
  assert.throws(run, (error) => error instanceof PkiError && error.code === code, about)
}

test('RFC 7468: lines of 64 characters, one label, a line break at the end', () => {
  const lines = PEM.split('\n')
  assert.equal(lines[0], '-----BEGIN CERTIFICATE-----')
  assert.equal(lines[1]?.length, 64)
  assert.equal(lines.at(-2), '-----END CERTIFICATE-----')
  assert.equal(lines.at(-1), '')
})

test('several blocks, text around them, line ends of Windows, other labels', () => {
  const bundle = `subject=/CN=a\r\n${PEM.replaceAll('\n', '\r\n')}${encodePem('PUBLIC KEY', DER)}text\n${PEM}`
  assert.deepEqual(decodePem('CERTIFICATE', bundle), [DER, DER])
  assert.deepEqual(decodePem('CERTIFICATE', PEM.trimEnd()), [DER])
})

test('broken blocks are refused, not passed over', () => {
  const body = PEM.split('\n').slice(1, -2).join('\n')
  for (const [about, text] of [
    ['no block', 'x'],
    ['nothing', ''],
    ['another label', PEM.replaceAll('CERTIFICATE', 'PRIVATE KEY')],
    ['no end', PEM.slice(0, -30)],
    ['another end', PEM.replace('END CERTIFICATE', 'END PUBLIC KEY')],
    ['a good one and half of one', PEM + PEM.slice(0, 100)],
    ['not base64', PEM.replace(body.slice(5, 6), '*')],
    ['padding inside', PEM.replace('\n', '\nAA==\n')],
    ['headers', PEM.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n')],
    ['indented', PEM.replace('-----END', ' -----END')],
  ] as const) {
    refuses(() => decodePem('CERTIFICATE', text), 'bad-pem', about)
  }
  refuses(() => decodePem('CERTIFICATE', PEM.repeat(17)), 'too-large', 'many blocks')
  refuses(() => decodePem('CERTIFICATE', 'x'.repeat(300_000)), 'too-large', 'long text')
})

test('a certificate over REST is PEM, base64 of PEM or base64 of DER', () => {
  const base64 = Buffer.from(DER).toString('base64')
  for (const input of [
    PEM,
    Buffer.from(PEM).toString('base64'),
    base64,
    `${base64.slice(0, 76)}\r\n${base64.slice(76)}\n`,
  ]) {
    assert.deepEqual(decodeCertificateInput(input), DER)
  }
  for (const [about, input] of [
    ['nothing', ''],
    ['something', 'x'],
    ['two certificates', PEM + PEM],
    ['base64 of something', Buffer.from('hello').toString('base64')],
    ['base64url', base64.replaceAll('+', '-').replaceAll('/', '_')],
    ['base64 with stray bits', `${base64.slice(0, 400)}AB==`],
  ] as const) {
    refuses(() => decodeCertificateInput(input), 'bad-pem', about)
  }
  refuses(() => decodeCertificateInput(Buffer.alloc(20_000, 0x30).toString('base64')), 'too-large', 'large DER')
})

test('long lines of one character cost no more than their length', () => {
  const started = performance.now()
  for (const text of [
    '-----BEGIN A-----\n'.repeat(14_000),
    `-----BEGIN A-----\n${'A'.repeat(250_000)}`,
    '\n'.repeat(250_000),
  ]) {
    assert.throws(() => decodePem('CERTIFICATE', text), PkiError)
  }
  assert.ok(performance.now() - started < 2_000)
})

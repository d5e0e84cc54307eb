import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultProfile } from '../profile.ts'
import { identityKeyOf, parseEstAuthorization } from './authorization.ts'
import { decodeEstBody, encodeEstBody } from './body.ts'
import { encodeCsrAttributes } from './csr-attributes.ts'
import { parseEstPath } from './path.ts'

const ROOT = '/.well-known/est'
const DER = Uint8Array.from({ length: 300 }, (_, at) => (at === 0 ? 0x30 : at % 256))

test('addresses are the four operations, with a label before them or without (RFC 7030 §3.2.2)', () => {
  assert.deepEqual(parseEstPath(`${ROOT}/cacerts`), { operation: 'cacerts' })
  assert.deepEqual(parseEstPath(`${ROOT}/gateway/simpleenroll`), { operation: 'simpleenroll', label: 'gateway' })
  for (const path of ['/', ROOT, `${ROOT}/`, `${ROOT}/fullcmc`, `${ROOT}/serverkeygen`, `${ROOT}/a/b/cacerts`]) {
    assert.equal(parseEstPath(path), undefined, path)
  }
  for (const label of ['', 'A', '..', 'a%2Fb', 'a'.repeat(33)]) {
    assert.equal(parseEstPath(`${ROOT}/${label}/cacerts`), undefined, label)
  }
})

test('bodies are base64 in lines; PEM and bare DER are taken too', () => {
  const text = encodeEstBody(DER)
  assert.ok(text.endsWith('\r\n'))
  assert.ok(text.split('\r\n').every((line) => line.length <= 76))
  assert.deepEqual(decodeEstBody(Buffer.from(text)), DER)
  assert.deepEqual(decodeEstBody(Buffer.from(text.replaceAll('\r\n', ''))), DER)
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${text.replaceAll('\r', '')}-----END CERTIFICATE REQUEST-----\n`
  assert.deepEqual(decodeEstBody(Buffer.from(pem)), DER)
  assert.deepEqual(decodeEstBody(Uint8Array.of(0x30, 0x82, 1, 2)), Uint8Array.of(0x30, 0x82, 1, 2))
  for (const bad of ['', '\r\n', 'no=base64', 'QQ', 'QR==', pem + pem, '-----BEGIN X', 'A'.repeat(24_577)]) {
    assert.throws(() => decodeEstBody(Buffer.from(bad)), { code: 'bad-request' }, bad.slice(0, 40))
  }
})

test('a signature comes bare, or as the password of Basic', () => {
  const token = 'SharedAccessSignature sr=h%2Fdevices%2Fd&sig=a%3D&se=1'
  assert.deepEqual(parseEstAuthorization(token), { token })
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
  assert.deepEqual(parseEstAuthorization(basic(`d/m:${token}`)), { user: 'd/m', token })
  for (const header of [
    '',
    'Basic',
    'Basic !',
    basic('d'),
    basic('d:secret'),
    'Bearer x',
    `Basic ${'A'.repeat(5_000)}`,
  ]) {
    assert.equal(parseEstAuthorization(header), undefined, header.slice(0, 20))
  }
  assert.deepEqual(identityKeyOf('d/m'), { deviceId: 'd', moduleId: 'm' })
  for (const text of ['', '/', 'd/', '/m', 'a/b/c', 'a b']) assert.equal(identityKeyOf(text), undefined, text)
})

test('csrattrs names the keys of the profile, in ascending order of their encodings', () => {
  const hex = (keyKinds: Parameters<typeof encodeCsrAttributes>[0]['keyKinds']): string =>
    Buffer.from(encodeCsrAttributes({ keyKinds })).toString('hex')
  assert.equal(hex(['ed25519']), '300506032b6570')
  assert.equal(hex(['P-384', 'P-256']), '301e301c06072a8648ce3d0201311106052b8104002206082a8648ce3d030107')
  const all = Buffer.from(encodeCsrAttributes(defaultProfile()))
  assert.equal(all[1], all.length - 2)
})

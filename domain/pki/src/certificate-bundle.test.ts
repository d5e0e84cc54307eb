import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { encodeCertificateBundle } from './certificate-bundle.ts'
import { parseDer } from './der.ts'
import { decodePem } from './pem.ts'
import { createHierarchy } from './testing/index.ts'

test('a bundle is DER, and holds the certificates in their order', async () => {
  const { root, issuing, device } = await createHierarchy('pump-1')
  const ders = [device, issuing, root].map(({ certificate }) => certificate.der)
  const [, content] = parseDer(encodeCertificateBundle(ders)).children
  const signedData = content?.children[0]
  assert.deepEqual(
    signedData?.children[3]?.children.map(({ bytes }) => Buffer.from(bytes)),
    ders.map((der) => Buffer.from(der)),
  )
})

test('openssl reads the certificates out of a bundle', { skip: requireTool('openssl') }, async () => {
  const { root, issuing, device } = await createHierarchy('pump-1')
  const ders = [device, issuing, root].map(({ certificate }) => certificate.der)
  for (const count of [1, 2, 3]) {
    const printed = execFileSync('openssl', ['pkcs7', '-inform', 'DER', '-print_certs'], {
      input: encodeCertificateBundle(ders.slice(0, count)),
      encoding: 'utf8',
    })
    assert.deepEqual(
      decodePem('CERTIFICATE', printed).map((der) => Buffer.from(der)),
      ders.slice(0, count).map((der) => Buffer.from(der)),
    )
  }
})

test('a bundle of none, or of more than a chain has, is a mistake of the caller', () => {
  assert.throws(() => encodeCertificateBundle([]), TypeError)
  assert.throws(() => encodeCertificateBundle(Array.from({ length: 9 }, () => Uint8Array.of(0x30, 0))), TypeError)
})

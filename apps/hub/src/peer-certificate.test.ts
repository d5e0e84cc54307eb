import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHierarchy } from '@holdfast/pki/testing'
import { readPeerCertificate } from './peer-certificate.ts'

test('a certificate that TLS lets through and we cannot read is no certificate, and no fault of the hub', () => {
  assert.equal(readPeerCertificate([new Uint8Array(16_385)]), undefined, 'longer than we read')
  assert.equal(readPeerCertificate([Uint8Array.of(0x30, 0x03, 0x02, 0x01)]), undefined, 'no DER')
  assert.equal(readPeerCertificate([Uint8Array.of(0x30, 0x00)]), undefined, 'no certificate')
})

test('one that can be read is', async () => {
  const { device, issuing } = await createHierarchy('pump-1')
  const facts = readPeerCertificate([device.certificate.der, issuing.certificate.der])
  assert.equal(facts?.commonName, 'pump-1')
  assert.equal(facts?.chain.length, 2)
})

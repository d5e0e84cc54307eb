import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from '@peculiar/asn1-x509'
import { PkiError, certificateFacts, parseCertificate, summarizeCertificate } from './index.ts'
import type { PkiErrorCode } from './index.ts'
import { TEST_NOW, createHierarchy, createMemorySigner, forgeCertificate } from './testing/index.ts'
import type { Forgery } from './testing/index.ts'
import { SEED_CERTIFICATES } from './testing/seed-certificates.ts'

const signer = createMemorySigner()
const DAY_MS = 86_400_000

async function forge(changes: Partial<Forgery> = {}): Promise<Uint8Array<ArrayBuffer>> {
  return forgeCertificate({
    subject: 'a',
    issuer: 'a',
    spki: signer.publicKey,
    signer,
    notBefore: TEST_NOW,
    notAfter: TEST_NOW + DAY_MS,
    ...changes,
  })
}

function refuses(der: Uint8Array, code: PkiErrorCode, about: string): void {
  assert.throws(
    () => parseCertificate(der),
    (error) => error instanceof PkiError && error.code === code,
    about,
  )
}

test('certificates of openssl are read as OpenSSL reads them', () => {
  for (const [name, text] of Object.entries(SEED_CERTIFICATES)) {
    const der = new Uint8Array(Buffer.from(text, 'base64'))
    const ours = parseCertificate(der)
    const theirs = new X509Certificate(der)
    assert.equal(ours.serialNumber, theirs.serialNumber, name)
    assert.equal(ours.sha1Thumbprint, theirs.fingerprint.replaceAll(':', ''), name)
    assert.equal(ours.sha256Thumbprint, theirs.fingerprint256.replaceAll(':', ''), name)
    assert.equal(ours.notBefore, theirs.validFromDate.getTime(), name)
    assert.equal(ours.notAfter, theirs.validToDate.getTime(), name)
    assert.equal(ours.extensions.isAuthority, theirs.ca, name)
    assert.deepEqual(ours.spki, new Uint8Array(theirs.publicKey.export({ format: 'der', type: 'spki' })), name)
    if (name !== 'leaf') assert.equal(ours.isSignedBy(ours), true, name)
  }
  const root = parseCertificate(Buffer.from(SEED_CERTIFICATES.root, 'base64'))
  assert.equal(parseCertificate(Buffer.from(SEED_CERTIFICATES.leaf, 'base64')).isSignedBy(root), true)
  assert.equal(parseCertificate(Buffer.from(SEED_CERTIFICATES.v1, 'base64')).version, 1)
})

test('the summary for documents, with the most specific part of the name first', async () => {
  const { device, issuing } = await createHierarchy('dev-1')
  const summary = summarizeCertificate(device.certificate.der)
  assert.equal(summary.subjectName, 'CN=dev-1')
  assert.equal(summary.issuerName, 'CN=Test Issuing')
  assert.equal(summary.version, 3)
  assert.match(summary.serialNumber, /^[4-7][0-9A-F]{31}$/)
  assert.match(summary.sha1Thumbprint, /^[0-9A-F]{40}$/)
  assert.match(summary.sha256Thumbprint, /^[0-9A-F]{64}$/)
  const facts = certificateFacts([device.certificate.der, issuing.certificate.der])
  assert.equal(facts.commonName, 'dev-1')
  assert.equal(facts.sha256, summary.sha256Thumbprint)
  assert.equal(facts.chain.length, 2)
  assert.equal(certificateFacts(Array.from({ length: 20 }, () => device.certificate.der)).chain.length, 8)
  assert.throws(() => certificateFacts([]), PkiError)
})

test('names are escaped, so that a value cannot pass for another part', async () => {
  const name = nameWith([
    ['2.5.4.10', { utf8String: 'x, CN=admin + "q"\n' }],
    ['2.5.4.3', { printableString: ' dev-1' }],
    ['1.2.3.4', { utf8String: '#y' }],
  ])
  const certificate = parseCertificate(await forge({ subject: name }))
  assert.equal(certificate.subjectName, '1.2.3.4=\\#y, CN=\\ dev-1, O=x\\, CN\\=admin \\+ \\"q\\"\\0A')
  assert.equal(certificate.commonName, ' dev-1')
})

test('with two common names there is none: two readers could see two devices', async () => {
  const twice = nameWith([
    ['2.5.4.3', { utf8String: 'dev-1' }],
    ['2.5.4.3', { utf8String: 'dev-2' }],
  ])
  assert.equal(parseCertificate(await forge({ subject: twice })).commonName, '')
  assert.equal(parseCertificate(await forge({ subject: new Name([]) })).commonName, '')
  const wide = nameWith([['2.5.4.3', { bmpString: 'dev-ü' }]])
  assert.equal(parseCertificate(await forge({ subject: wide })).commonName, 'dev-ü')
  const nul = nameWith([['2.5.4.3', { utf8String: 'dev-1\0.evil' }]])
  assert.equal(parseCertificate(await forge({ subject: nul })).commonName, 'dev-1\0.evil')
})

test('extensions come once and have their form', async () => {
  const bc = { oid: '2.5.29.19', critical: true }
  const refusesExtension = async (value: string, oid = '2.5.29.19'): Promise<void> => {
    const der = await forge({ extensions: [{ oid, critical: true, value }] })
    assert.throws(() => parseCertificate(der), PkiError, value)
  }
  await refusesExtension('3003010101')
  await refusesExtension('300302010a')
  await refusesExtension('30060101ff0201ff')
  await refusesExtension('30090101ff020101020101')
  await refusesExtension('30060101000201 01'.replace(' ', ''))
  await refusesExtension('3000ff')
  await refusesExtension('04020000', '2.5.29.15')
  await refusesExtension('3000', '2.5.29.37')
  await refusesExtension('300302010a', '2.5.29.37')
  await refusesExtension('020105', '2.5.29.14')
  refuses(
    await forge({
      extensions: [
        { ...bc, value: '3000' },
        { ...bc, value: '30030101ff' },
      ],
    }),
    'bad-certificate',
    'twice',
  )
  const explicitFalse = parseCertificate(await forge({ extensions: [{ ...bc, value: '3003010100' }] }))
  assert.equal(explicitFalse.extensions.isAuthority, false)
  const many = Array.from({ length: 33 }, (_, at) => ({ oid: `1.2.3.${at}`, value: '0500' }))
  refuses(await forge({ extensions: many }), 'too-large', 'many')
})

test('times that do not exist are refused', async () => {
  const der = await forge()
  const at = Buffer.from(der).indexOf(Buffer.from('261102120000Z'))
  assert.ok(at > 0)
  for (const time of [
    '261302120000Z',
    '260230120000Z',
    '261102240000Z',
    '261102126000Z',
    '2611021200+1Z',
    '26110212000 Z',
  ]) {
    const bytes = Buffer.from(der)
    bytes.write(time, at, 'latin1')
    refuses(new Uint8Array(bytes), 'bad-certificate', time)
  }
})

test('what is cut, swollen or something else is refused', async () => {
  const der = await forge()
  for (let length = 0; length < der.length; length += 7) refuses(der.subarray(0, length), 'bad-der', String(length))
  refuses(Buffer.concat([der, Buffer.of(0)]), 'bad-der', 'a byte more')
  refuses(new Uint8Array(Buffer.from('3000', 'hex')), 'bad-certificate', 'empty')
  refuses(new Uint8Array(20_000), 'too-large', 'large')
})

test('the algorithm inside is the algorithm outside (RFC 5280 §4.1.1.2)', async () => {
  const der = Buffer.from(await forge())
  const oid = Buffer.from('2a8648ce3d040302', 'hex')
  const outside = der.lastIndexOf(oid)
  assert.notEqual(outside, der.indexOf(oid))
  der[outside + 7] = 3
  refuses(new Uint8Array(der), 'bad-certificate', 'exchanged')
})

function nameWith(parts: readonly (readonly [string, Partial<AttributeValue>])[]): Name {
  return new Name(
    parts.map(
      ([type, value]) =>
        new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value: new AttributeValue(value) })]),
    ),
  )
}

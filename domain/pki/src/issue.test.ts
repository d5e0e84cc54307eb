import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  DEVICE_CERTIFICATE,
  ISSUING_AUTHORITY,
  KEY_PURPOSE,
  KEY_USAGE,
  PkiError,
  ROOT_AUTHORITY,
  SELF_SIGNED_DEVICE_CERTIFICATE,
  SERVER_CERTIFICATE,
  createCertificationRequest,
  issueCertificate,
  parseCertificate,
  renewalTimeOf,
  validityOf,
  verifyCertificationRequest,
  verifyPossession,
} from './index.ts'
import type { AlternativeName, IssueRequest } from './index.ts'
import { TEST_NOW, createHierarchy, createMemorySigner, forgeCertificate, issue, signerOf } from './testing/index.ts'
import { SEED_REQUEST } from './testing/seed-certificates.ts'

const { root, issuing, device } = await createHierarchy('dev-1')
const DAY_MS = 86_400_000

test('each profile says what it is for', async () => {
  const server = await issue({
    profile: SERVER_CERTIFICATE,
    commonName: 'hub',
    issuer: issuing,
    signer: createMemorySigner('rsa'),
    alternativeNames: [{ kind: 'dns', name: 'HUB.example' }],
  })
  assert.deepEqual(
    [root, issuing, device, server].map(({ certificate: { extensions } }) => [
      extensions.isAuthority,
      extensions.pathLength,
      extensions.keyUsage,
      extensions.keyPurposes,
    ]),
    [
      [true, 1, KEY_USAGE.keyCertSign | KEY_USAGE.crlSign, undefined],
      [true, 0, KEY_USAGE.keyCertSign | KEY_USAGE.crlSign, undefined],
      [false, undefined, KEY_USAGE.digitalSignature, [KEY_PURPOSE.clientAuth]],
      [false, undefined, KEY_USAGE.digitalSignature | KEY_USAGE.keyEncipherment, [KEY_PURPOSE.serverAuth]],
    ],
  )
  assert.equal(device.certificate.extensions.authorityKeyId, issuing.certificate.extensions.subjectKeyId)
  assert.ok(Buffer.from(server.certificate.der).includes('hub.example'))
})

test('validity begins five minutes early, in whole seconds, and never outlives the issuer', () => {
  const now = timestampOf(TEST_NOW + 123)
  const own = validityOf(SERVER_CERTIFICATE, now, undefined)
  assert.equal(own.notBefore, TEST_NOW - 300_000)
  assert.equal(own.notAfter, TEST_NOW + 90 * DAY_MS)
  const late = timestampOf(issuing.certificate.notAfter - DAY_MS)
  assert.equal(validityOf(SERVER_CERTIFICATE, late, issuing.certificate).notAfter, issuing.certificate.notAfter)
  assert.equal(renewalTimeOf({ notBefore: timestampOf(0), notAfter: timestampOf(90 * DAY_MS) }), 60 * DAY_MS)
})

test('an issuer does not issue what it may not: the caller has a bug', async () => {
  const signer = createMemorySigner()
  const request: IssueRequest = {
    profile: DEVICE_CERTIFICATE,
    subject: { commonName: 'd' },
    spki: signer.publicKey,
    issuer: issuing.certificate,
    signer: issuing.signer,
    serialNumber: new Uint8Array(16).fill(1),
    validity: validityOf(DEVICE_CERTIFICATE, TEST_NOW, issuing.certificate),
  }
  await issueCertificate(request)
  const changes: readonly (readonly [string, Partial<IssueRequest>])[] = [
    ['issued by a device', { issuer: device.certificate, signer: device.signer }],
    ['signed by another', { signer: root.signer }],
    ['an authority below the path length', { profile: ISSUING_AUTHORITY }],
    ['a device that signs itself', { issuer: undefined, signer }],
    ['a root signed by another', { profile: ROOT_AUTHORITY, issuer: undefined, signer: root.signer }],
    ['past the issuer', { validity: { notBefore: TEST_NOW, notAfter: timestampOf(TEST_NOW + 20_000 * DAY_MS) } }],
    ['backwards', { validity: { notBefore: TEST_NOW, notAfter: TEST_NOW } }],
    ['a short serial number', { serialNumber: new Uint8Array(7) }],
    ['a long serial number', { serialNumber: new Uint8Array(21) }],
    ['no name', { subject: { commonName: '' } }],
    ['a long name', { subject: { commonName: 'x'.repeat(129) } }],
    ['alternative names of a device', { alternativeNames: [{ kind: 'dns', name: 'x' }] }],
    ['a server without names', { profile: SERVER_CERTIFICATE }],
  ]
  for (const [about, change] of changes) {
    await assert.rejects(issueCertificate({ ...request, ...change }), TypeError, about)
  }
})

test('a device known by its thumbprint signs itself, and is no authority by that', async () => {
  const { certificate, signer } = await issue({ profile: SELF_SIGNED_DEVICE_CERTIFICATE, commonName: 'dev-1' })
  assert.equal(certificate.isSignedBy(certificate), true)
  assert.equal(certificate.extensions.isAuthority, false)
  await assert.rejects(
    issue({ profile: DEVICE_CERTIFICATE, commonName: 'd', issuer: { certificate, signer } }),
    TypeError,
  )
})

test('weak keys get no certificate, and a signer that signs with another key is found out', async () => {
  const request: IssueRequest = {
    profile: DEVICE_CERTIFICATE,
    subject: { commonName: 'd' },
    spki: signerOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }), 'rsa-sha256').publicKey,
    issuer: issuing.certificate,
    signer: issuing.signer,
    serialNumber: new Uint8Array(16),
    validity: validityOf(DEVICE_CERTIFICATE, TEST_NOW, issuing.certificate),
  }
  const isCode = (code: string) => (error: unknown) => error instanceof PkiError && error.code === code
  await assert.rejects(issueCertificate(request), isCode('weak-key'))
  const spki = createMemorySigner().publicKey
  const false1 = { ...issuing.signer, sign: createMemorySigner().sign }
  await assert.rejects(issueCertificate({ ...request, spki, signer: false1 }), isCode('bad-signature'))
  const false2 = { ...issuing.signer, sign: () => Promise.resolve(new Uint8Array(0)) }
  await assert.rejects(issueCertificate({ ...request, spki, signer: false2 }), isCode('bad-signature'))
})

test('alternative names are host names and addresses', async () => {
  const withName = (name: AlternativeName): Promise<unknown> =>
    issue({ profile: SERVER_CERTIFICATE, commonName: 'x', issuer: issuing, alternativeNames: [name] })
  for (const name of ['localhost', '*.example', 'a.b-c.example', 'xn--bcher-kva.example', 'my_host']) {
    await withName({ kind: 'dns', name })
  }
  for (const address of ['127.0.0.1', '::1', 'fe80::1:2', '2001:db8:0:0:0:0:0:1', '::']) {
    await withName({ kind: 'ip', address })
  }
  for (const name of ['', '.', 'a..b', 'a b', 'bücher', '-a', 'a-', '*', 'a.*', `${'x'.repeat(64)}.y`, 'a\0b', 'a,b']) {
    await assert.rejects(withName({ kind: 'dns', name }), TypeError, name)
  }
  for (const address of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '::1::',
    '1:2:3',
    '::ffff:1.2.3.4',
    'fe80::1%eth0',
    'g::',
    '1::2::3',
  ]) {
    await assert.rejects(withName({ kind: 'ip', address }), TypeError, address)
  }
})

test('serial numbers are positive and keep their length', async () => {
  for (const fill of [0, 0x7f, 0x80, 0xff]) {
    const der = await issueCertificate({
      profile: DEVICE_CERTIFICATE,
      subject: { commonName: 'd', organization: 'Örg' },
      spki: createMemorySigner().publicKey,
      issuer: issuing.certificate,
      signer: issuing.signer,
      serialNumber: new Uint8Array(20).fill(fill),
      validity: validityOf(DEVICE_CERTIFICATE, TEST_NOW, issuing.certificate),
    })
    const certificate = parseCertificate(der)
    assert.match(certificate.serialNumber, /^[4-7][0-9A-F]{39}$/)
    assert.equal(certificate.subjectName, 'CN=d, O=Örg')
  }
})

test('a request proves that its sender holds the key', async () => {
  for (const kind of ['P-256', 'P-384', 'ed25519', 'rsa'] as const) {
    const signer = createMemorySigner(kind)
    const request = verifyCertificationRequest(await createCertificationRequest({ commonName: 'dev-1' }, signer))
    assert.equal(request.commonName, 'dev-1')
    assert.equal(request.keyKind, kind)
    assert.deepEqual(request.spki, signer.publicKey)
  }
  const openssl = verifyCertificationRequest(Buffer.from(SEED_REQUEST, 'base64'))
  assert.equal(openssl.subjectName, 'CN=dev-1, O=Seed')
  const lying = { ...createMemorySigner(), publicKey: createMemorySigner().publicKey }
  await assert.rejects(createCertificationRequest({ commonName: 'x' }, lying), PkiError)
  assert.throws(() => verifyCertificationRequest(device.certificate.der), PkiError)
  assert.throws(() => verifyCertificationRequest(new Uint8Array(20_000)), PkiError)
  const weak = signerOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }), 'rsa-sha256')
  await assert.rejects(createCertificationRequest({ commonName: 'x' }, weak), PkiError)
})

test('possession is proved by a certificate for the nonce, signed by the authority', async () => {
  const nonce = 'B1A7'.repeat(12)
  const proof = await forgeCertificate({
    subject: nonce,
    issuer: 'Test Root',
    spki: createMemorySigner().publicKey,
    signer: root.signer,
    notBefore: 0,
    notAfter: 1_000,
  })
  const authority = root.certificate
  assert.deepEqual(verifyPossession({ authority, proof, nonce }), { kind: 'proved' })
  const refused = (claim: { proof?: Uint8Array; nonce?: string; authority?: typeof authority }): string => {
    const verdict = verifyPossession({ authority, proof, nonce, ...claim })
    return verdict.kind === 'refused' ? verdict.reason : verdict.kind
  }
  assert.equal(refused({ nonce: 'other' }), 'wrong-nonce')
  assert.equal(refused({ nonce: nonce.toLowerCase() }), 'wrong-nonce')
  assert.equal(refused({ authority: issuing.certificate }), 'wrong-issuer')
  assert.equal(refused({ authority: (await createHierarchy('x')).root.certificate }), 'bad-signature')
  assert.equal(refused({ proof: new Uint8Array(3) }), 'malformed')
  assert.throws(() => verifyPossession({ authority, proof, nonce: '' }), TypeError)
})

test('a new key of the same name takes no room on the path (RFC 5280 §4.2.1.9), another authority does', async () => {
  const next = await issue({ profile: ROOT_AUTHORITY, commonName: root.certificate.commonName })
  const request: IssueRequest = {
    profile: ROOT_AUTHORITY,
    subject: { commonName: root.certificate.commonName },
    spki: next.certificate.spki,
    issuer: root.certificate,
    signer: root.signer,
    serialNumber: new Uint8Array(16).fill(1),
    validity: validityOf(ROOT_AUTHORITY, TEST_NOW, root.certificate),
  }
  const cross = parseCertificate(await issueCertificate(request))
  assert.equal(cross.isSelfIssued, true)
  assert.equal(cross.isSignedBy(root.certificate), true)
  assert.deepEqual(cross.spki, next.certificate.spki)
  await assert.rejects(issueCertificate({ ...request, subject: { commonName: 'another root' } }), TypeError)
  const longer = { ...ROOT_AUTHORITY, authority: { pathLength: 2 } }
  await assert.rejects(issueCertificate({ ...request, profile: longer }), TypeError)
})

test('a certificate says where its issuer publishes (RFC 5280 §4.2.1.13, §4.2.2.1), when that is a URL', async () => {
  const signer = createMemorySigner()
  const request: IssueRequest = {
    profile: DEVICE_CERTIFICATE,
    subject: { commonName: 'd' },
    spki: signer.publicKey,
    issuer: issuing.certificate,
    signer: issuing.signer,
    serialNumber: new Uint8Array(16).fill(1),
    validity: validityOf(DEVICE_CERTIFICATE, TEST_NOW, issuing.certificate),
  }
  const publication = {
    revocationList: 'https://hub.example/a.crl',
    ocsp: 'https://hub.example/ocsp',
    issuer: 'https://hub.example/a.crt',
  }
  const x509 = new X509Certificate(await issueCertificate({ ...request, publication }))
  assert.equal(
    x509.infoAccess?.trim(),
    'OCSP - URI:https://hub.example/ocsp\nCA Issuers - URI:https://hub.example/a.crt',
  )
  assert.ok(Buffer.from(x509.raw).includes('https://hub.example/a.crl'))
  for (const bad of ['', 'hub', 'https://hub.example/ä', 'https://hub.example/a b', `https://h/${'x'.repeat(1_024)}`]) {
    await assert.rejects(issueCertificate({ ...request, publication: { ...publication, ocsp: bad } }), TypeError, bad)
  }
})

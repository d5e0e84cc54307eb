import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  DEVICE_CERTIFICATE,
  ISSUING_AUTHORITY,
  ROOT_AUTHORITY,
  SERVER_CERTIFICATE,
  checkAuthority,
  parseCertificate,
  verifyChain,
} from './index.ts'
import type { Certificate, ChainRefusal, ChainVerdict } from './index.ts'
import { TEST_NOW, createHierarchy, createMemorySigner, forgeCertificate, issue, signerOf } from './testing/index.ts'
import type { Forgery, MemorySigner } from './testing/index.ts'
import { SEED_CERTIFICATES } from './testing/seed-certificates.ts'

const DAY_MS = 86_400_000
const { root, issuing, device } = await createHierarchy('dev-1')

function refused(verdict: ChainVerdict, reason: ChainRefusal, about: string = reason): void {
  assert.deepEqual(verdict, { kind: 'untrusted', reason }, about)
}

function verify(
  leaf: Uint8Array | Certificate,
  intermediates: readonly (Uint8Array | Certificate)[],
  anchors: readonly Certificate[],
  now: number = TEST_NOW,
): ChainVerdict {
  const ders = intermediates.map((one) => (one instanceof Uint8Array ? one : one.der))
  return verifyChain({ leaf, intermediates: ders, anchors, now: timestampOf(now) })
}

/** DER of extensions in hex. */
const CA = { oid: '2.5.29.19', critical: true, value: '30030101ff' }
const caWith = (pathLength: number): typeof CA => ({ ...CA, value: `30060101ff02010${pathLength}` })
const NO_CA = { oid: '2.5.29.19', critical: true, value: '3000' }
const usage = (bits: string): typeof CA => ({ oid: '2.5.29.15', critical: true, value: bits })
const SIGNS_CERTIFICATES = usage('03020106')
const SIGNS_CRLS = usage('03020102')
const DIGITAL_SIGNATURE = usage('03020780')
const KEY_ENCIPHERMENT = usage('03020520')
const CLIENT_AUTH = { oid: '2.5.29.37', critical: false, value: '300a06082b06010505070302' }
const SERVER_AUTH = { oid: '2.5.29.37', critical: false, value: '300a06082b06010505070301' }
const ANY_PURPOSE = { oid: '2.5.29.37', critical: false, value: '30060604551d2500' }

interface Party {
  readonly certificate: Certificate
  readonly signer: MemorySigner
}

async function forge(subject: string, issuer: Party | undefined, changes: Partial<Forgery> = {}): Promise<Party> {
  const own = createMemorySigner()
  const der = await forgeCertificate({
    subject,
    issuer: issuer === undefined ? subject : issuer.certificate.commonName,
    spki: own.publicKey,
    signer: issuer?.signer ?? own,
    notBefore: TEST_NOW - DAY_MS,
    notAfter: TEST_NOW + DAY_MS,
    ...changes,
  })
  return { certificate: parseCertificate(der), signer: own }
}

test('a leaf with its intermediates leads to a root, in any order and with others among them', async () => {
  const other = await createHierarchy('other')
  const verdict = verify(
    device.certificate,
    [other.issuing.certificate, root.certificate, new Uint8Array([1]), issuing.certificate],
    [other.root.certificate, root.certificate],
  )
  assert.equal(verdict.kind, 'trusted')
  assert.ok(verdict.kind === 'trusted')
  assert.equal(verdict.anchor, 1)
  assert.deepEqual(
    verdict.path.map((certificate) => certificate.commonName),
    ['dev-1', 'Test Issuing', 'Test Root'],
  )
})

test('an intermediate may be the anchor, and the root need not be there', () => {
  assert.equal(verify(device.certificate, [], [issuing.certificate]).kind, 'trusted')
  assert.equal(verify(device.certificate.der, [root.certificate], [issuing.certificate]).kind, 'trusted')
})

test('keys and algorithms of every kind that we take', async () => {
  for (const kind of ['P-256', 'P-384', 'P-521', 'ed25519', 'rsa'] as const) {
    const authority = await issue({ profile: ROOT_AUTHORITY, commonName: kind, signer: createMemorySigner(kind) })
    const leaf = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'd', issuer: authority })
    assert.equal(verify(leaf.certificate, [], [authority.certificate]).kind, 'trusted', kind)
  }
  const pss = parseCertificate(Buffer.from(SEED_CERTIFICATES.pss, 'base64'))
  assert.equal(pss.isSignedBy(pss), true, 'RSASSA-PSS')
})

test('a certificate of version 1 may be a leaf, never an issuer', async () => {
  const leaf = await forge('d', root, { version: 1 })
  assert.equal(verify(leaf.certificate, [], [root.certificate]).kind, 'trusted')
  const old = await forge('old', undefined, { version: 1 })
  const below = await forge('d', old)
  refused(verify(below.certificate, [], [old.certificate]), 'not-an-authority')
})

test('without a way to an anchor there is no trust', async () => {
  refused(verify(device.certificate, [], [root.certificate]), 'no-path')
  refused(verify(device.certificate, [issuing.certificate], []), 'no-path')
  const other = await createHierarchy('dev-1')
  const verdict = verify(device.certificate, [issuing.certificate], [other.root.certificate])
  assert.equal(verdict.kind, 'untrusted')
  const self = await forge('dev-1', undefined, { extensions: [CA] })
  refused(verify(self.certificate, [], [root.certificate]), 'no-path')
  refused(verify(self.certificate, [self.certificate], [root.certificate]), 'no-path')
})

test('§6.1.3(a)(1): a name that fits does not stand for a signature', async () => {
  const impostor = await forge('Test Root', undefined, { extensions: [CA] })
  const leaf = await forge('dev-1', impostor)
  refused(verify(leaf.certificate, [], [root.certificate]), 'bad-signature')
  refused(verify(leaf.certificate, [impostor.certificate], [root.certificate]), 'bad-signature')
  const bytes = Buffer.from(device.certificate.der)
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) ^ 1
  refused(verify(new Uint8Array(bytes), [issuing.certificate], [root.certificate]), 'bad-signature')
})

test('an anchor that is presented as a device is refused', () => {
  refused(verify(root.certificate, [], [root.certificate]), 'leaf-is-anchor')
  refused(verify(issuing.certificate.der, [], [root.certificate, issuing.certificate]), 'leaf-is-anchor')
})

test('§6.1.3(a)(2): every certificate on the path is in its time, both ends included', async () => {
  const { notBefore, notAfter } = device.certificate
  assert.equal(verify(device.certificate, [issuing.certificate], [root.certificate], notBefore).kind, 'trusted')
  assert.equal(verify(device.certificate, [issuing.certificate], [root.certificate], notAfter).kind, 'trusted')
  refused(verify(device.certificate, [issuing.certificate], [root.certificate], notAfter + 1), 'expired')
  refused(verify(device.certificate, [issuing.certificate], [root.certificate], notBefore - 1), 'not-yet-valid')
  const past = await forge('past', root, { extensions: [CA], notAfter: TEST_NOW - 1_000 })
  const leaf = await forge('d', past)
  refused(verify(leaf.certificate, [past.certificate], [root.certificate]), 'expired')
  refused(verify(leaf.certificate, [], [past.certificate]), 'expired', 'an anchor too')
})

test('§6.1.4(k): issuers are authorities by basicConstraints', async () => {
  const noAuthority = await forge('x', root, { extensions: [NO_CA] })
  const silent = await forge('y', root)
  for (const issuer of [noAuthority, silent, device]) {
    const leaf = await forge('d', issuer)
    const way = issuer === device ? [issuing.certificate] : []
    refused(verify(leaf.certificate, [issuer.certificate, ...way], [root.certificate]), 'not-an-authority')
  }
})

test('§6.1.4(m): the path length counts intermediates, self-issued ones not', async () => {
  const top = await forge('top', undefined, { extensions: [caWith(0), SIGNS_CERTIFICATES] })
  const middle = await forge('middle', top, { extensions: [CA] })
  const leaf = await forge('d', middle)
  refused(verify(leaf.certificate, [middle.certificate], [top.certificate]), 'path-length')
  assert.equal(verify((await forge('d', top)).certificate, [], [top.certificate]).kind, 'trusted')
  // A roll-over certificate of the authority itself: same name, new key.
  const rolled = await forge('top', top, { extensions: [CA] })
  assert.equal(verify((await forge('d', rolled)).certificate, [rolled.certificate], [top.certificate]).kind, 'trusted')
})

test('§6.1.4(n): an issuer whose key usage leaves out keyCertSign is refused', async () => {
  const crlSigner = await forge('x', root, { extensions: [CA, SIGNS_CRLS] })
  const leaf = await forge('d', crlSigner)
  refused(verify(leaf.certificate, [crlSigner.certificate], [root.certificate]), 'key-usage')
})

test('a leaf must be able to prove itself in TLS', async () => {
  const leafWith = async (...extensions: readonly (typeof CA)[]): Promise<ChainVerdict> =>
    verify((await forge('d', root, { extensions })).certificate, [], [root.certificate])
  assert.equal((await leafWith(DIGITAL_SIGNATURE, CLIENT_AUTH)).kind, 'trusted')
  assert.equal((await leafWith(ANY_PURPOSE)).kind, 'trusted')
  refused(await leafWith(KEY_ENCIPHERMENT), 'key-usage')
  refused(await leafWith(SERVER_AUTH), 'extended-key-usage')
})

test('an extended key usage of an issuer narrows what it issues', async () => {
  const servers = await forge('servers', root, { extensions: [CA, SERVER_AUTH] })
  const leaf = await forge('d', servers)
  refused(verify(leaf.certificate, [servers.certificate], [root.certificate]), 'extended-key-usage')
})

test('server certificates are for servers', async () => {
  const server = await issue({
    profile: SERVER_CERTIFICATE,
    commonName: 'hub',
    issuer: issuing,
    alternativeNames: [{ kind: 'dns', name: 'hub.example' }],
  })
  const chain = { leaf: server.certificate, intermediates: [issuing.certificate.der], anchors: [root.certificate] }
  refused(verifyChain({ ...chain, now: TEST_NOW }), 'extended-key-usage')
  assert.equal(verifyChain({ ...chain, now: TEST_NOW, purpose: 'server' }).kind, 'trusted')
})

test('§6.1.4(o): critical extensions that we do not process end the path, others do not', async () => {
  const unknown = { oid: '1.2.3.4.5', critical: true, value: '0500' }
  const policyConstraints = { oid: '2.5.29.36', critical: false, value: '3003800100' }
  const leafWith = async (extension: typeof CA): Promise<ChainVerdict> =>
    verify((await forge('d', root, { extensions: [extension] })).certificate, [], [root.certificate])
  assert.equal((await leafWith({ ...unknown, critical: false })).kind, 'trusted')
  refused(await leafWith(unknown), 'critical-extension')
  // What narrows counts even where the CA forgot to mark it.
  const issuer = await forge('x', root, { extensions: [CA, policyConstraints] })
  const leaf = await forge('d', issuer)
  refused(verify(leaf.certificate, [issuer.certificate], [root.certificate]), 'policy')
})

test('signatures with SHA-1 and MD5 are refused, on an anchor nobody looks at its own', async () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const strong = signerOf(pair, 'rsa-sha256')
  const weakly = (hash: 'sha1' | 'md5'): Forgery['signer'] => ({
    algorithm: `rsa-${hash}`,
    sign: (bytes) => Promise.resolve(new Uint8Array(sign(hash, bytes, pair.privateKey))),
  })
  const authority = await forge('old', undefined, {
    spki: strong.publicKey,
    signer: weakly('sha1'),
    extensions: [CA],
  })
  const party = { certificate: authority.certificate, signer: strong }
  assert.equal(verify((await forge('d', party)).certificate, [], [authority.certificate]).kind, 'trusted')
  for (const hash of ['sha1', 'md5'] as const) {
    const leaf = await forge('d', party, { signer: weakly(hash) })
    refused(verify(leaf.certificate, [], [authority.certificate]), 'weak-signature', hash)
  }
})

test('weak keys are refused wherever they stand on the path', async () => {
  const weak = signerOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }), 'rsa-sha256')
  const weakLeaf = await forge('d', root, { spki: weak.publicKey })
  refused(verify(weakLeaf.certificate, [], [root.certificate]), 'weak-key')
  const middle = await forge('x', root, { spki: weak.publicKey, extensions: [CA] })
  const leaf = await forge('d', { certificate: middle.certificate, signer: weak })
  refused(verify(leaf.certificate, [middle.certificate], [root.certificate]), 'weak-key')
})

test('paths over eight certificates, chains over eight and searches without end are refused', async () => {
  const parties = [await forge('c0', undefined, { extensions: [CA] })]
  for (let at = 1; at <= 8; at += 1) {
    parties.push(await forge(`c${at}`, parties[at - 1], { extensions: [CA] }))
  }
  const certificates = parties.map((party) => party.certificate)
  const [anchor] = certificates
  const leaf = certificates[7]
  const deeper = certificates[8]
  assert.ok(anchor !== undefined && leaf !== undefined && deeper !== undefined)
  assert.equal(verify(leaf, certificates.slice(1, 7), [anchor]).kind, 'trusted')
  refused(verify(deeper, certificates.slice(1, 8), [anchor]), 'too-deep')
  const many = Array.from({ length: 8 }, () => issuing.certificate)
  refused(verify(device.certificate, many, [root.certificate]), 'too-many-certificates')
  // Seven authorities of one name that sign each other make thousands of paths.
  const signer = createMemorySigner()
  const knot: Uint8Array[] = []
  for (let at = 0; at < 7; at += 1) {
    knot.push(
      await forgeCertificate({
        subject: 'knot',
        issuer: 'knot',
        spki: signer.publicKey,
        signer,
        notBefore: TEST_NOW - at,
        notAfter: TEST_NOW + DAY_MS,
        extensions: [CA, { oid: `1.2.3.${at}`, value: '0500' }],
      }),
    )
  }
  const end = await forgeCertificate({
    subject: 'd',
    issuer: 'knot',
    spki: signer.publicKey,
    signer,
    notBefore: TEST_NOW,
    notAfter: TEST_NOW + DAY_MS,
  })
  refused(verify(end, knot, [root.certificate]), 'too-many-checks')
})

test('a leaf that cannot be read is malformed; unreadable company is passed over', () => {
  refused(verify(new Uint8Array(0), [], [root.certificate]), 'malformed')
  refused(verify(new Uint8Array(50_000), [], [root.certificate]), 'malformed')
  const company = [new Uint8Array(0), new Uint8Array(9), issuing.certificate]
  assert.equal(verify(device.certificate, company, [root.certificate]).kind, 'trusted')
})

test('of two ways to two anchors, the one that holds is found', async () => {
  // The same authority, cross-signed: once by a root that has ended, once by one that has not.
  const ended = await forge('ended', undefined, { extensions: [CA], notAfter: TEST_NOW - 1_000 })
  const bridge = createMemorySigner()
  const crossed = await forge('bridge', ended, { spki: bridge.publicKey, extensions: [CA] })
  const direct = await forge('bridge', root, { spki: bridge.publicKey, extensions: [CA] })
  const leaf = await forge('d', { certificate: direct.certificate, signer: bridge })
  const verdict = verify(
    leaf.certificate,
    [crossed.certificate, direct.certificate],
    [ended.certificate, root.certificate],
  )
  assert.equal(verdict.kind === 'trusted' && verdict.anchor, 1)
})

test('what may become an anchor', async () => {
  assert.equal(checkAuthority(root.certificate, TEST_NOW), undefined)
  assert.equal(checkAuthority(issuing.certificate, TEST_NOW), undefined)
  assert.deepEqual(checkAuthority(device.certificate, TEST_NOW), { reason: 'not-an-authority' })
  assert.deepEqual(checkAuthority(root.certificate, timestampOf(0)), { reason: 'not-yet-valid' })
  const server = await issue({
    profile: ISSUING_AUTHORITY,
    commonName: 'x',
    issuer: root,
    validity: { notBefore: TEST_NOW, notAfter: timestampOf(TEST_NOW + 1_000) },
  })
  assert.deepEqual(checkAuthority(server.certificate, timestampOf(TEST_NOW + 2_000)), { reason: 'expired' })
})

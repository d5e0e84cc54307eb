/** Our verdicts beside those of the `openssl` command, over hierarchies of many kinds. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { requireTool } from '@holdfast/testing-tidy'
import {
  SERVER_CERTIFICATE,
  createCertificationRequest,
  decodePem,
  encodePem,
  parseCertificate,
  verifyCertificationRequest,
  verifyChain,
} from './index.ts'
import { TEST_NOW, createHierarchy, createMemorySigner, forgeCertificate, issue } from './testing/index.ts'
import type { Forgery } from './testing/index.ts'

const skip = requireTool('openssl')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-pki-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

function openssl(...parameters: readonly string[]): { readonly isOk: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', parameters, { encoding: 'utf8', timeout: 10_000 })
  return { isOk: status === 0, text: stdout + stderr }
}

const pem = (der: Uint8Array): string => encodePem('CERTIFICATE', der)
const AT = ['-attime', String(TEST_NOW / 1000)]

test('openssl verifies what we issue, and reads our requests', { skip }, async () => {
  const { root, issuing, device } = await createHierarchy('dev-1')
  const server = await issue({
    profile: SERVER_CERTIFICATE,
    commonName: 'hub',
    issuer: issuing,
    alternativeNames: [
      { kind: 'dns', name: 'hub.example' },
      { kind: 'ip', address: '2001:db8::1' },
    ],
  })
  const anchor = write('root.pem', pem(root.certificate.der))
  const between = write('issuing.pem', pem(issuing.certificate.der))
  const chain = ['-x509_strict', '-CAfile', anchor, '-untrusted', between, ...AT]
  for (const [purpose, certificate, name] of [
    ['sslclient', device.certificate, []],
    ['sslserver', server.certificate, ['-verify_hostname', 'hub.example']],
    ['sslserver', server.certificate, ['-verify_ip', '2001:db8::1']],
  ] as const) {
    const verdict = openssl('verify', ...chain, '-purpose', purpose, ...name, write('leaf.pem', pem(certificate.der)))
    assert.ok(verdict.isOk, verdict.text)
  }
  const request = encodePem(
    'CERTIFICATE REQUEST',
    await createCertificationRequest({ commonName: 'dev-1' }, createMemorySigner('P-384')),
  )
  const read = openssl('req', '-noout', '-verify', '-in', write('request.pem', request))
  assert.ok(read.isOk, read.text)
})

test('we read what openssl makes', { skip }, () => {
  const key = join(folder, 'key.pem')
  assert.ok(openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key).isOk)
  const made = openssl('req', '-x509', '-new', '-key', key, '-subj', '/C=DE/O=Example/CN=dev-1', '-days', '2')
  const [der] = decodePem('CERTIFICATE', made.text)
  assert.ok(der !== undefined)
  const certificate = parseCertificate(der)
  assert.equal(certificate.subjectName, 'CN=dev-1, O=Example, C=DE')
  assert.equal(certificate.isSignedBy(certificate), true)
  const [request] = decodePem('CERTIFICATE REQUEST', openssl('req', '-new', '-key', key, '-subj', '/CN=dev-2').text)
  assert.ok(request !== undefined)
  assert.equal(verifyCertificationRequest(request).commonName, 'dev-2')
})

type Extension = NonNullable<Forgery['extensions']>[number]

const basic = (value: string): Extension => ({ oid: '2.5.29.19', critical: true, value })
const usage = (value: string): Extension => ({ oid: '2.5.29.15', critical: true, value })
const purpose = (last: string): Extension => ({ oid: '2.5.29.37', value: `300a06082b060105050703${last}` })
const CA = basic('30030101ff')
const CERT_SIGN = usage('03020106')

/** What a middle authority, and what a leaf may look like. */
const MIDDLES: readonly (readonly Extension[])[] = [
  [CA, CERT_SIGN],
  [CA],
  [basic('30060101ff020100'), CERT_SIGN],
  [basic('30060101ff020101')],
  [basic('3000')],
  [],
  [CA, usage('03020102')],
  [CA, CERT_SIGN, purpose('02')],
  [CA, CERT_SIGN, purpose('01')],
  [CA, { oid: '1.2.3.4', critical: true, value: '0500' }],
  [CA, { oid: '1.2.3.4', value: '0500' }],
]
const LEAVES: readonly (readonly Extension[])[] = [
  [],
  [usage('03020780'), purpose('02')],
  [usage('03020520')],
  [purpose('01')],
  [CA],
  [{ oid: '1.2.3.4', critical: true, value: '0500' }],
]

test('over many hierarchies, we trust exactly what openssl trusts', { skip }, async () => {
  const DAY_MS = 86_400_000
  const dates = { notBefore: TEST_NOW - DAY_MS, notAfter: TEST_NOW + DAY_MS }
  const [rootKey, upperKey, lowerKey, leafKey] = [0, 1, 2, 3].map(() => createMemorySigner('P-256'))
  assert.ok(rootKey !== undefined && upperKey !== undefined && lowerKey !== undefined && leafKey !== undefined)
  const root = await forgeCertificate({
    subject: 'root',
    issuer: 'root',
    spki: rootKey.publicKey,
    signer: rootKey,
    extensions: [CA, CERT_SIGN],
    ...dates,
  })
  const anchors = [parseCertificate(root)]
  const anchor = write('anchor.pem', pem(root))
  const differences: string[] = []
  let trusted = 0
  let refused = 0
  for (const [at, middle] of MIDDLES.entries()) {
    const upper = await forgeCertificate({
      subject: 'upper',
      issuer: 'root',
      spki: upperKey.publicKey,
      signer: rootKey,
      extensions: middle,
      ...dates,
    })
    const lower = await forgeCertificate({
      subject: 'lower',
      issuer: 'upper',
      spki: lowerKey.publicKey,
      signer: upperKey,
      extensions: [CA],
      ...dates,
    })
    const files: string[] = []
    const verdicts: string[] = []
    for (const [index, extensions] of LEAVES.entries()) {
      // Half of the leaves stand below one authority more, which is what path lengths count.
      const isDeep = index % 2 === 1 || at === 2
      const leaf = await forgeCertificate({
        subject: 'leaf',
        issuer: isDeep ? 'lower' : 'upper',
        spki: leafKey.publicKey,
        signer: isDeep ? lowerKey : upperKey,
        extensions,
        ...dates,
      })
      const verdict = verifyChain({ leaf, intermediates: [lower, upper], anchors, now: TEST_NOW })
      verdicts.push(verdict.kind === 'trusted' ? 'trusted' : verdict.reason)
      files.push(write(`leaf-${index}.pem`, pem(leaf)))
    }
    const between = write('between.pem', pem(lower) + pem(upper))
    const theirs = openssl('verify', '-CAfile', anchor, '-untrusted', between, '-purpose', 'sslclient', ...AT, ...files)
    for (const [index, file] of files.entries()) {
      const isTheirs = theirs.text.includes(`${file}: OK`)
      const ours = verdicts[index] ?? ''
      if (isTheirs) trusted += 1
      else refused += 1
      if (isTheirs !== (ours === 'trusted')) differences.push(`middle ${at}, leaf ${index}: ours ${ours}`)
    }
  }
  assert.deepEqual(differences, [])
  assert.ok(trusted > 10 && refused > 10, `${trusted} trusted, ${refused} refused`)
})

test('before, in and after the time of each certificate of a path, as openssl has it', { skip }, async () => {
  const { root, issuing, device } = await createHierarchy('dev-1')
  const anchor = write('times-root.pem', pem(root.certificate.der))
  const between = write('times-issuing.pem', pem(issuing.certificate.der))
  const leaf = write('times-leaf.pem', pem(device.certificate.der))
  const ends = [root, issuing, device].flatMap(({ certificate }) => [certificate.notBefore, certificate.notAfter])
  // Not the very second of an end: RFC 5280 §4.1.2.5 has it belong to the validity, OpenSSL does not.
  const moments = new Set(ends.flatMap((end) => [end - 1_000, end + 1_000]))
  let refused = 0
  for (const moment of moments) {
    const chain = { leaf: device.certificate, intermediates: [issuing.certificate.der], anchors: [root.certificate] }
    const ours = verifyChain({ ...chain, now: timestampOf(moment) })
    const at = ['-attime', String(moment / 1_000), '-CAfile', anchor, '-untrusted', between]
    const theirs = openssl('verify', ...at, leaf)
    assert.equal(ours.kind === 'trusted', theirs.isOk, `${new Date(moment).toISOString()} ${theirs.text}`)
    if (ours.kind === 'trusted') continue
    refused += 1
    assert.match(theirs.text, ours.reason === 'expired' ? /has expired/ : /not yet valid/)
  }
  assert.ok(refused >= 4)
})

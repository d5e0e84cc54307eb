/** Our lists and OCSP answers before the `openssl` command, and its own before us. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { requireTool } from '@holdfast/testing-tidy'
import {
  decodeOcspRequest,
  encodeOcspFailure,
  encodePem,
  isIssuerOf,
  issueCrl,
  issueOcspResponse,
  parseCertificate,
  parseRevocationList,
} from './index.ts'
import type { OcspStatus } from './index.ts'
import { createHierarchy } from './testing/index.ts'

const skip = requireTool('openssl')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-crl-'))
after(() => rmSync(folder, { recursive: true }))
const DAY_MS = 86_400_000

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, content, { mode: 0o600 })
  return file
}

function openssl(...parameters: readonly string[]): { readonly isOk: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', parameters, {
    encoding: 'utf8',
    timeout: 10_000,
    cwd: folder,
  })
  return { isOk: status === 0, text: stdout + stderr }
}

// `openssl ocsp` has no other time than that of the clock.
const NOW = timestampOf(Math.floor(Date.now() / 1000) * 1000)
const AT = ['-attime', String(NOW / 1000)]
const { root, issuing, device } = await createHierarchy('dev-1', NOW)
const files = {
  root: write('root.pem', encodePem('CERTIFICATE', root.certificate.der)),
  issuing: write('issuing.pem', encodePem('CERTIFICATE', issuing.certificate.der)),
  device: write('device.pem', encodePem('CERTIFICATE', device.certificate.der)),
}
const during = { thisUpdate: NOW, nextUpdate: timestampOf(NOW + 7 * DAY_MS) }

test('openssl reads our list, verifies it, and refuses the certificate on it', { skip }, async () => {
  const empty = await issueCrl({ issuer: root.certificate, signer: root.signer, number: 1n, ...during, entries: [] })
  const entries = [
    { serialNumber: 'FF00', revokedAt: NOW },
    { serialNumber: device.certificate.serialNumber, revokedAt: NOW, reason: 'keyCompromise' as const },
  ]
  const own = { issuer: issuing.certificate, signer: issuing.signer, ...during }
  const revoking = await issueCrl({ ...own, number: 255n, entries })
  const clean = await issueCrl({ ...own, number: 1n << 100n, entries: entries.slice(0, 1) })
  const lists = write('lists.pem', encodePem('X509 CRL', empty) + encodePem('X509 CRL', revoking))
  const fresh = write('fresh.pem', encodePem('X509 CRL', empty) + encodePem('X509 CRL', clean))
  const shown = openssl(
    'crl',
    '-text',
    '-noout',
    '-in',
    write('revoking.pem', encodePem('X509 CRL', revoking)),
    '-CAfile',
    files.issuing,
  )
  assert.ok(shown.isOk && shown.text.includes('verify OK'), shown.text)
  assert.match(shown.text, /X509v3 CRL Number:\s+(?:0x)?(?:FF|255)/)
  assert.match(shown.text, /Key Compromise/)
  const check = ['-x509_strict', '-crl_check_all', '-CAfile', files.root, '-untrusted', files.issuing, ...AT]
  const good = openssl('verify', ...check, '-CRLfile', fresh, files.device)
  assert.ok(good.isOk, good.text)
  const bad = openssl('verify', ...check, '-CRLfile', lists, files.device)
  assert.ok(!bad.isOk && bad.text.includes('certificate revoked'), bad.text)
})

test("openssl ca's own lists are read, of version 1 and 2", { skip }, () => {
  const config = write(
    'ca.cnf',
    [
      '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\npolicy=any',
      'new_certs_dir=.\nserial=serial\nunique_subject=no\n[any]\ncommonName=supplied',
      '[v3]\nauthorityKeyIdentifier=keyid\n[ca_v3]\nbasicConstraints=critical,CA:true\nsubjectKeyIdentifier=hash',
      'keyUsage=critical,keyCertSign,cRLSign\n[req]\ndistinguished_name=dn\n[dn]\n',
    ].join('\n'),
  )
  write('index.txt', '')
  write('crlnumber', '0A\n')
  write('serial', '8001\n')
  const run = (...parameters: readonly string[]): void => {
    const { isOk, text } = openssl(...parameters)
    assert.ok(isOk, text)
  }
  const p256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', config]
  run('req', '-x509', ...p256, '-keyout', 'f.key', '-out', 'f.pem', '-subj', '/CN=Factory', '-extensions', 'ca_v3')
  run('req', '-new', ...p256, '-keyout', 'd.key', '-out', 'd.csr', '-subj', '/CN=d')
  const ca = ['-config', config, '-cert', 'f.pem', '-keyfile', 'f.key']
  run('ca', ...ca, '-batch', '-days', '30', '-in', 'd.csr', '-out', 'd.pem', '-notext')
  run('ca', ...ca, '-revoke', 'd.pem', '-crl_reason', 'superseded')
  run('ca', ...ca, '-gencrl', '-crldays', '7', '-out', 'v1.pem')
  run('ca', ...ca, '-gencrl', '-crldays', '7', '-out', 'v2.pem', '-crlexts', 'v3')
  run('x509', '-in', 'f.pem', '-outform', 'der', '-out', 'f.der')
  run('x509', '-in', 'd.pem', '-outform', 'der', '-out', 'd.der')
  for (const name of ['v1', 'v2']) {
    run('crl', '-in', `${name}.pem`, '-outform', 'der', '-out', `${name}.der`)
    const list = parseRevocationList(readFileSync(join(folder, `${name}.der`)))
    const factory = parseCertificate(readFileSync(join(folder, 'f.der')))
    const leaf = parseCertificate(readFileSync(join(folder, 'd.der')))
    assert.equal(list.faultOf(factory), undefined)
    assert.equal(leaf.serialNumber, '8001', 'a serial number with its highest bit set')
    assert.equal(list.entryOf(leaf.serial)?.reason, 'superseded')
    assert.ok(list.find('8001') !== undefined && list.find('8002') === undefined)
    assert.equal(list.faultOf(root.certificate), 'wrong-issuer')
  }
})

test('openssl ocsp asks, and takes our signed answer with its nonce', { skip }, async () => {
  const statuses: readonly (readonly [OcspStatus, RegExp])[] = [
    [{ kind: 'good' }, /: good/],
    [{ kind: 'revoked', at: NOW, reason: 'keyCompromise' }, /: revoked[\s\S]*keyCompromise/],
    [{ kind: 'revoked', at: NOW }, /: revoked/],
    [{ kind: 'unknown' }, /: unknown/],
  ]
  for (const hash of ['-sha1', '-sha256']) {
    for (const [status, expected] of statuses) {
      const ask = openssl(
        'ocsp',
        hash,
        '-issuer',
        files.issuing,
        '-cert',
        files.device,
        '-reqout',
        'ask.der',
        '-no_nonce',
      )
      assert.ok(ask.isOk, ask.text)
      const asked = openssl(
        'ocsp',
        hash,
        '-issuer',
        files.issuing,
        '-cert',
        files.device,
        '-reqout',
        'ask.der',
        '-nonce',
      )
      assert.ok(asked.isOk, asked.text)
      const request = decodeOcspRequest(readFileSync(join(folder, 'ask.der')))
      const [item] = request.items
      assert.ok(item !== undefined && request.items.length === 1 && request.nonce !== undefined)
      assert.equal(item.serialNumber, device.certificate.serialNumber)
      assert.ok(isIssuerOf(item, issuing.certificate) && !isIssuerOf(item, root.certificate))
      const response = await issueOcspResponse({
        issuer: issuing.certificate,
        signer: issuing.signer,
        answers: [{ item, status }],
        nonce: request.nonce,
        now: NOW,
        nextUpdate: timestampOf(NOW + DAY_MS),
      })
      write('answer.der', response)
      const about = [
        'ocsp',
        '-respin',
        'answer.der',
        '-no_nonce',
        '-reqin',
        'ask.der',
        '-issuer',
        files.issuing,
        hash,
        '-cert',
        files.device,
      ]
      const verdict = openssl(...about, '-CAfile', files.root, '-verify_other', files.issuing, ...AT)
      assert.match(verdict.text, /Response verify OK/)
      assert.match(verdict.text, expected)
      assert.doesNotMatch(verdict.text, /WARNING|Nonce Verify error/)
    }
  }
})

test('openssl reads our refusals', { skip }, () => {
  write('failure.der', encodeOcspFailure('unauthorized'))
  const { text } = openssl(
    'ocsp',
    '-respin',
    'failure.der',
    '-issuer',
    files.issuing,
    '-cert',
    files.device,
    '-noverify',
  )
  assert.match(text, /unauthorized/)
})

/** Name constraints, our verdicts beside those of `openssl verify` over what openssl made. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { PkiError, decodePem, parseCertificate, verifyChain } from './index.ts'
import type { Certificate } from './index.ts'
import { nameConstraintsOf } from './name-constraints.ts'
import { parseDer } from './der.ts'

const skip = requireTool('openssl')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-names-'))
after(() => rmSync(folder, { recursive: true }))

function openssl(...parameters: readonly string[]): { readonly isOk: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', parameters, {
    encoding: 'utf8',
    timeout: 10_000,
    cwd: folder,
  })
  return { isOk: status === 0, text: stdout + stderr }
}

function made(...parameters: readonly string[]): void {
  const { isOk, text } = openssl(...parameters)
  assert.ok(isOk, text)
}

function certificate(name: string): Certificate {
  const [der] = decodePem('CERTIFICATE', readFileSync(join(folder, name), 'utf8'))
  assert.ok(der !== undefined)
  return parseCertificate(der)
}

before(() => {
  if (skip !== false) return
  made('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', 'key.pem')
})

const SECTIONS = '[permitted]\nO=Factory\n[site]\nO=Factory\nOU=Site A\n[other]\nO=Other\n[empty]\n'

let lastConstraints = ''

/** A CA with these constraints and a leaf with this subject and these alternative names, both on disk. */
function make(constraints: string, subject: string, names: string): void {
  writeFileSync(
    join(folder, 'x.cnf'),
    `[req]\ndistinguished_name=dn\nstring_mask=utf8only\n[dn]\n[ca]\nbasicConstraints=critical,CA:true\n` +
      `keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nnameConstraints=critical,${constraints}\n` +
      `[leaf]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n${names === '' ? '' : `subjectAltName=${names}\n`}${SECTIONS}`,
  )
  const shared = ['-x509', '-key', 'key.pem', '-config', 'x.cnf', '-utf8']
  if (constraints !== lastConstraints) {
    made('req', ...shared, '-subj', '/CN=Factory Root', '-days', '10', '-extensions', 'ca', '-out', 'ca.pem')
  }
  lastConstraints = constraints
  const below = ['-CA', 'ca.pem', '-CAkey', 'key.pem', '-days', '5', '-extensions', 'leaf']
  made('req', ...shared, '-subj', subject, ...below, '-out', 'leaf.pem')
}

const D = '/CN=pump-1'

/** Constraints of the CA, subject of the leaf, its alternative names, and whether it is allowed. */
const CASES: readonly (readonly [string, string, string, boolean])[] = [
  ['permitted;dirName:permitted', '/O=Factory/CN=pump-1', '', true],
  ['permitted;dirName:permitted', '/O=FACTORY/CN=pump-1', '', true],
  ['permitted;dirName:permitted', '/O=  factory /CN=pump-1', '', true],
  ['permitted;dirName:permitted', '/O=Factory Two/CN=pump-1', '', false],
  ['permitted;dirName:permitted', D, '', false],
  ['permitted;dirName:permitted', '/CN=pump-1/O=Factory', '', false],
  ['permitted;dirName:site', '/O=Factory/OU=Site A/CN=pump-1', '', true],
  ['permitted;dirName:site', '/O=Factory/OU=Site B/CN=pump-1', '', false],
  ['permitted;dirName:permitted,permitted;dirName:other', '/O=Other/CN=pump-1', '', true],
  ['excluded;dirName:other', '/O=Other/CN=pump-1', '', false],
  ['excluded;dirName:other', '/O=Factory/CN=pump-1', '', true],
  ['permitted;dirName:permitted,excluded;dirName:site', '/O=Factory/OU=Site A/CN=pump-1', '', false],
  ['permitted;dirName:permitted,excluded;dirName:site', '/O=Factory/OU=Site B/CN=pump-1', '', true],
  ['permitted;dirName:permitted', '/O=Factory/CN=pump-1', 'dirName:other', false],
  ['permitted;DNS:a.example', D, 'DNS:pump.a.example', true],
  ['permitted;DNS:a.example', D, 'DNS:a.example', true],
  ['permitted;DNS:a.example', D, 'DNS:PUMP.A.EXAMPLE', true],
  ['permitted;DNS:a.example', D, 'DNS:xa.example', false],
  ['permitted;DNS:a.example', D, 'DNS:b.example', false],
  ['permitted;DNS:a.example', D, 'DNS:pump.a.example,DNS:pump.b.example', false],
  ['permitted;DNS:a.example', D, '', true],
  ['permitted;DNS:a.example', '/CN=pump.b.example', '', false],
  ['permitted;DNS:a.example', '/CN=pump.a.example', '', true],
  ['permitted;DNS:.a.example', D, 'DNS:pump.a.example', true],
  ['excluded;DNS:b.example', D, 'DNS:pump.b.example', false],
  ['excluded;DNS:b.example', D, 'DNS:pump.a.example', true],
  ['excluded;DNS:b.example', '/CN=pump.b.example', '', false],
  ['permitted;DNS:a.example', D, 'IP:10.0.0.1', true],
  ['permitted;IP:10.0.0.0/255.0.0.0', D, 'IP:10.1.2.3', true],
  ['permitted;IP:10.0.0.0/255.0.0.0', D, 'IP:11.1.2.3', false],
  ['permitted;IP:10.0.0.0/255.0.0.0', D, 'IP:2001:db8::1', false],
  ['permitted;IP:2001:db8:0:0:0:0:0:0/ffff:ffff:0:0:0:0:0:0', D, 'IP:2001:db8::1', true],
  ['excluded;IP:10.0.0.0/255.0.0.0', D, 'IP:10.1.2.3', false],
  ['excluded;IP:0.0.0.0/0.0.0.0', D, 'IP:10.1.2.3', false],
  ['permitted;email:a.example', D, 'email:x@a.example', true],
  ['permitted;email:a.example', D, 'email:x@b.a.example', false],
  ['permitted;email:.a.example', D, 'email:x@b.a.example', true],
  ['permitted;email:.a.example', D, 'email:x@a.example', false],
  ['permitted;email:x@a.example', D, 'email:x@A.example', true],
  ['permitted;email:x@a.example', D, 'email:y@a.example', false],
  ['permitted;email:a.example', '/CN=pump-1/emailAddress=x@b.example', '', false],
  ['excluded;email:a.example', D, 'email:x@a.example', false],
  ['permitted;URI:a.example', D, 'URI:https://a.example/x', true],
  ['permitted;URI:a.example', D, 'URI:https://a.example:8443/x', true],
  ['permitted;URI:a.example', D, 'URI:https://b.a.example/', false],
  ['permitted;URI:.a.example', D, 'URI:https://b.a.example/', true],
  ['excluded;URI:a.example', D, 'URI:https://a.example', false],
  ['permitted;URI:a.example', D, 'URI:urn:x:y', false],
  ['permitted;otherName:1.2.3.4;UTF8:x', D, 'otherName:1.2.3.4;UTF8:x', false],
  ['excluded;otherName:1.2.3.4;UTF8:x', D, 'otherName:1.2.3.4;UTF8:y', false],
  ['permitted;otherName:1.2.3.4;UTF8:x', D, 'DNS:a.example', true],
]

/** Where we know better than OpenSSL, and why. */
const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['excluded;DNS:www.b.example|DNS:*.b.example', 'a wildcard stands for the host that is excluded'],
  ['excluded;email:x@a.example|email:X@a.example', 'who excludes a mailbox means it in any case'],
])

test('§4.2.1.10: names are allowed and refused as openssl has it', { skip }, () => {
  for (const [constraints, subject, names, isAllowed] of CASES) {
    make(constraints, subject, names)
    const about = [constraints, subject, names].join('|')
    const theirs = openssl('verify', '-CAfile', 'ca.pem', 'leaf.pem')
    assert.equal(theirs.isOk, isAllowed, `openssl: ${about} ${theirs.text}`)
    const [leaf, ca] = [certificate('leaf.pem'), certificate('ca.pem')]
    const ours = verifyChain({ leaf, intermediates: [], anchors: [ca], now: leaf.notBefore })
    if (isAllowed) assert.equal(ours.kind, 'trusted', about)
    else assert.deepEqual(ours, { kind: 'untrusted', reason: 'name-constraints' }, about)
  }
})

test('what is doubtful is excluded', { skip }, () => {
  for (const [about, why] of DIFFERENCES) {
    const [constraints = '', names = ''] = about.split('|')
    make(constraints, D, names)
    const [leaf, ca] = [certificate('leaf.pem'), certificate('ca.pem')]
    const ours = verifyChain({ leaf, intermediates: [], anchors: [ca], now: leaf.notBefore })
    assert.deepEqual(ours, { kind: 'untrusted', reason: 'name-constraints' }, why)
    assert.ok(
      openssl('verify', '-CAfile', 'ca.pem', 'leaf.pem').isOk,
      'openssl takes it: when it does not, say so here',
    )
  }
})

test('constraints of a wrong form are refused as the certificate is read', () => {
  const hostile: readonly string[] = [
    '3000', // none at all
    '3002a000', // an empty list
    '300ca00a3008820161800101', // a minimum
    '300ca00a30088201618101ff', // a maximum
    '3009a0073005870301020a', // an address of three bytes
    '3014a108300682046162007aa008300682046162007a', // the lists in the wrong order
    '300aa0083006820461620061', // a zero byte in a name
    '3004a4023000', // no such list
  ]
  for (const hex of hostile) {
    assert.throws(() => nameConstraintsOf(parseDer(Buffer.from(hex, 'hex'))), PkiError, hex)
  }
  const subtree = '30038201'.concat('61')
  const many = Buffer.from(subtree.repeat(257), 'hex')
  const list = Buffer.concat([Buffer.from([0xa0, 0x82, many.length >> 8, many.length & 255]), many])
  const value = Buffer.concat([Buffer.from([0x30, 0x82, list.length >> 8, list.length & 255]), list])
  assert.throws(
    () => nameConstraintsOf(parseDer(value)),
    (error) => error instanceof PkiError && error.code === 'too-large',
  )
})

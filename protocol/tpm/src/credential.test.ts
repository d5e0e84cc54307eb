/** What is wrapped is opened by its TPM alone. Against a TPM of others: `testing/trust/src/tpm-codec.test.ts`. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ECC_ENDORSEMENT_TEMPLATE,
  HIERARCHY,
  RSA_STORAGE_TEMPLATE,
  TpmError,
  createPrimary,
  decodePublic,
  duplicateObject,
  encodePublic,
  hmacObject,
  makeCredential,
  nameOf,
  publicKeyOf,
  responseBytes,
} from './index.ts'
import { kdfA } from './key-derivation.ts'
import { SoftTpm, testSeedSource as source } from './testing/index.ts'

const ONE = new SoftTpm()
const OTHER = new SoftTpm()
const KBKDF = '4c760deaaded5aa30b75f3344bf9975962443b3754e9e88b1e237653cb120dc9461ea3933e8f9f851ac168b3811d8f02'

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof TpmError && error.code === code

test('a credential opens in the TPM of both its keys, and with a bit changed nowhere', () => {
  const secret = Buffer.from('0123456789abcdef')
  const name = nameOf(ONE.storageRootKey)
  const made = makeCredential({ endorsementKey: ONE.endorsementKey, name, secret, source })
  assert.deepEqual(Buffer.from(ONE.activate(made.credential, made.secret)), secret)
  assert.throws(() => OTHER.activate(made.credential, made.secret))
  for (let at = 2; at < made.credential.length; at += 1) {
    const wounded = Uint8Array.from(made.credential)
    wounded[at] = (wounded[at] ?? 0) ^ 1
    assert.throws(() => ONE.activate(wounded, made.secret))
  }
  const foreign = makeCredential({
    endorsementKey: ONE.endorsementKey,
    name: nameOf(OTHER.storageRootKey),
    secret,
    source,
  })
  assert.throws(() => ONE.activate(foreign.credential, foreign.secret))
})

test('a wrapped key opens below its parent, with its inner key', () => {
  const [key, innerKey] = [Buffer.alloc(32, 5), Buffer.alloc(16, 6)]
  const object = hmacObject({ hash: 'sha256', key, obfuscation: Buffer.alloc(32, 7) })
  const made = duplicateObject({ parent: ONE.storageRootKey, object, innerKey, source })
  assert.deepEqual(Buffer.from(ONE.import(made, innerKey)), key)
  assert.throws(() => OTHER.import(made, innerKey))
})

test('a point that is not on its curve is no key, and nothing is wrapped for it', () => {
  const point = { ...ECC_ENDORSEMENT_TEMPLATE, x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(1) }
  const area = decodePublic(encodePublic(point))
  assert.throws(() => publicKeyOf(area), hasCode('malformed'))
  const name = nameOf(ONE.storageRootKey)
  assert.throws(
    () => makeCredential({ endorsementKey: area, name, secret: Buffer.alloc(16), source }),
    hasCode('malformed'),
  )
})

test('a secret of no length or too much, and a name that is none, are refused', () => {
  const input = { endorsementKey: ONE.endorsementKey, name: nameOf(ONE.storageRootKey), source }
  for (const secret of [new Uint8Array(0), new Uint8Array(65)]) {
    assert.throws(() => makeCredential({ ...input, secret }), hasCode('too-large'))
  }
  const secret = new Uint8Array(16)
  assert.throws(() => makeCredential({ ...input, secret, name: Uint8Array.of(0x40, 0, 0, 1) }), TpmError)
})

test('KDFa counts its blocks, and its label ends in a zero byte (SP 800-108, by OpenSSL)', () => {
  // openssl kdf -keylen 48 -kdfopt mac:HMAC -kdfopt digest:SHA256 -kdfopt hexkey:0b0b… -kdfopt salt:STORAGE
  //   -kdfopt hexinfo:01020304 KBKDF
  const derived = kdfA({
    hash: 'sha256',
    key: Buffer.alloc(32, 11),
    label: 'STORAGE',
    contextU: Uint8Array.of(1, 2),
    contextV: Uint8Array.of(3, 4),
    bits: 384,
  })
  assert.equal(Buffer.from(derived).toString('hex'), KBKDF)
})

test('reserved attributes, digests of another length, keys of odd sizes and trailing bytes are refused', () => {
  const bytes = encodePublic(RSA_STORAGE_TEMPLATE)
  const changed = (at: number, byte: number): Uint8Array =>
    Uint8Array.from(bytes, (value, i) => (i === at ? byte : value))
  assert.throws(() => decodePublic(changed(6, 0x80)), hasCode('malformed'))
  assert.throws(() => decodePublic(changed(11, 1)), TpmError)
  assert.throws(() => decodePublic(Buffer.concat([bytes, Uint8Array.of(0)])), hasCode('trailing'))
  assert.throws(() => decodePublic(bytes.subarray(0, bytes.length - 1)), hasCode('truncated'))
  assert.throws(() => decodePublic(changed(2, 0xff)), hasCode('unsupported'))
})

test('a response says its length in its header, and no more than a TPM has', () => {
  const header = (length: number): Uint8Array => Uint8Array.of(0x80, 1, 0, 0, length >> 8, length & 255, 0, 0, 0, 0)
  assert.equal(responseBytes(header(10)), 10)
  assert.throws(() => responseBytes(header(9)), hasCode('malformed'))
  assert.throws(() => responseBytes(header(4_097)), hasCode('too-large'))
  const command = createPrimary({ hierarchy: HIERARCHY.owner, template: RSA_STORAGE_TEMPLATE })
  assert.throws(() => command.decode(header(11)), hasCode('malformed'))
})

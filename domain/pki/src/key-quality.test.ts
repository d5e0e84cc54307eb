import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { checkPrimeSync, createHash, generateKeyPairSync, generatePrimeSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { PkiError, WeakKeys, keyKindOf, readPublicKey, rsaFaultOf } from './index.ts'

const spkiOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ format: 'der', type: 'spki' }))

test('RSA from 2048 bits, P-256, P-384, P-521 and Ed25519 are taken', () => {
  const kinds = [
    generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
    generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey,
    generateKeyPairSync('ed25519').publicKey,
  ].map((key) => keyKindOf(readPublicKey(spkiOf(key))))
  assert.deepEqual(kinds, ['rsa', 'P-256', 'P-384', 'P-521', 'ed25519'])
})

test('RSA keys of broken generators are refused', () => {
  const exponent = 65_537n
  const prime = (bits: number): bigint => generatePrimeSync(bits, { bigint: true })
  const good = prime(1_024) * prime(1_024)
  assert.equal(rsaFaultOf(good, exponent), undefined)
  for (const wrong of [1n, 2n, 3n, 17n, 65_536n, 65_538n, 1n << 33n]) assert.equal(rsaFaultOf(good, wrong), 'exponent')
  for (const factor of [2n, 3n, 257n, 4_093n]) assert.equal(rsaFaultOf(good * factor, exponent), 'small-factor')
  // Close primes: the next prime above, and one some steps of Fermat's method away.
  const first = prime(1_024)
  let second = first + 2n
  while (!checkPrimeSync(second)) second += 2n
  assert.equal(rsaFaultOf(first * second, exponent), 'close-primes')
  assert.equal(rsaFaultOf(first * first, exponent), 'close-primes', 'a square')
  // ROCA: primes k * M + 65537^a mod M, M the product of the first 126 primes (for keys of 2048 bits).
  const small: bigint[] = []
  for (let candidate = 2n; small.length < 126; candidate += 1n) if (checkPrimeSync(candidate)) small.push(candidate)
  const product = small.reduce((sum, one) => sum * one, 1n)
  const weak = (start: bigint): bigint => {
    let power = 1n
    for (let at = 0n; at < start; at += 1n) power = (power * 65_537n) % product
    for (let k = 1n << 53n; ; k += 1n) {
      const candidate = k * product + power
      if (checkPrimeSync(candidate, { checks: 5 })) return candidate
    }
  }
  assert.equal(rsaFaultOf(weak(12_345n) * weak(54_321n), exponent), 'roca')
})

test('no key that openssl or Node makes is taken for a broken one, and looking takes little time', () => {
  const keys = Array.from({ length: 4 }, () => spkiOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey))
  for (const key of keys) readPublicKey(key)
  const started = performance.now()
  for (let round = 0; round < 25; round += 1) for (const key of keys) readPublicKey(key)
  const each = (performance.now() - started) / 100
  assert.ok(each < 10, `${each} ms a key`)
})

test('Ed25519 keys of small order are refused', () => {
  const prefix = '302a300506032b6570032100'
  for (const point of ['00'.repeat(32), `01${'00'.repeat(31)}`, `01${'00'.repeat(30)}80`, `ec${'ff'.repeat(30)}7f`]) {
    assert.throws(
      () => readPublicKey(Buffer.from(prefix + point, 'hex')),
      (error) => error instanceof PkiError && error.code === 'weak-key',
      point,
    )
  }
})

test('a list of weak keys knows them by SHA-256 of the key, and as Debian lists them', {
  skip: requireTool('openssl'),
}, () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const spki = spkiOf(publicKey)
  const pem = publicKey.export({ format: 'pem', type: 'spki' })
  const printed = spawnSync('openssl', ['rsa', '-pubin', '-noout', '-modulus'], { input: pem, encoding: 'utf8' }).stdout
  const sum = spawnSync('openssl', ['dgst', '-sha1', '-r'], { input: printed, encoding: 'utf8' }).stdout.slice(0, 40)
  const debian = WeakKeys.parse([`# CVE-2008-0166\n${sum.slice(20)}\n`])
  assert.ok(debian.has(spki))
  const other = spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
  const byKey = WeakKeys.parse([`${createHash('sha256').update(other).digest('hex')} # a sample key\r\n`, ''])
  assert.ok(byKey.has(other) && !byKey.has(spki) && !debian.has(other))
  assert.equal(byKey.size, 1)
  for (const text of ['xyz', 'ab', '00'.repeat(11)]) assert.throws(() => WeakKeys.parse([text]), PkiError)
})

test('weak, other and broken keys are refused', () => {
  const p256 = spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
  const offCurve = p256.slice()
  offCurve[offCurve.length - 1] = (offCurve[offCurve.length - 1] ?? 0) ^ 1
  const weak: readonly (readonly [string, Uint8Array])[] = [
    ['RSA 1024', spkiOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey)],
    ['secp256k1', spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)],
    ['P-224', spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).publicKey)],
    ['X25519', spkiOf(generateKeyPairSync('x25519').publicKey)],
    ['Ed448', spkiOf(generateKeyPairSync('ed448').publicKey)],
    [
      'explicit parameters',
      spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey),
    ],
    ['a point off its curve', offCurve],
    ['an empty sequence', Uint8Array.of(0x30, 0)],
  ]
  for (const [name, spki] of weak) {
    assert.throws(
      () => readPublicKey(spki),
      (error) => error instanceof PkiError && error.code === 'weak-key',
      name,
    )
  }
  assert.throws(() => readPublicKey(new Uint8Array(0)), PkiError)
  assert.throws(() => readPublicKey(new Uint8Array(100)), PkiError)
})

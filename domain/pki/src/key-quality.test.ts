import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { PkiError, keyKindOf, readPublicKey } from './index.ts'

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

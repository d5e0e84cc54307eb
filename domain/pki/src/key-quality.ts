/** Which public keys we take: RSA of 2048 bits and up, the NIST curves from P-256, Ed25519; none that is known broken. */

import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { TAG, objectIdentifierOf, parseDer } from './der.ts'
import { PkiError } from './errors.ts'
import { RSA_BITS_MAX, RSA_BITS_MIN } from './limits.ts'
import { rsaFaultOf } from './rsa-quality.ts'
import type { RsaFault } from './rsa-quality.ts'

const CURVES: ReadonlyMap<string, string> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
])

/** What a key is, for logs and for choosing an algorithm. */
export type KeyKind = 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'ed25519'

/**
 * Reads a public key.
 * @param spki DER of SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
 * @throws PkiError `weak-key`, also if it is no key at all; `bad-der`.
 */
export function readPublicKey(spki: Uint8Array): KeyObject {
  const key = keyOf(spki)
  const fault = faultOf(key, keyKindOf(key))
  if (fault !== undefined) throw new PkiError('weak-key', `the key is broken: ${fault}`)
  return key
}

function faultOf(key: KeyObject, kind: KeyKind): RsaFault | 'small-order' | undefined {
  if (kind !== 'rsa' && kind !== 'ed25519') return undefined
  const { n = '', x = '' } = key.export({ format: 'jwk' })
  if (kind === 'ed25519') return isSmallOrder(Buffer.from(x, 'base64url')) ? 'small-order' : undefined
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`)
  return rsaFaultOf(modulus, key.asymmetricKeyDetails?.publicExponent ?? 0n)
}

/** Points of order 1, 2, 4 and 8 (RFC 8032 §5.1, RFC 7748 §7): one signature by them is good for many texts. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

function isSmallOrder(point: Buffer): boolean {
  const y = Buffer.from(point)
  // The highest bit is the sign of x.
  y[31] = (y[31] ?? 0) & 0x7f
  return SMALL_ORDER.has(y.toString('hex'))
}

/** @throws PkiError `weak-key`. */
export function keyKindOf(key: KeyObject): KeyKind {
  const details = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa': {
      const bits = details.modulusLength ?? 0
      if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
        throw new PkiError('weak-key', `RSA keys have ${RSA_BITS_MIN} to ${RSA_BITS_MAX} bits`)
      }
      return 'rsa'
    }
    case 'ec': {
      const curve = CURVES.get(details.namedCurve ?? '')
      if (curve === 'P-256' || curve === 'P-384' || curve === 'P-521') return curve
      throw new PkiError('weak-key', 'the curve is none of P-256, P-384, P-521')
    }
    case 'ed25519':
      return 'ed25519'
    default:
      throw new PkiError('weak-key', 'the key is none of RSA, ECDSA, Ed25519')
  }
}

const EC_PUBLIC_KEY = '1.2.840.10045.2.1'

function keyOf(spki: Uint8Array): KeyObject {
  const [algorithm] = parseDer(spki).children
  const [type, parameters] = algorithm?.children ?? []
  // RFC 5480 §2.1.1: curves are named, never spelt out. OpenSSL takes a spelt-out curve for the named one it resembles.
  if (type !== undefined && objectIdentifierOf(type) === EC_PUBLIC_KEY && parameters?.tag !== TAG.objectIdentifier) {
    throw new PkiError('weak-key', 'the curve has no name')
  }
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    // OpenSSL checks here that a point lies on its curve.
    throw new PkiError('weak-key', 'the public key cannot be read')
  }
}

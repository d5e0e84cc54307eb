/** Algorithms by their TPM identifiers (Part 2 §6.3, TPM_ALG_ID; §6.4, TPM_ECC_CURVE). Those that we take, and no others. */

import { TpmError } from './errors.ts'

export const TPM_ALG = {
  rsa: 0x0001,
  sha1: 0x0004,
  hmac: 0x0005,
  aes: 0x0006,
  keyedHash: 0x0008,
  xor: 0x000a,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  null: 0x0010,
  rsassa: 0x0014,
  rsaes: 0x0015,
  rsapss: 0x0016,
  oaep: 0x0017,
  ecdsa: 0x0018,
  ecdh: 0x0019,
  kdf1Sp80056a: 0x0020,
  kdf2: 0x0021,
  kdf1Sp800108: 0x0022,
  ecc: 0x0023,
  symCipher: 0x0025,
  cfb: 0x0043,
} as const

/** Hashes, by the names that node:crypto gives them too. SHA-1 is read where TPMs still speak it; nothing trusts it. */
export type HashAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512'

export const HASH_BYTES: Readonly<Record<HashAlgorithm, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }

const HASH_BY_ID: ReadonlyMap<number, HashAlgorithm> = new Map([
  [TPM_ALG.sha1, 'sha1'],
  [TPM_ALG.sha256, 'sha256'],
  [TPM_ALG.sha384, 'sha384'],
  [TPM_ALG.sha512, 'sha512'],
])

/** @throws TpmError `unsupported`. */
export function hashAlgorithm(id: number): HashAlgorithm {
  const hash = HASH_BY_ID.get(id)
  if (hash === undefined) throw new TpmError('unsupported', 'the hash algorithm is none we take')
  return hash
}

/** For lists that may name hashes we do not take (banks of an event log): undefined for those. */
export function hashAlgorithmOrNone(id: number): HashAlgorithm | undefined {
  return HASH_BY_ID.get(id)
}

export function hashId(hash: HashAlgorithm): number {
  return TPM_ALG[hash]
}

export type Curve = 'P-256' | 'P-384' | 'P-521'

export const CURVE_BYTES: Readonly<Record<Curve, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }

const CURVE_IDS: Readonly<Record<Curve, number>> = { 'P-256': 0x0003, 'P-384': 0x0004, 'P-521': 0x0005 }

/** @throws TpmError `unsupported`. */
export function curveOf(id: number): Curve {
  for (const curve of ['P-256', 'P-384', 'P-521'] as const) if (CURVE_IDS[curve] === id) return curve
  throw new TpmError('unsupported', 'the curve is none we take')
}

export function curveId(curve: Curve): number {
  return CURVE_IDS[curve]
}

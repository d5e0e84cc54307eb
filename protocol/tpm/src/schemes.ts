/** Schemes and symmetric definitions inside public areas (Part 2 §11.1 and §11.2). */

import { TPM_ALG, hashAlgorithm, hashId } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import type { TpmReader } from './reader.ts'
import type { TpmWriter } from './writer.ts'

/** TPMT_SYM_DEF_OBJECT: how a storage or endorsement key protects what it wraps. Absent (`undefined`) is TPM_ALG_NULL. */
export interface SymmetricDefinition {
  readonly algorithm: 'aes'
  readonly keyBits: 128 | 192 | 256
  readonly mode: 'cfb'
}

/** TPMT_ASYM_SCHEME. Absent (`undefined`) is TPM_ALG_NULL. */
export type AsymmetricScheme =
  | { readonly kind: 'rsassa' | 'rsapss' | 'oaep' | 'ecdsa' | 'ecdh'; readonly hash: HashAlgorithm }
  | { readonly kind: 'rsaes' }

/** TPMT_KEYEDHASH_SCHEME. Absent (`undefined`) is TPM_ALG_NULL: sealed data. */
export type KeyedHashScheme =
  | { readonly kind: 'hmac'; readonly hash: HashAlgorithm }
  | { readonly kind: 'xor'; readonly hash: HashAlgorithm; readonly kdf: KeyDerivation }

export type KeyDerivationKind = 'kdf1Sp80056a' | 'kdf2' | 'kdf1Sp800108'

/** TPMT_KDF_SCHEME. */
export interface KeyDerivation {
  readonly kind: KeyDerivationKind
  readonly hash: HashAlgorithm
}

/** @throws TpmError `unsupported`. */
export function readSymmetric(reader: TpmReader): SymmetricDefinition | undefined {
  const algorithm = reader.u16()
  if (algorithm === TPM_ALG.null) return undefined
  if (algorithm !== TPM_ALG.aes) throw new TpmError('unsupported', 'the symmetric algorithm is not AES')
  const keyBits = reader.u16()
  if (keyBits !== 128 && keyBits !== 192 && keyBits !== 256) {
    throw new TpmError('malformed', 'an AES key has 128, 192 or 256 bits')
  }
  if (reader.u16() !== TPM_ALG.cfb) throw new TpmError('unsupported', 'the symmetric mode is not CFB')
  return { algorithm: 'aes', keyBits, mode: 'cfb' }
}

export function writeSymmetric(writer: TpmWriter, symmetric: SymmetricDefinition | undefined): void {
  if (symmetric === undefined) writer.u16(TPM_ALG.null)
  else writer.u16(TPM_ALG.aes).u16(symmetric.keyBits).u16(TPM_ALG.cfb)
}

const RSA_SCHEMES: ReadonlyMap<number, 'rsassa' | 'rsapss' | 'oaep'> = new Map([
  [TPM_ALG.rsassa, 'rsassa'],
  [TPM_ALG.rsapss, 'rsapss'],
  [TPM_ALG.oaep, 'oaep'],
])
const ECC_SCHEMES: ReadonlyMap<number, 'ecdsa' | 'ecdh'> = new Map([
  [TPM_ALG.ecdsa, 'ecdsa'],
  [TPM_ALG.ecdh, 'ecdh'],
])

/** @throws TpmError `unsupported` for a scheme of the other kind of key too. */
export function readAsymmetricScheme(reader: TpmReader, key: 'rsa' | 'ecc'): AsymmetricScheme | undefined {
  const id = reader.u16()
  if (id === TPM_ALG.null) return undefined
  if (key === 'rsa' && id === TPM_ALG.rsaes) return { kind: 'rsaes' }
  const kind = key === 'rsa' ? RSA_SCHEMES.get(id) : ECC_SCHEMES.get(id)
  if (kind === undefined) throw new TpmError('unsupported', 'the scheme is none we take')
  return { kind, hash: hashAlgorithm(reader.u16()) }
}

export function writeAsymmetricScheme(writer: TpmWriter, scheme: AsymmetricScheme | undefined): void {
  if (scheme === undefined) writer.u16(TPM_ALG.null)
  else if (scheme.kind === 'rsaes') writer.u16(TPM_ALG.rsaes)
  else writer.u16(TPM_ALG[scheme.kind]).u16(hashId(scheme.hash))
}

const KDFS: ReadonlyMap<number, KeyDerivationKind> = new Map([
  [TPM_ALG.kdf1Sp80056a, 'kdf1Sp80056a'],
  [TPM_ALG.kdf2, 'kdf2'],
  [TPM_ALG.kdf1Sp800108, 'kdf1Sp800108'],
])

/** @throws TpmError `unsupported`. */
export function readKeyDerivation(reader: TpmReader): KeyDerivation | undefined {
  const id = reader.u16()
  return id === TPM_ALG.null ? undefined : keyDerivation(id, hashAlgorithm(reader.u16()))
}

export function writeKeyDerivation(writer: TpmWriter, kdf: KeyDerivation | undefined): void {
  if (kdf === undefined) writer.u16(TPM_ALG.null)
  else writer.u16(TPM_ALG[kdf.kind]).u16(hashId(kdf.hash))
}

/** @throws TpmError `unsupported`. */
export function readKeyedHashScheme(reader: TpmReader): KeyedHashScheme | undefined {
  const id = reader.u16()
  if (id === TPM_ALG.null) return undefined
  if (id === TPM_ALG.hmac) return { kind: 'hmac', hash: hashAlgorithm(reader.u16()) }
  if (id !== TPM_ALG.xor) throw new TpmError('unsupported', 'the scheme is none we take')
  // TPMS_SCHEME_XOR names the KDF by its identifier alone; it uses the scheme's own hash.
  const hash = hashAlgorithm(reader.u16())
  return { kind: 'xor', hash, kdf: keyDerivation(reader.u16(), hash) }
}

export function writeKeyedHashScheme(writer: TpmWriter, scheme: KeyedHashScheme | undefined): void {
  if (scheme === undefined) writer.u16(TPM_ALG.null)
  else {
    writer.u16(TPM_ALG[scheme.kind]).u16(hashId(scheme.hash))
    if (scheme.kind === 'xor') writer.u16(TPM_ALG[scheme.kdf.kind])
  }
}

function keyDerivation(id: number, hash: HashAlgorithm): KeyDerivation {
  const kind = KDFS.get(id)
  if (kind === undefined) throw new TpmError('unsupported', 'the key derivation is none we take')
  return { kind, hash }
}

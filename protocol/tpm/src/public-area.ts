/**
 * Public areas of objects (TCG TPM 2.0 Library, Part 2 §12.2.4 TPMT_PUBLIC, §12.2.5 TPM2B_PUBLIC; revision 1.59).
 * Decoding is strict: what it takes encodes to the same bytes, so that a name computed here is the name in the TPM.
 */

import { CURVE_BYTES, HASH_BYTES, TPM_ALG, curveId, curveOf, hashAlgorithm, hashId } from './algorithms.ts'
import type { Curve, HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import { PUBLIC_BYTES_MAX, SIZED_BYTES_MAX } from './limits.ts'
import { decodeAttributes, encodeAttributes } from './object-attributes.ts'
import type { ObjectAttribute } from './object-attributes.ts'
import { decodeWhole } from './reader.ts'
import type { TpmReader } from './reader.ts'
import {
  readAsymmetricScheme,
  readKeyDerivation,
  readKeyedHashScheme,
  readSymmetric,
  writeAsymmetricScheme,
  writeKeyDerivation,
  writeKeyedHashScheme,
  writeSymmetric,
} from './schemes.ts'
import type { AsymmetricScheme, KeyDerivation, KeyedHashScheme, SymmetricDefinition } from './schemes.ts'
import { TpmWriter } from './writer.ts'

interface AnyPublic {
  /** Digests the public area into the object's name; TPM_ALG_NULL is not taken, for such an object has no name. */
  readonly nameAlg: HashAlgorithm
  readonly attributes: ReadonlySet<ObjectAttribute>
  /** Empty, or a digest of `nameAlg`. */
  readonly authPolicy: Uint8Array
}

export interface RsaPublic extends AnyPublic {
  readonly kind: 'rsa'
  readonly symmetric: SymmetricDefinition | undefined
  readonly scheme: AsymmetricScheme | undefined
  readonly keyBits: 1024 | 2048 | 3072 | 4096
  /** As on the wire: 0 stands for 65537. */
  readonly exponent: number
  /** Big-endian, `keyBits` long; empty, or what seeds the key, in a template. */
  readonly modulus: Uint8Array
}

export interface EccPublic extends AnyPublic {
  readonly kind: 'ecc'
  readonly symmetric: SymmetricDefinition | undefined
  readonly scheme: AsymmetricScheme | undefined
  readonly curve: Curve
  readonly kdf: KeyDerivation | undefined
  /** Big-endian, at most as long as the curve's field: older parts leave out leading zeros. */
  readonly x: Uint8Array
  readonly y: Uint8Array
}

export interface KeyedHashPublic extends AnyPublic {
  readonly kind: 'keyedHash'
  readonly scheme: KeyedHashScheme | undefined
  /** Digest of the obfuscation and the secret; empty in a template. */
  readonly unique: Uint8Array
}

export interface SymCipherPublic extends AnyPublic {
  readonly kind: 'symCipher'
  readonly symmetric: SymmetricDefinition
  readonly unique: Uint8Array
}

export type TpmPublic = RsaPublic | EccPublic | KeyedHashPublic | SymCipherPublic

/** Decodes a TPMT_PUBLIC and nothing after it. @throws TpmError. */
export function decodePublicArea(bytes: Uint8Array): TpmPublic {
  if (bytes.length > PUBLIC_BYTES_MAX) throw new TpmError('too-large', 'the public area is too long')
  return decodeWhole(bytes, 'a public area', readPublicArea)
}

/** Decodes a TPM2B_PUBLIC (with its two bytes of length) and nothing after it. @throws TpmError. */
export function decodePublic(bytes: Uint8Array): TpmPublic {
  return decodeWhole(bytes, 'a public area', readPublic)
}

/** Reads a TPM2B_PUBLIC that stands in something longer. @throws TpmError. */
export function readPublic(reader: TpmReader): TpmPublic {
  return decodeWhole(reader.sized(PUBLIC_BYTES_MAX), 'a public area', readPublicArea)
}

/** As a TPMT_PUBLIC. */
export function encodePublicArea(area: TpmPublic): Uint8Array {
  const writer = new TpmWriter()
    .u16(TPM_ALG[area.kind])
    .u16(hashId(area.nameAlg))
    .u32(encodeAttributes(area.attributes))
    .sized(area.authPolicy)
  switch (area.kind) {
    case 'rsa':
      writeSymmetric(writer, area.symmetric)
      writeAsymmetricScheme(writer, area.scheme)
      writer.u16(area.keyBits).u32(area.exponent).sized(area.modulus)
      break
    case 'ecc':
      writeSymmetric(writer, area.symmetric)
      writeAsymmetricScheme(writer, area.scheme)
      writer.u16(curveId(area.curve))
      writeKeyDerivation(writer, area.kdf)
      writer.sized(area.x).sized(area.y)
      break
    case 'keyedHash':
      writeKeyedHashScheme(writer, area.scheme)
      writer.sized(area.unique)
      break
    case 'symCipher':
      writeSymmetric(writer, area.symmetric)
      writer.sized(area.unique)
      break
  }
  return writer.done()
}

/** As a TPM2B_PUBLIC: what Azure calls an endorsement key or a storage root key, before its base64. */
export function encodePublic(area: TpmPublic): Uint8Array {
  return new TpmWriter().sized(encodePublicArea(area)).done()
}

function readPublicArea(reader: TpmReader): TpmPublic {
  const type = reader.u16()
  const nameAlg = hashAlgorithm(reader.u16())
  const attributes = decodeAttributes(reader.u32())
  const authPolicy = readDigest(reader, nameAlg)
  const shared = { nameAlg, attributes, authPolicy }
  switch (type) {
    case TPM_ALG.rsa:
      return { kind: 'rsa', ...shared, ...readRsa(reader) }
    case TPM_ALG.ecc:
      return { kind: 'ecc', ...shared, ...readEcc(reader) }
    case TPM_ALG.keyedHash:
      return { kind: 'keyedHash', ...shared, scheme: readKeyedHashScheme(reader), unique: readDigest(reader, nameAlg) }
    case TPM_ALG.symCipher: {
      const symmetric = readSymmetric(reader)
      if (symmetric === undefined) throw new TpmError('malformed', 'a symmetric object has an algorithm')
      return { kind: 'symCipher', ...shared, symmetric, unique: readDigest(reader, nameAlg) }
    }
    default:
      throw new TpmError('unsupported', 'the type of object is none we take')
  }
}

function readRsa(reader: TpmReader): Omit<RsaPublic, keyof AnyPublic | 'kind'> {
  const symmetric = readSymmetric(reader)
  const scheme = readAsymmetricScheme(reader, 'rsa')
  const keyBits = reader.u16()
  if (keyBits !== 1024 && keyBits !== 2048 && keyBits !== 3072 && keyBits !== 4096) {
    throw new TpmError('unsupported', 'an RSA key has 1024, 2048, 3072 or 4096 bits')
  }
  const exponent = reader.u32()
  if (exponent !== 0 && (exponent < 3 || exponent % 2 === 0)) {
    throw new TpmError('malformed', 'an RSA exponent is odd and more than 2')
  }
  const modulus = reader.sized(SIZED_BYTES_MAX)
  if (modulus.length !== 0 && modulus.length !== keyBits / 8) {
    throw new TpmError('malformed', 'an RSA modulus is as long as its key')
  }
  return { symmetric, scheme, keyBits, exponent, modulus }
}

function readEcc(reader: TpmReader): Omit<EccPublic, keyof AnyPublic | 'kind'> {
  const symmetric = readSymmetric(reader)
  const scheme = readAsymmetricScheme(reader, 'ecc')
  const curve = curveOf(reader.u16())
  const kdf = readKeyDerivation(reader)
  const x = reader.sized(CURVE_BYTES[curve])
  const y = reader.sized(CURVE_BYTES[curve])
  return { symmetric, scheme, curve, kdf, x, y }
}

/** Empty, or a digest of `hash`. */
function readDigest(reader: TpmReader, hash: HashAlgorithm): Uint8Array {
  const digest = reader.sized(SIZED_BYTES_MAX)
  if (digest.length !== 0 && digest.length !== HASH_BYTES[hash]) {
    throw new TpmError('malformed', 'a digest is as long as its algorithm says')
  }
  return digest
}

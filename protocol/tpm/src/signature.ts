/** Signatures (Part 2 §11.3.4, TPMT_SIGNATURE). */

import { constants, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CURVE_BYTES, HASH_BYTES, TPM_ALG, hashAlgorithm, hashId } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import type { TpmPublic } from './public-area.ts'
import { padded } from './public-key.ts'
import { decodeWhole } from './reader.ts'
import type { TpmReader } from './reader.ts'
import { TpmWriter } from './writer.ts'

export type TpmSignature =
  | { readonly kind: 'rsassa' | 'rsapss'; readonly hash: HashAlgorithm; readonly signature: Uint8Array }
  /** Big-endian, each at most as long as the largest curve's field. */
  | { readonly kind: 'ecdsa'; readonly hash: HashAlgorithm; readonly r: Uint8Array; readonly s: Uint8Array }
  | { readonly kind: 'hmac'; readonly hash: HashAlgorithm; readonly digest: Uint8Array }

const LONGEST_SCALAR = CURVE_BYTES['P-521']

/** Decodes a TPMT_SIGNATURE and nothing after it. @throws TpmError. */
export function decodeSignature(bytes: Uint8Array): TpmSignature {
  return decodeWhole(bytes, 'a signature', readSignature)
}

/** @throws TpmError `unsupported` for TPM_ALG_NULL too: no signature is none we take. */
export function readSignature(reader: TpmReader): TpmSignature {
  const id = reader.u16()
  switch (id) {
    case TPM_ALG.rsassa:
    case TPM_ALG.rsapss: {
      const kind = id === TPM_ALG.rsassa ? 'rsassa' : 'rsapss'
      return { kind, hash: hashAlgorithm(reader.u16()), signature: reader.sized() }
    }
    case TPM_ALG.ecdsa: {
      const hash = hashAlgorithm(reader.u16())
      return { kind: 'ecdsa', hash, r: reader.sized(LONGEST_SCALAR), s: reader.sized(LONGEST_SCALAR) }
    }
    case TPM_ALG.hmac: {
      const hash = hashAlgorithm(reader.u16())
      return { kind: 'hmac', hash, digest: reader.take(HASH_BYTES[hash]) }
    }
    default:
      throw new TpmError('unsupported', 'the signature is none we take')
  }
}

/** As a TPMT_SIGNATURE. */
export function encodeSignature(signature: TpmSignature): Uint8Array {
  const writer = new TpmWriter().u16(TPM_ALG[signature.kind]).u16(hashId(signature.hash))
  switch (signature.kind) {
    case 'rsassa':
    case 'rsapss':
      return writer.sized(signature.signature).done()
    case 'ecdsa':
      return writer.sized(signature.r).sized(signature.s).done()
    case 'hmac':
      return writer.bytes(signature.digest).done()
  }
}

/**
 * Whether the key of `area` made `signature` over `signed`. A key with a scheme of its own signs in that scheme alone; SHA-1
 * proves nothing, whatever the key.
 * @param key that of `area` (`publicKeyOf`), so that who verifies often makes it once.
 */
export function isSignedBy(
  area: TpmPublic,
  key: KeyObject,
  proof: { readonly signed: Uint8Array; readonly signature: TpmSignature },
): boolean {
  const { signed, signature } = proof
  if ((area.kind !== 'rsa' && area.kind !== 'ecc') || signature.kind === 'hmac' || signature.hash === 'sha1')
    return false
  const { scheme } = area
  if (scheme !== undefined) {
    if (scheme.kind !== signature.kind || scheme.hash !== signature.hash) return false
  }
  if (signature.kind === 'ecdsa') {
    if (area.kind !== 'ecc') return false
    const length = CURVE_BYTES[area.curve]
    if (signature.r.length > length || signature.s.length > length) return false
    const pair = Buffer.concat([padded(signature.r, length), padded(signature.s, length)])
    return verify(signature.hash, signed, { key, dsaEncoding: 'ieee-p1363' }, pair)
  }
  if (area.kind !== 'rsa' || signature.signature.length !== area.modulus.length) return false
  const padding = signature.kind === 'rsassa' ? constants.RSA_PKCS1_PADDING : constants.RSA_PKCS1_PSS_PADDING
  // A TPM's salt is as long as fits, or as the digest, by its age (Part 1 §B.7).
  const saltLength = constants.RSA_PSS_SALTLEN_AUTO
  return verify(
    signature.hash,
    signed,
    signature.kind === 'rsassa' ? { key, padding } : { key, padding, saltLength },
    signature.signature,
  )
}

/**
 * A TPM in software, as far as quotes go, for tests and measurements: keys with the attributes that are asked for, quotes
 * encoded by hand. It proves nothing of what real TPMs do; `testing/trust` asks those.
 */

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  endorsementPrimaryName,
  encodeSignature,
  type HashAlgorithm,
  initialPcr,
  type ObjectAttribute,
  qualifiedName,
  replayEvents,
  decodeEventLog,
  type TpmPublic,
} from '@holdfast/tpm'
import { type WrittenEvent, writeEventLog } from '@holdfast/tpm/testing'
import type { Evidence, TpmState } from '../judge-evidence.ts'

const AK_ATTRIBUTES: readonly ObjectAttribute[] = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'userWithAuth',
  'restricted',
  'sign',
]
const EK_ATTRIBUTES: readonly ObjectAttribute[] = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'adminWithPolicy',
  'restricted',
  'decrypt',
]

export interface SoftwareKey {
  readonly area: TpmPublic
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** An RSA-2048 attestation key with RSASSA and SHA-256, or one on P-256 with ECDSA. */
export function softwareAttestationKey(kind: 'rsa' | 'ecc' = 'rsa', attributes = AK_ATTRIBUTES): SoftwareKey {
  const shared = { nameAlg: 'sha256', attributes: new Set(attributes), authPolicy: new Uint8Array(0) } as const
  if (kind === 'rsa') {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    const scheme = { kind: 'rsassa', hash: 'sha256' } as const
    const modulus = member(pair.publicKey, 'n')
    const area = { kind, ...shared, symmetric: undefined, scheme, keyBits: 2_048, exponent: 0, modulus } as const
    return { area, ...pair }
  }
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [x, y] = [member(pair.publicKey, 'x'), member(pair.publicKey, 'y')]
  const scheme = { kind: 'ecdsa', hash: 'sha256' } as const
  return { area: { kind, ...shared, symmetric: undefined, scheme, curve: 'P-256', kdf: undefined, x, y }, ...pair }
}

/** An endorsement key of RSA-2048. */
export function softwareEndorsementKey(attributes = EK_ATTRIBUTES): SoftwareKey {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const area = {
    kind: 'rsa',
    nameAlg: 'sha256',
    attributes: new Set(attributes),
    authPolicy: new Uint8Array(0),
    symmetric: { algorithm: 'aes', keyBits: 128, mode: 'cfb' },
    scheme: undefined,
    keyBits: 2_048,
    exponent: 0,
    modulus: member(pair.publicKey, 'n'),
  } as const
  return { area, ...pair }
}

export const BOOT_STATE: TpmState = {
  clock: 1_000n,
  resetCount: 7,
  restartCount: 0,
  isSafe: true,
  firmwareVersion: 0x2019_1023_0016_3636n,
}

export interface SoftwareQuote {
  readonly ak: SoftwareKey
  readonly ek: SoftwareKey
  readonly nonce: Uint8Array
  readonly pcrs: readonly number[]
  readonly boot: readonly WrittenEvent[]
  readonly state?: TpmState
  readonly bank?: HashAlgorithm
  /** Where the key says that it stands; below the endorsement key unless told. */
  readonly qualifiedSigner?: Uint8Array
}

/** Evidence of a boot, as a TPM and its firmware would give it. */
export function softwareEvidence(wish: SoftwareQuote): Evidence {
  const { ak, ek, nonce, pcrs, boot, state = BOOT_STATE, bank = 'sha256' } = wish
  const eventLog = writeEventLog([bank], boot)
  const values = replayEvents(decodeEventLog(eventLog), bank, pcrs)
  const digest = createHash('sha256')
  for (const pcr of pcrs) digest.update(values.get(pcr) ?? initialPcr(pcr, bank))
  const bitmap = new Uint8Array(3)
  for (const pcr of pcrs) bitmap[pcr >> 3] = (bitmap[pcr >> 3] ?? 0) | (1 << (pcr & 7))
  const attest = Buffer.concat([
    Buffer.from('ff5443478018', 'hex'),
    sized(wish.qualifiedSigner ?? qualifiedName(endorsementPrimaryName(ek.area), ak.area)),
    sized(nonce),
    number(state.clock, 8),
    number(BigInt(state.resetCount), 4),
    number(BigInt(state.restartCount), 4),
    Uint8Array.of(state.isSafe ? 1 : 0),
    number(state.firmwareVersion, 8),
    number(1n, 4),
    Buffer.from({ sha1: '0004', sha256: '000b', sha384: '000c', sha512: '000d' }[bank], 'hex'),
    Uint8Array.of(3),
    bitmap,
    sized(digest.digest()),
  ])
  return { attest, signature: signed(ak, attest), values: new Map([[bank, values]]), eventLog }
}

/** A TPMT_SIGNATURE by the key. */
export function signed({ area, privateKey }: SoftwareKey, bytes: Uint8Array): Uint8Array {
  if (area.kind === 'rsa') {
    return encodeSignature({ kind: 'rsassa', hash: 'sha256', signature: sign('sha256', bytes, privateKey) })
  }
  const both = sign('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return encodeSignature({ kind: 'ecdsa', hash: 'sha256', r: both.subarray(0, 32), s: both.subarray(32) })
}

function member(key: KeyObject, name: 'n' | 'x' | 'y'): Uint8Array {
  return Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url')
}

function sized(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([number(BigInt(bytes.length), 2), bytes])
}

function number(value: bigint, bytes: number): Uint8Array {
  return Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex')
}

/** Keys in memory and small hierarchies of certificates, for tests: making keys is allowed here and nowhere else. */

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { timestampOf } from '@holdfast/base'
import type { Timestamp } from '@holdfast/base'
import {
  DEVICE_CERTIFICATE,
  ISSUING_AUTHORITY,
  ROOT_AUTHORITY,
  issueCertificate,
  parseCertificate,
  validityOf,
} from '../index.ts'
import type {
  AlternativeName,
  Certificate,
  CertificateProfile,
  SignatureAlgorithm,
  Signer,
  Validity,
} from '../index.ts'

export { forgeCertificate } from './forge.ts'
export type { Forgery } from './forge.ts'
export { fuzzTargets } from './fuzz-targets.ts'
export type { FuzzTarget } from './fuzz-targets.ts'

/** When the certificates of these tests are issued, unless told. */
export const TEST_NOW: Timestamp = timestampOf(Date.UTC(2026, 10, 2, 12))

export interface MemorySigner extends Signer {
  readonly privateKey: KeyObject
}

/** A signer with a key of its own. */
export function createMemorySigner(kind: 'P-256' | 'P-384' | 'P-521' | 'ed25519' | 'rsa' = 'P-256'): MemorySigner {
  switch (kind) {
    case 'P-256':
      return signerOf(generateKeyPairSync('ec', { namedCurve: kind }), 'ecdsa-sha256')
    case 'P-384':
      return signerOf(generateKeyPairSync('ec', { namedCurve: kind }), 'ecdsa-sha384')
    case 'P-521':
      return signerOf(generateKeyPairSync('ec', { namedCurve: kind }), 'ecdsa-sha512')
    case 'ed25519':
      return signerOf(generateKeyPairSync('ed25519'), 'ed25519')
    case 'rsa':
      return signerOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }), 'rsa-sha256')
  }
}

/** A signer over a key pair at hand. */
export function signerOf(
  pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  algorithm: SignatureAlgorithm,
): MemorySigner {
  const hash = algorithm.split('-')[1] ?? null
  return {
    publicKey: new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' })),
    algorithm,
    privateKey: pair.privateKey,
    sign: (bytes) => Promise.resolve(new Uint8Array(sign(hash, bytes, pair.privateKey))),
  }
}

/** A certificate with the key that it is for. */
export interface Issued {
  readonly certificate: Certificate
  readonly signer: MemorySigner
}

/** Issues with a fresh serial number, and with a fresh key unless told. */
export async function issue(request: {
  readonly profile: CertificateProfile
  readonly commonName: string
  readonly issuer?: Issued
  readonly signer?: MemorySigner
  readonly validity?: Validity
  readonly now?: Timestamp
  readonly alternativeNames?: readonly AlternativeName[]
}): Promise<Issued> {
  const { profile, issuer, alternativeNames } = request
  const signer = request.signer ?? createMemorySigner()
  const der = await issueCertificate({
    profile,
    subject: { commonName: request.commonName },
    spki: signer.publicKey,
    issuer: issuer?.certificate,
    signer: issuer?.signer ?? signer,
    serialNumber: randomBytes(16),
    validity: request.validity ?? validityOf(profile, request.now ?? TEST_NOW, issuer?.certificate),
    ...(alternativeNames !== undefined && { alternativeNames }),
  })
  return { certificate: parseCertificate(der), signer }
}

/** Root, issuing CA below it and a device below that. */
export async function createHierarchy(
  deviceId: string,
  now: Timestamp = TEST_NOW,
): Promise<{ readonly root: Issued; readonly issuing: Issued; readonly device: Issued }> {
  const root = await issue({ profile: ROOT_AUTHORITY, commonName: 'Test Root', now })
  const issuing = await issue({ profile: ISSUING_AUTHORITY, commonName: 'Test Issuing', issuer: root, now })
  const device = await issue({ profile: DEVICE_CERTIFICATE, commonName: deviceId, issuer: issuing, now })
  return { root, issuing, device }
}

/**
 * Public areas that keys are made from. Endorsement keys: TCG EK Credential Profile 2.5, templates L-1 (RSA 2048) and L-2
 * (NIST P-256); storage keys: TCG TPM v2.0 Provisioning Guidance §7.5.1.
 */

import type { EccPublic, KeyedHashPublic, RsaPublic } from './public-area.ts'

/** PolicySecret(endorsement hierarchy), the policy of the endorsement keys (EK Credential Profile 2.5 §B.6.2, PolicyA). */
const ENDORSEMENT_POLICY = Buffer.from('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa', 'hex')

const AES_128_CFB = { algorithm: 'aes', keyBits: 128, mode: 'cfb' } as const
const EMPTY = new Uint8Array(0)

export const RSA_ENDORSEMENT_TEMPLATE: RsaPublic = {
  kind: 'rsa',
  nameAlg: 'sha256',
  attributes: new Set(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'adminWithPolicy', 'restricted', 'decrypt']),
  authPolicy: ENDORSEMENT_POLICY,
  symmetric: AES_128_CFB,
  scheme: undefined,
  keyBits: 2048,
  exponent: 0,
  modulus: new Uint8Array(256),
}

export const ECC_ENDORSEMENT_TEMPLATE: EccPublic = {
  kind: 'ecc',
  nameAlg: 'sha256',
  attributes: RSA_ENDORSEMENT_TEMPLATE.attributes,
  authPolicy: ENDORSEMENT_POLICY,
  symmetric: AES_128_CFB,
  scheme: undefined,
  curve: 'P-256',
  kdf: undefined,
  x: new Uint8Array(32),
  y: new Uint8Array(32),
}

const STORAGE_ATTRIBUTES = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'userWithAuth',
  'noDA',
  'restricted',
  'decrypt',
] as const

export const RSA_STORAGE_TEMPLATE: RsaPublic = {
  ...RSA_ENDORSEMENT_TEMPLATE,
  attributes: new Set(STORAGE_ATTRIBUTES),
  authPolicy: EMPTY,
}

export const ECC_STORAGE_TEMPLATE: EccPublic = {
  ...ECC_ENDORSEMENT_TEMPLATE,
  attributes: new Set(STORAGE_ATTRIBUTES),
  authPolicy: EMPTY,
}

/**
 * Data to seal under a parent. Without a policy whoever has the parent may unseal it with the object's password; with one
 * nothing but the policy opens it. It never leaves the TPM it was made in.
 */
export function sealedTemplate(authPolicy?: Uint8Array): KeyedHashPublic {
  return {
    kind: 'keyedHash',
    nameAlg: 'sha256',
    attributes: new Set([
      'fixedTPM',
      'fixedParent',
      'noDA',
      ...(authPolicy === undefined ? (['userWithAuth'] as const) : []),
    ]),
    authPolicy: authPolicy ?? EMPTY,
    scheme: undefined,
    unique: EMPTY,
  }
}

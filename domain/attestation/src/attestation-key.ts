/**
 * What a key must be so that its quotes mean something (TPM 2.0 Part 1 §27; TCG "TPM v2.0 Provisioning Guidance"). That it
 * is in the TPM of its endorsement key is proved by activation: only an object with these attributes in that TPM has the
 * name to which the secret was sealed.
 */

import type { TpmPublic } from '@holdfast/tpm'
import { AttestationError } from './errors.ts'

/** @throws AttestationError `bad-attestation-key`. */
export function checkAttestationKey(area: TpmPublic): void {
  const { attributes } = area
  const refuse = (why: string): never => {
    throw new AttestationError('bad-attestation-key', `the attestation key ${why}`)
  }
  // Restricted: it signs what the TPM made, and nothing that somebody hands it and that looks the same.
  for (const name of ['restricted', 'sign', 'fixedTPM', 'fixedParent', 'sensitiveDataOrigin'] as const) {
    if (!attributes.has(name)) refuse(`lacks the attribute ${name}`)
  }
  if (attributes.has('decrypt')) refuse('decrypts, too')
  if (area.nameAlg === 'sha1') refuse('has a name by SHA-1')
  if (!isStrong(area)) refuse('is neither RSA of 2048 bits and more nor on a NIST curve')
  const scheme = area.kind === 'rsa' || area.kind === 'ecc' ? area.scheme : undefined
  const isTaken = scheme?.kind === 'rsassa' || scheme?.kind === 'rsapss' || scheme?.kind === 'ecdsa'
  if (!isTaken || scheme.hash === 'sha1') refuse('signs by none of RSASSA, RSAPSS, ECDSA with SHA-2')
}

/** @throws AttestationError `bad-endorsement-key`. */
export function checkEndorsementKey(area: TpmPublic): void {
  const { attributes } = area
  const refuse = (why: string): never => {
    throw new AttestationError('bad-endorsement-key', `the endorsement key ${why}`)
  }
  for (const name of ['restricted', 'decrypt', 'fixedTPM', 'fixedParent', 'sensitiveDataOrigin'] as const) {
    if (!attributes.has(name)) refuse(`lacks the attribute ${name}`)
  }
  if (attributes.has('sign')) refuse('signs, too')
  if (area.nameAlg === 'sha1') refuse('has a name by SHA-1')
  if (!isStrong(area)) refuse('is neither RSA of 2048 bits and more nor on a NIST curve')
}

function isStrong(area: TpmPublic): boolean {
  return area.kind === 'ecc' || (area.kind === 'rsa' && area.keyBits >= 2_048)
}

/** Whether a device is the TPM that an individual enrolment names (azure-iot.md §6.1). */

import { checkEndorsementKey, AttestationError } from '@holdfast/attestation'
import type { Instant } from '@holdfast/base'
import { DpsError, type RegistrationId, type TpmKeys } from '@holdfast/dps'
import { type SasToken, verifySasToken } from '@holdfast/tokens'
import { TpmError, type TpmPublic, decodePublic } from '@holdfast/tpm'
import type { Activations } from './activations.ts'
import { type Denied, type Proof, denied } from './claim.ts'
import type { Attestation, Enrollment } from './store.ts'

type TpmAttestation = Extract<Attestation, { kind: 'tpm' }>
type TpmProof = Extract<Proof, { kind: 'tpm' }>

/** A TPM's keys, decoded and found to be what they have to be. */
export interface CheckedKeys {
  readonly endorsementKey: TpmPublic
  readonly storageRootKey: TpmPublic
}

/**
 * Checks that the keys are of the kinds that can be given secrets which no other TPM finds. That a TPM has them is what
 * the activation shows.
 * @throws DpsError `bad-request`.
 */
export function checkTpmKeys(keys: Pick<TpmKeys, 'endorsementKey' | 'storageRootKey'>): CheckedKeys {
  const endorsementKey = checkedEndorsementKey(keys.endorsementKey, 'tpm.endorsementKey')
  const storageRootKey = checkedStorageRootKey(keys.storageRootKey, 'tpm.storageRootKey')
  return { endorsementKey, storageRootKey }
}

/** @throws DpsError `bad-request` with `path`. */
export function checkedEndorsementKey(key: Uint8Array, path: string): TpmPublic {
  const area = decoded(key, path)
  try {
    checkEndorsementKey(area)
    return area
  } catch (error) {
    if (error instanceof AttestationError) throw badKey(path, error.message)
    throw error
  }
}

/** @throws DpsError `bad-request` with `path`. */
export function checkedStorageRootKey(key: Uint8Array, path: string): TpmPublic {
  const area = decoded(key, path)
  // Restricted and fixed: what is imported below it is of no use but in this TPM, and nobody decrypts with it at will.
  for (const name of ['restricted', 'decrypt', 'fixedTPM', 'fixedParent', 'sensitiveDataOrigin'] as const) {
    if (!area.attributes.has(name)) throw badKey(path, `the storage root key lacks the attribute ${name}`)
  }
  const isStrong = area.kind === 'ecc' || (area.kind === 'rsa' && area.keyBits >= 2_048)
  if (area.attributes.has('sign') || area.nameAlg === 'sha1' || !isStrong) {
    throw badKey(path, 'the storage root key is no storage key of 2048 bits RSA or a NIST curve')
  }
  return area
}

/** Whether these keys are those that the enrolment names. */
export function namedKeys(attestation: TpmAttestation, keys: TpmKeys): Denied | undefined {
  if (!isSame(attestation.endorsementKey, keys.endorsementKey)) {
    return denied('endorsement-key-differs', 'the enrolment names another endorsement key')
  }
  if (attestation.storageRootKey !== undefined && !isSame(attestation.storageRootKey, keys.storageRootKey)) {
    return denied('storage-root-key-differs', 'the enrolment names another storage root key')
  }
  return undefined
}

/**
 * Proves by a token that a TPM signed with the key it was challenged with.
 * @param context.keys what the device says of its TPM now, when it registers; without them it asks what came of it.
 */
export function proveByActivation(
  token: SasToken,
  enrollment: Enrollment & { readonly attestation: TpmAttestation },
  context: {
    readonly id: RegistrationId
    readonly keys: TpmKeys | undefined
    readonly activations: Activations
    readonly now: Instant
  },
): Pick<TpmProof, 'kind' | 'endorsementKey' | 'storageRootKey' | 'activation'> | Denied {
  const { id, keys, activations, now } = context
  const before = activations.activated(id, now)
  const isBefore = before !== undefined && verifySasToken(token, base64(before.key))
  if (keys === undefined) {
    if (before === undefined || !isBefore) {
      return denied('not-activated', 'not signed by the key of an activation that is not over')
    }
    const { endorsementKey, storageRootKey } = before
    // The enrolment may have been given to another TPM meanwhile.
    return namedKeys(enrollment.attestation, before) ?? { kind: 'tpm', endorsementKey, storageRootKey }
  }
  const differs = namedKeys(enrollment.attestation, keys)
  if (differs !== undefined) return differs
  if (isBefore) return denied('activation-replayed', 'signed by the key of a challenge that was answered already')
  const { endorsementKey, storageRootKey } = keys
  const open = activations.open({ registrationId: id, endorsementKey, storageRootKey }, now)
  for (const activation of open) {
    if (verifySasToken(token, base64(activation))) return { kind: 'tpm', endorsementKey, storageRootKey, activation }
  }
  return denied('not-activated', 'not signed by the key of a challenge to this TPM that waits')
}

function decoded(key: Uint8Array, path: string): TpmPublic {
  try {
    return decodePublic(key)
  } catch (error) {
    if (error instanceof TpmError) throw badKey(path, error.message)
    throw error
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function badKey(path: string, message: string): DpsError {
  return new DpsError('bad-request', `${path}: ${message}.`, { faults: [{ path, message }] })
}

/** Which authenticators people may enrol, as data. */

import type { NewCredential } from './proof.ts'

export interface PasskeyPolicy {
  /** Keys that can be copied to other devices of their owner (synchronised passkeys). */
  readonly backupEligible: 'allowed' | 'refused'
  /** Models of authenticators, by AAGUID; all where there is none. */
  readonly aaguids: readonly string[]
  /** Roots (PEM) to which the attestation must lead, so that the AAGUID is proved and not only said. */
  readonly attestationRoots: readonly string[]
}

export const DEFAULT_PASSKEY_POLICY: PasskeyPolicy = { backupEligible: 'allowed', aaguids: [], attestationRoots: [] }

/** Bounds of a policy: models are some hundred in the world, roots a handful. */
export const AAGUIDS_MAX = 200
export const ATTESTATION_ROOTS_MAX = 50
export const ROOT_CHARACTERS_MAX = 16_384

const AAGUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What is wrong with a policy, or undefined. */
export function faultOfPasskeyPolicy(policy: PasskeyPolicy): string | undefined {
  if (policy.aaguids.length > AAGUIDS_MAX) return `at most ${AAGUIDS_MAX} models of authenticators`
  if (!policy.aaguids.every((one) => AAGUID.test(one))) return 'an AAGUID is a UUID in lower case'
  if (policy.attestationRoots.length > ATTESTATION_ROOTS_MAX) return `at most ${ATTESTATION_ROOTS_MAX} roots`
  if (policy.attestationRoots.some((root) => root.length > ROOT_CHARACTERS_MAX)) return 'a root is too long'
  return undefined
}

/** Why the policy does not want a credential, in words for the person who made it; undefined where it does. */
export function objectionTo(credential: NewCredential, policy: PasskeyPolicy): string | undefined {
  if (policy.backupEligible === 'refused' && credential.isBackupEligible) {
    return 'this passkey can be copied to other devices; use one that stays on its device, such as a security key'
  }
  if (policy.attestationRoots.length > 0 && !credential.isAttested) {
    return 'this authenticator does not prove what it is; use a model that is allowed here'
  }
  if (policy.aaguids.length > 0 && !policy.aaguids.includes(credential.aaguid)) {
    return 'this model of authenticator is not allowed here; ask who looks after the hub which ones are'
  }
  return undefined
}

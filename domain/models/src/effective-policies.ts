/** What a model's requirements mean in the words of the rooms that enforce them, where it says nothing more exact. */

import type { ConnectionPolicy } from '@holdfast/admission'
import { type AttestationPolicy, DEFAULT_POLICY } from '@holdfast/attestation'
import type { DeviceModel, Requirements } from './model.ts'

/** A nonce that is asked for has to be answered, unless the model's own policy says how it is meant. */
export function connectionPolicyOf(model: DeviceModel, { rules }: Requirements): ConnectionPolicy | undefined {
  const { connection } = model.policies
  if (!rules.rollingNonce || connection?.nonce !== undefined) return connection
  return { ...connection, nonce: 'required' }
}

/** A boot that is to be measured is held to the usual policy, unless the model has one of its own. */
export function attestationPolicyOf(model: DeviceModel, { rules }: Requirements): AttestationPolicy | undefined {
  return model.policies.attestation ?? (rules.measuredBoot ? DEFAULT_POLICY : undefined)
}

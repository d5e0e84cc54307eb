/** What a TPM gets and what it may not: its device's key at the hub, and a second identity (azure-iot.md §6.1). */

import { createHash } from 'node:crypto'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { formatActivation } from '@holdfast/dps'
import type { Authentication } from '@holdfast/identity'
import { publicKeyOf } from '@holdfast/tpm'
import type { Attested } from './claim.ts'
import { ACTIVATION_KEY_BYTES } from './limits.ts'
import type { RandomBytes, TpmParts } from './ports.ts'
import { checkTpmKeys } from './tpm-proof.ts'

/** A new key each time, for its TPM alone. Both slots have it: a second key would open the same and be nobody's. */
export function tpmAuthentication(random: RandomBytes): Authentication {
  const key = Buffer.from(random(ACTIVATION_KEY_BYTES)).toString('base64')
  return { kind: 'sas', primaryKey: key, secondaryKey: key }
}

/** The device's key at the hub, wrapped for its TPM; undefined where there is no TPM, or the device has another proof now. */
export function activationOf(
  tpm: TpmParts | undefined,
  attested: Attested,
  authentication: Authentication | undefined,
): Uint8Array | undefined {
  const { proof } = attested
  if (proof.kind !== 'tpm' || tpm === undefined || authentication?.kind !== 'sas') return undefined
  return formatActivation(checkTpmKeys(proof), Buffer.from(authentication.primaryKey, 'base64'), tpm.seeds)
}

/**
 * Claims the TPM for a device: a second identity with its endorsement key is refused, which is an event.
 * @returns the reason of a refusal.
 */
export async function claimTpm(
  parts: { readonly tpm?: TpmParts; readonly clock: Clock; readonly events: EventSink },
  attested: Attested,
  deviceId: string,
): Promise<string | undefined> {
  const { proof, registrationId } = attested
  if (proof.kind !== 'tpm' || parts.tpm === undefined) return undefined
  const spki = publicKeyOf(checkTpmKeys(proof).endorsementKey).export({ type: 'spki', format: 'der' })
  const spkiSha256 = createHash('sha256').update(spki).digest('hex').toUpperCase()
  const at = parts.clock.wall()
  const outcome = await parts.tpm.keyUse.claimKey({ spkiSha256, key: { deviceId }, at })
  if (outcome.kind === 'new' || outcome.kind === 'own') return undefined
  const holder = outcome.holder.deviceId
  const [type, whose] = CLAIM_EVENTS[outcome.kind]
  parts.events({
    type,
    at,
    subject: `device/${deviceId}`,
    actor: `registration/${registrationId}`,
    detail: { spkiSha256, kind: 'endorsement-key', [whose]: holder },
  })
  switch (outcome.kind) {
    case 'used-before':
      return undefined
    case 'taken':
      return `device ${holder} has the same endorsement key`
    case 'retired':
      return `the endorsement key is that of ${holder}, which is retired`
  }
}

const CLAIM_EVENTS = {
  'used-before': ['key.used-before', 'usedBy'],
  taken: ['key.shared', 'heldBy'],
  retired: ['key.retired', 'heldBy'],
} as const

/** What a TPM gets and what it may not: its device's key at the hub, and a second identity (azure-iot.md §6.1). */

import { createHash } from 'node:crypto'
import type { EventSink, EventType, SecurityEvent } from '@holdfast/audit'
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
  const event = (type: EventType, detail: SecurityEvent['detail']): SecurityEvent => ({
    type,
    at,
    subject: `device/${deviceId}`,
    actor: `registration/${registrationId}`,
    detail: { spkiSha256, kind: 'endorsement-key', ...detail },
  })
  const outcome = await parts.tpm.keyUse.claimKey({ spkiSha256, key: { deviceId }, at }, event('key.used-before', {}))
  if (outcome.kind !== 'taken' && outcome.kind !== 'retired') return undefined
  const heldBy = outcome.holder.deviceId
  parts.events(event(outcome.kind === 'taken' ? 'key.shared' : 'key.retired', { heldBy }))
  return outcome.kind === 'taken'
    ? `device ${heldBy} has the same endorsement key`
    : `the endorsement key is that of ${heldBy}, which is retired`
}

/** Attestation as the hub runs it: the domain on its store, the gate, and the clock that makes quotes stale. */

import type { AdmissionGates } from '@holdfast/admission'
import {
  AttestationPolicies,
  type AttestationPolicy,
  Attestations,
  type AttestationStore,
  type Endorsement,
  type EndorsementKeyHolders,
  References,
} from '@holdfast/attestation'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { IdentityKey, KeyRegister, Registry } from '@holdfast/identity'
import { publicKeyOf, type TpmPublic } from '@holdfast/tpm'
import { systemSeedSource } from '@holdfast/tpm-device'
import type { DeviceHandlers } from '../core/device-handlers.ts'
import { attestationGate } from './attestation-gate.ts'

/** Quotes are of minutes and hours; a second late is early enough. */
const TICK_MS = 1_000

export interface AttestationOfficeParts {
  readonly store: AttestationStore
  readonly clock: Clock
  readonly random: (count: number) => Uint8Array
  /** What operators do and time does: each is told. */
  readonly acts: EventSink
  /** What devices can cause at will: may be told in sums. */
  readonly events: EventSink
  readonly gates: Pick<AdmissionGates, 'add' | 'reconsider'>
  readonly registry: Registry
  readonly models: {
    /** The name of the device's model as it is recorded, not as the device says. */
    readonly modelOf: (deviceId: string) => string | undefined
    readonly policyOf: (deviceId: string) => AttestationPolicy | undefined
    /** Brings into memory what these two ask; undefined where it is there. */
    readonly load: (key: IdentityKey) => Promise<unknown> | undefined
  }
  readonly vouch: (endorsementKey: TpmPublic, certificate: Uint8Array | undefined) => Promise<Endorsement>
  /** Which key proves whom. */
  readonly keys: Pick<KeyRegister, 'claim' | 'release'>
  /** Something in the store is left out, because it does not hold. */
  readonly damaged: (what: string, error: unknown) => void
}

export class AttestationOffice {
  readonly attestations: Attestations
  readonly references: References
  readonly policies: AttestationPolicies
  /** For the desk: what is gone is forgotten. */
  readonly handlers: DeviceHandlers
  readonly #timer: NodeJS.Timeout

  private constructor(parts: {
    readonly attestations: Attestations
    readonly references: References
    readonly policies: AttestationPolicies
  }) {
    this.attestations = parts.attestations
    this.references = parts.references
    this.policies = parts.policies
    this.handlers = {
      deleted: ({ deviceId, moduleId }) => {
        if (moduleId !== undefined) return
        this.attestations.drop(deviceId)
        this.policies.forget(deviceId)
      },
    }
    this.#timer = setInterval(() => this.attestations.tick(), TICK_MS)
    this.#timer.unref()
  }

  /** Adds its gate. Rejects with what the store throws. */
  static async open(parts: AttestationOfficeParts): Promise<AttestationOffice> {
    const { store, clock, random, acts, events, gates, registry, models, vouch, keys, damaged } = parts
    const changed = (deviceId?: string): void => {
      attestations.reschedule(deviceId)
      gates.reconsider(deviceId === undefined ? undefined : { deviceId })
    }
    const shared = { store, clock }
    const references = await References.open({ ...shared, withdrawn: () => changed(), damaged })
    const policies = await AttestationPolicies.open({ ...shared, ofModel: models.policyOf, changed })
    const attestations: Attestations = await Attestations.open({
      ...shared,
      events,
      acts,
      random,
      seeds: systemSeedSource,
      references,
      policies,
      modelOf: models.modelOf,
      load: (deviceId) => models.load({ deviceId }),
      vouch,
      holders: holdersIn(keys),
      reconsider: (deviceId) => gates.reconsider({ deviceId }),
    })
    gates.add(attestationGate(attestations, async (key) => (await registry.read(key))?.generationId))
    return new AttestationOffice({ attestations, references, policies })
  }

  end(): void {
    clearInterval(this.#timer)
  }
}

const HOLDING = { good: 'good', 'key-shared': 'taken', 'key-retired': 'retired', 'key-weak': 'weak' } as const

/** The TPM's endorsement key stands in the register as every key does. */
function holdersIn(keys: AttestationOfficeParts['keys']): EndorsementKeyHolders {
  const spkiOf = (endorsementKey: TpmPublic): Uint8Array =>
    publicKeyOf(endorsementKey).export({ type: 'spki', format: 'der' })
  return {
    claim: async (endorsementKey, device) => HOLDING[await keys.claim(spkiOf(endorsementKey), device)],
    release: (endorsementKey, deviceId) => keys.release(spkiOf(endorsementKey), { deviceId }),
  }
}

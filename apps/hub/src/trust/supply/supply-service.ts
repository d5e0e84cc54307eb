/** Models, manifests, claims and lives of devices in the running hub: the domain on its store, its gate and its clockwork. */

import type { AdmissionGates, ConnectionPolicy, QuarantineEntry } from '@holdfast/admission'
import type { AttestationPolicy } from '@holdfast/attestation'
import type { EventSink, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { IdentityKey, Registry } from '@holdfast/identity'
import { type ModelStore, Models } from '@holdfast/models'
import type { SupplyRules } from '@holdfast/provisioning'
import {
  Claims,
  Lives,
  ManifestImports,
  Manufacturers,
  type OwnedDevices,
  Owners,
  provisioningRules,
  Retirements,
  type SupplyStore,
  Transfers,
} from '@holdfast/supply'
import type { DeviceHandlers } from '../../core/device-handlers.ts'
import { lifeGate } from '../life-gate.ts'
import { ManifestIntake } from './manifest-intake.ts'
import { QuarantineFollower } from './quarantine-follower.ts'

/** How late an expiry, or what a stop broke off, may be noticed, in milliseconds. */
const SWEEP_MS = 60_000
/** Bytes of the key under which codes are kept. */
const CODE_KEY_BYTES = 32

export interface SupplyServiceParts {
  readonly store: SupplyStore & ModelStore
  /** Path of the folder for manifests that are being looked at. */
  readonly spool: string
  readonly registry: Registry
  readonly devices: OwnedDevices
  /** Whether an individual enrolment of this id is there. */
  readonly hasEnrollment: (registrationId: string) => Promise<boolean>
  readonly gates: AdmissionGates
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly events: EventSink
  /** For what devices can cause by the thousand. */
  readonly frequentEvents: EventSink
  readonly claimLifeMs: number
  /** MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

export class SupplyService {
  readonly models: Models
  readonly manufacturers: Manufacturers
  readonly manifests: ManifestIntake
  readonly owners: Owners
  readonly claims: Claims
  readonly lives: Lives
  readonly transfers: Transfers
  readonly retirements: Retirements
  readonly store: SupplyStore
  /** For provisioning. */
  readonly rules: SupplyRules
  /** For the desk: what is gone is forgotten. */
  readonly handlers: DeviceHandlers
  readonly #fault: (error: unknown) => void
  readonly #timer: NodeJS.Timeout
  readonly #follower: QuarantineFollower
  #isSweeping = false

  private constructor(parts: SupplyServiceParts, models: Models, manufacturers: Manufacturers, codeKey: string) {
    const { store, registry, devices, gates, clock, random, events } = parts
    const shared = { store, clock, events }
    const identityOf = (deviceId: string) => registry.read({ deviceId })
    this.store = store
    this.models = models
    this.manufacturers = manufacturers
    this.owners = new Owners(shared)
    this.lives = new Lives({ ...shared, models, identityOf })
    const { owners, lives } = this
    const imports = new ManifestImports({ ...shared, models, codeKey, claimLifeMs: parts.claimLifeMs })
    this.manifests = new ManifestIntake({ folder: parts.spool, manufacturers, imports, random, clock, events })
    const isTaken = async (id: string): Promise<boolean> =>
      (await identityOf(id)) !== undefined || (await parts.hasEnrollment(id))
    this.claims = new Claims({ ...shared, owners, models, codeKey, isTaken })
    this.transfers = new Transfers({ ...shared, owners, lives, models, devices, random, codeKey })
    this.retirements = new Retirements({ ...shared, lives, devices, codeKey })
    this.rules = provisioningRules({ store, lives, models, clock, codeKey, identityOf })
    this.handlers = {
      deleted: ({ deviceId, moduleId }) => {
        if (moduleId === undefined) lives.forget(deviceId)
      },
    }
    lives.subscribe((deviceId) => gates.reconsider({ deviceId }))
    models.subscribe(() => gates.reconsider())
    const generationOf = async (deviceId: string): Promise<string | undefined> =>
      (await identityOf(deviceId))?.generationId
    gates.add(lifeGate({ lives, models, generationOf, clock, events: parts.frequentEvents }))
    this.#follower = new QuarantineFollower({ lives, store, fault: parts.fault })
    this.#fault = parts.fault
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  /** Adds its gate. `sweep` finishes what a stop broke off, once the hub stands. Rejects with what the store throws. */
  static async open(parts: SupplyServiceParts): Promise<SupplyService> {
    const { store, random } = parts
    const models = await Models.open(parts)
    const manufacturers = await Manufacturers.open(parts)
    const codeKey = await store.supplyKey(Buffer.from(random(CODE_KEY_BYTES)).toString('base64'))
    const service = new SupplyService(parts, models, manufacturers, codeKey)
    await service.manifests.clear()
    return service
  }

  /** Who is quarantined is said elsewhere, and is a part of a device's life: it is written down here too. */
  follow(quarantine: {
    list(): readonly QuarantineEntry[]
    subscribe(listener: (event: SecurityEvent) => void): () => void
  }): void {
    this.#follower.follow(quarantine)
  }

  /**
   * The model of a device as it is recorded, where its life is in memory (`load`). What a device says of itself does not
   * count.
   */
  modelOf(deviceId: string): string | undefined {
    const life = this.lives.written(deviceId)
    if (life instanceof Promise) {
      life.catch(this.#fault)
      return undefined
    }
    return life?.model
  }

  connectionPolicyOf({ deviceId }: IdentityKey): ConnectionPolicy | undefined {
    const model = this.modelOf(deviceId)
    return model === undefined ? undefined : this.models.connectionPolicy(model)
  }

  attestationPolicyOf(deviceId: string): AttestationPolicy | undefined {
    const model = this.modelOf(deviceId)
    return model === undefined ? undefined : this.models.attestationPolicy(model)
  }

  /** Reads the life into memory; undefined where it is there. */
  load({ deviceId }: IdentityKey): Promise<unknown> | undefined {
    const life = this.lives.written(deviceId)
    return life instanceof Promise ? life : undefined
  }

  /** Where gates are added whose judgement asks `modelOf`: they are asked when the life is in memory. */
  before(gates: AdmissionGates): Pick<AdmissionGates, 'add' | 'reconsider'> {
    const { lives } = this
    return {
      add: (gate) => {
        gates.add({
          ...gate,
          judge: (facts) => {
            const life = lives.written(facts.key.deviceId)
            return life instanceof Promise ? life.then(() => gate.judge(facts)) : gate.judge(facts)
          },
        })
      },
      reconsider: (key) => gates.reconsider(key),
    }
  }

  /** Expires what nobody claimed, and finishes what was broken off. Never rejects. */
  async sweep(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    const steps = [
      () => this.retirements.resume(),
      () => this.transfers.resume(),
      () => this.claims.expire(),
      () => this.#follower.reconcile(),
    ]
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        this.#fault(error)
      }
    }
    this.#isSweeping = false
  }

  end(): void {
    clearInterval(this.#timer)
  }
}

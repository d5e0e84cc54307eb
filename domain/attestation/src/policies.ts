/** Which policy holds for a device: its own, else its model's, else that of every device, else none. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { AttestationError } from './errors.ts'
import { DEVICE_POLICIES_MAX } from './limits.ts'
import type { AttestationPolicy } from './policy.ts'
import type { AttestationStore } from './store.ts'

export interface PoliciesParts {
  readonly store: AttestationStore
  readonly clock: Clock
  /** What the device's model asks for; undefined where it has none, or that asks for nothing. */
  readonly ofModel: (deviceId: string) => AttestationPolicy | undefined
  /** Of one device, or of all. MUST NOT throw. */
  readonly changed: (deviceId: string | undefined) => void
}

export interface FoundPolicy {
  readonly source: 'device' | 'model' | 'default'
  readonly policy: AttestationPolicy
}

export class AttestationPolicies {
  readonly #parts: PoliciesParts
  readonly #ofDevices = new Map<string, AttestationPolicy>()
  #default: AttestationPolicy | undefined

  private constructor(parts: PoliciesParts) {
    this.#parts = parts
  }

  static async open(parts: PoliciesParts): Promise<AttestationPolicies> {
    const policies = new AttestationPolicies(parts)
    for (const { deviceId, policy } of await parts.store.listAttestationPolicies()) policies.#put(deviceId, policy)
    return policies
  }

  find(deviceId: string): FoundPolicy | undefined {
    const own = this.#ofDevices.get(deviceId)
    if (own !== undefined) return { source: 'device', policy: own }
    const model = this.#parts.ofModel(deviceId)
    if (model !== undefined) return { source: 'model', policy: model }
    return this.#default === undefined ? undefined : { source: 'default', policy: this.#default }
  }

  /** Of every device that has none of its own and no model that says otherwise. */
  get default(): AttestationPolicy | undefined {
    return this.#default
  }

  /**
   * @param deviceId undefined: of every device. @param policy undefined: none.
   * @throws AttestationError `device-missing`, `too-many`.
   */
  async set(deviceId: string | undefined, policy: AttestationPolicy | undefined, actor: string): Promise<void> {
    const isMore = deviceId !== undefined && policy !== undefined && !this.#ofDevices.has(deviceId)
    if (isMore && this.#ofDevices.size >= DEVICE_POLICIES_MAX) {
      throw new AttestationError(
        'too-many',
        `at most ${DEVICE_POLICIES_MAX} devices have a policy of their own; use models`,
      )
    }
    const because: SecurityEvent = {
      type: 'attestation.policy-changed',
      at: this.#parts.clock.wall(),
      subject: deviceId === undefined ? 'hub' : `device/${deviceId}`,
      actor,
      detail:
        policy === undefined
          ? { asks: 'nothing' }
          : { pcrs: policy.pcrs.join(' '), bank: policy.bank, maxAgeMs: policy.maxAgeMs, onFailure: policy.onFailure },
    }
    if ((await this.#parts.store.writeAttestationPolicy(deviceId, policy, because)) === 'device-missing') {
      throw new AttestationError('device-missing', 'the device does not exist; check the id')
    }
    this.#put(deviceId, policy)
    this.#parts.changed(deviceId)
  }

  /** The device is gone, and its policy with it. */
  forget(deviceId: string): void {
    this.#ofDevices.delete(deviceId)
  }

  #put(deviceId: string | undefined, policy: AttestationPolicy | undefined): void {
    if (deviceId === undefined) this.#default = policy
    else if (policy === undefined) this.#ofDevices.delete(deviceId)
    else this.#ofDevices.set(deviceId, policy)
  }
}

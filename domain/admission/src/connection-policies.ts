/** The connection policies that operators have set: the hub's and those of single devices. Models keep their own. */

import type { Because, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import {
  type ConnectionPolicy,
  type EffectivePolicy,
  effectivePolicy,
  readConnectionPolicy,
} from './connection-policy.ts'
import { POLICIES_OF_DEVICES_MAX } from './limits.ts'

/** Policies as JSON texts. A write keeps `because` in its transaction where it did what was asked. */
export interface ConnectionPolicyStore {
  readSetting(name: string): Promise<string | undefined>
  writeSetting(name: string, value: string, because?: Because): Promise<void>
  listConnectionPolicies(): Promise<readonly { readonly deviceId: string; readonly policy: string }[]>
  /** In the place of what was. False where the device does not exist; its policy goes with it. */
  writeConnectionPolicy(deviceId: string, policy: string, because?: Because): Promise<boolean>
  deleteConnectionPolicy(deviceId: string, because?: Because): Promise<boolean>
}

export interface ConnectionPoliciesParts {
  readonly store: ConnectionPolicyStore
  readonly clock: Clock
  /** What the model of an identity says; a policy that `readConnectionPolicy` gave. */
  readonly ofModel: (key: IdentityKey) => ConnectionPolicy | undefined
  /** Live connections of the device, or of everybody, are to be judged again. */
  readonly changed: (key: IdentityKey | undefined) => void
}

/** Whose policy it is; without an id the hub's. */
export interface PolicyScope {
  readonly deviceId?: string
}

export type PolicyOutcome = 'done' | 'missing' | 'too-many'

const SETTING = 'connectionPolicy'

export class ConnectionPolicies {
  readonly #parts: ConnectionPoliciesParts
  readonly #ofDevices: Map<string, ConnectionPolicy>
  #ofHub: ConnectionPolicy | undefined
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(
    parts: ConnectionPoliciesParts,
    ofHub: ConnectionPolicy | undefined,
    ofDevices: Map<string, ConnectionPolicy>,
  ) {
    this.#parts = parts
    this.#ofHub = ofHub
    this.#ofDevices = ofDevices
  }

  /** @throws ConnectionPolicyError or SyntaxError when what is stored is no policy: the store is damaged. */
  static async open(parts: ConnectionPoliciesParts): Promise<ConnectionPolicies> {
    const text = await parts.store.readSetting(SETTING)
    const stored = await parts.store.listConnectionPolicies()
    const ofDevices = stored.map(({ deviceId, policy }): [string, ConnectionPolicy] => [deviceId, policyFrom(policy)])
    return new ConnectionPolicies(
      parts,
      text === undefined || text === '' ? undefined : policyFrom(text),
      new Map(ofDevices),
    )
  }

  /** What was set there; undefined where nothing was. */
  read({ deviceId }: PolicyScope): ConnectionPolicy | undefined {
    return deviceId === undefined ? this.#ofHub : this.#ofDevices.get(deviceId)
  }

  /** Ids of devices with a policy of their own, in order. */
  devices(): readonly string[] {
    return [...this.#ofDevices.keys()].sort()
  }

  /** What holds for an identity: its device's policy, its model's, the hub's, the default, the nearest first. */
  effective(key: IdentityKey): EffectivePolicy {
    return effectivePolicy([this.#ofDevices.get(key.deviceId), this.#parts.ofModel(key), this.#ofHub])
  }

  /** What holds where no device and no model says otherwise. */
  effectiveOfHub(): EffectivePolicy {
    return effectivePolicy([this.#ofHub])
  }

  /** Durable before it holds; then live connections are held to it. */
  set(scope: PolicyScope, policy: ConnectionPolicy, actor: string): Promise<PolicyOutcome> {
    return this.#inTurn(async () => {
      const { deviceId } = scope
      const text = JSON.stringify(policy)
      const because = this.#event('connection-policy.set', scope, actor, { policy: text })
      if (deviceId === undefined) {
        await this.#parts.store.writeSetting(SETTING, text, because)
        this.#ofHub = policy
      } else {
        if (!this.#ofDevices.has(deviceId) && this.#ofDevices.size >= POLICIES_OF_DEVICES_MAX) return 'too-many'
        if (!(await this.#parts.store.writeConnectionPolicy(deviceId, text, because))) return 'missing'
        this.#ofDevices.set(deviceId, policy)
      }
      this.#changed(scope)
      return 'done'
    })
  }

  /** `missing`: there was none. */
  clear(scope: PolicyScope, actor: string): Promise<PolicyOutcome> {
    return this.#inTurn(async () => {
      const { deviceId } = scope
      if (this.read(scope) === undefined) return 'missing'
      const because = this.#event('connection-policy.cleared', scope, actor, {})
      if (deviceId === undefined) {
        await this.#parts.store.writeSetting(SETTING, '', because)
        this.#ofHub = undefined
      } else {
        await this.#parts.store.deleteConnectionPolicy(deviceId, because)
        this.#ofDevices.delete(deviceId)
      }
      this.#changed(scope)
      return 'done'
    })
  }

  /** The device is gone. */
  deleted(key: IdentityKey): void {
    if (key.moduleId === undefined) this.#ofDevices.delete(key.deviceId)
  }

  #changed({ deviceId }: PolicyScope): void {
    this.#parts.changed(deviceId === undefined ? undefined : { deviceId })
  }

  #event(
    type: 'connection-policy.set' | 'connection-policy.cleared',
    { deviceId }: PolicyScope,
    actor: string,
    detail: Readonly<Record<string, string>>,
  ): SecurityEvent {
    const subject = deviceId === undefined ? 'hub' : `device/${deviceId}`
    return { type, at: this.#parts.clock.wall(), subject, actor, detail }
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(step)
    this.#lastChange = turn.catch(() => undefined)
    return turn
  }
}

function policyFrom(text: string): ConnectionPolicy {
  return readConnectionPolicy(JSON.parse(text))
}

/** Shared access policies: named pairs of keys with rights, by which services (and devices, with DeviceConnect) come in. */

import type { EventType, SecurityEvent } from '@holdfast/audit'
import { type Clock, formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import {
  coversDevice,
  coversService,
  EXPIRY_SKEW_MS,
  isExpired,
  type KeyForm,
  parseSasToken,
  resourceOf,
  type SasResource,
  type SasToken,
  TokenError,
  verifySasToken,
} from '@holdfast/tokens'
import type { Cut, KeySlot } from './credential.ts'
import { IdentityError } from './errors.ts'
import { FailureThrottle } from './failure-throttle.ts'
import type { IdentityKey } from './identity.ts'
import { KEY_BYTES, POLICIES_MAX } from './limits.ts'
import {
  demandRotatable,
  hasRetired,
  keyTime,
  otherSlot,
  POLICY_KEY_AGE_MAX_MS,
  POLICY_OVERLAP_DEFAULT_MS,
  type PolicyRotation,
  type RotationOptions,
  usedTime,
  withNewKey,
  withUse,
} from './policy-rotation.ts'
import { type RandomBytes, randomBase64 } from './random.ts'
import type { AccessPolicy, PolicyStore, Right } from './store.ts'

/**
 * The policies that IoT Hub and DPS start with. Of DPS's owner the right DeviceConnect is left out: hub and provisioning
 * are one service here, and whoever enrols devices needs no right to speak as every one of them.
 */
export const DEFAULT_POLICIES: readonly Pick<AccessPolicy, 'name' | 'rights'>[] = [
  { name: 'iothubowner', rights: ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect'] },
  { name: 'service', rights: ['ServiceConnect'] },
  { name: 'device', rights: ['DeviceConnect'] },
  { name: 'registryRead', rights: ['RegistryRead'] },
  { name: 'registryReadWrite', rights: ['RegistryRead', 'RegistryWrite'] },
  {
    name: 'provisioningserviceowner',
    rights: ['ServiceConfig', 'EnrollmentRead', 'EnrollmentWrite', 'RegistrationStatusRead', 'RegistrationStatusWrite'],
  },
]

/** Who a service proved to be. */
export interface Principal {
  readonly name: string
  readonly slot: KeySlot
  readonly rights: readonly Right[]
  readonly expires: Timestamp
}

/** To the peer all of them look alike; the code is for the log. */
export type PolicyDenial =
  | 'token-malformed'
  | 'policy-unknown'
  | 'wrong-signature'
  | 'wrong-audience'
  | 'token-expired'
  | 'policy-without-right'
  | 'throttled'
  | 'key-overdue'

export type PolicyVerdict =
  | { readonly kind: 'allowed'; readonly principal: Principal }
  | { readonly kind: 'denied'; readonly code: PolicyDenial; readonly detail: string }

/** As `PolicyVerdict`, of a token that may be for a part of the hub: `path` says which, segment by segment. */
export type ScopedVerdict =
  | { readonly kind: 'allowed'; readonly principal: Principal; readonly path: readonly string[] }
  | Extract<PolicyVerdict, { kind: 'denied' }>

export interface PoliciesParts {
  readonly store: PolicyStore
  readonly clock: Clock
  readonly random: RandomBytes
  /** Names of this hub; the first is the hub's own. */
  readonly hostNames: readonly string[]
  /** Milliseconds that a key may become old, 90 days unless told; and whether an older one is refused. */
  readonly keyAge?: { readonly maxMs: number; readonly refuses: boolean }
}

/** A current key that is older than it may be. */
export interface OverdueKey {
  readonly name: string
  readonly slot: KeySlot
  readonly since: Timestamp
}

export class Policies {
  readonly #parts: PoliciesParts
  readonly #hosts: readonly string[]
  readonly #policies = new Map<string, AccessPolicy>()
  readonly #decoy: string
  /** Who guesses keys of policies; a policy stands there as a device would, by its name. */
  readonly #failures = new FailureThrottle()
  /** Uses since the last write, by name and slot: two for each policy. */
  readonly #uses = new Map<string, Timestamp>()
  /** Overdue keys that were told of, by name. */
  readonly #told = new Map<string, Timestamp>()
  #cutsMade = 0
  #lastChange: Promise<void> = Promise.resolve()

  private constructor(parts: PoliciesParts, policies: readonly AccessPolicy[]) {
    this.#parts = parts
    this.#hosts = parts.hostNames.map((name) => name.toLowerCase())
    for (const policy of policies) this.#policies.set(policy.name, policy)
    this.#decoy = randomBase64(parts.random, KEY_BYTES)
  }

  /** Reads the policies, and makes those of `DEFAULT_POLICIES` that are not there, with random keys. */
  static async open(parts: PoliciesParts): Promise<Policies> {
    const stored = await parts.store.listPolicies()
    if (stored.length > POLICIES_MAX) throw new TypeError(`the store holds more than ${POLICIES_MAX} policies`)
    const now = parts.clock.wall()
    const rotation: PolicyRotation = { current: 'primary', primaryTime: now, secondaryTime: now }
    const policies: AccessPolicy[] = []
    for (const policy of stored) {
      const known = policy.rotation === undefined ? { ...policy, rotation } : policy
      if (known !== policy) await parts.store.writePolicy(known)
      policies.push(known)
    }
    for (const { name, rights } of DEFAULT_POLICIES) {
      if (stored.some((one) => one.name === name)) continue
      const policy: AccessPolicy = {
        name,
        rights,
        primaryKey: randomBase64(parts.random, KEY_BYTES),
        secondaryKey: randomBase64(parts.random, KEY_BYTES),
        rotation,
      }
      await parts.store.writePolicy(policy, {
        type: 'policy.created',
        at: parts.clock.wall(),
        subject: `policy/${name}`,
        actor: 'hub',
        detail: { rights: rights.join(' ') },
      })
      policies.push(policy)
    }
    return new Policies(parts, policies)
  }

  /** Counts changes that took a key away. */
  get cutsMade(): number {
    return this.#cutsMade
  }

  /** With their keys: the caller decides who sees those. */
  list(): readonly AccessPolicy[] {
    return [...this.#policies.values()]
  }

  read(name: string): AccessPolicy | undefined {
    return this.#policies.get(name)
  }

  /**
   * Who the bearer of a service's token is. What the principal may do, its `rights` say.
   * @param text `SharedAccessSignature sr=…`, whose `sr` is one of the hub's names and nothing narrower.
   * @param address where it came from: whoever fails too often there is refused unseen (`FailureThrottle`).
   */
  verifyService(text: string, address: string): PolicyVerdict {
    return this.#guarded(text, address, (resource) => coversService(resource, this.#hosts))
  }

  /**
   * As `verifyService`, where `sr` may name something narrower of this hub: what that is and whether it suffices, the
   * caller decides. Clients of Event Hubs sign with the key's text, so that form of it counts too.
   */
  verifyScoped(text: string, address: string): ScopedVerdict {
    let path: readonly string[] = []
    const covers = (resource: SasResource): boolean => {
      path = resource.path
      return this.#hosts.includes(resource.host)
    }
    const verdict = this.#guarded(text, address, covers, ['bytes', 'text'])
    return verdict.kind === 'denied' ? verdict : { ...verdict, path }
  }

  /** Whether a policy with the right DeviceConnect speaks for the device or module. */
  verifyDevice(token: SasToken, key: IdentityKey): PolicyVerdict {
    const target = { hosts: this.#hosts, ...key, holder: 'policy' as const }
    const verdict = this.#verify(token, (resource) => coversDevice(resource, target))
    if (verdict.kind === 'allowed' && !verdict.principal.rights.includes('DeviceConnect')) {
      return denied('policy-without-right', `policy ${verdict.principal.name} has no right DeviceConnect`)
    }
    return verdict
  }

  /**
   * Gives one slot of a policy a new key.
   * @throws IdentityError `missing`.
   */
  async regenerateKey(name: string, slot: KeySlot, actor: string): Promise<{ readonly cuts: readonly Cut[] }> {
    // One after the other: a write holds both keys, and one made from an older reading would bring a taken key back.
    const turn = this.#lastChange.then(() => this.#replaceKey(name, slot, actor))
    this.#lastChange = turn.catch(() => {})
    await turn
    this.#cutsMade += 1
    return { cuts: [{ kind: 'policy', name, slot }] }
  }

  /**
   * Gives the slot that is not current a new key and makes it current. The former works on for `overlapMs`, a day unless
   * told; what rested on the key that was replaced is cut.
   * @throws IdentityError `missing`, `invalid`, `rotating`, `slot-in-use`.
   */
  async rotate(
    name: string,
    options: RotationOptions,
    actor: string,
  ): Promise<{ readonly policy: AccessPolicy; readonly cuts: readonly Cut[] }> {
    return this.#next(async () => {
      const policy = this.#existing(name)
      const now = this.#parts.clock.wall()
      const before = this.rotationOf(policy)
      demandRotatable(before, options, now)
      const slot = otherSlot(before.current)
      const retiresTime = timestampOf(now + (options.overlapMs ?? POLICY_OVERLAP_DEFAULT_MS))
      const next = this.#withKey({ ...policy, rotation: { ...before, current: slot, retiresTime } }, slot, now)
      await this.#write(next, 'policy.rotated', actor, { slot, formerUntil: formatTimestamp(retiresTime) })
      return { policy: next, cuts: this.#cut(name, slot) }
    })
  }

  /** Ends the former key of a rotation now. @throws IdentityError `missing`, `not-rotating`. */
  async retire(name: string, actor: string): Promise<{ readonly policy: AccessPolicy; readonly cuts: readonly Cut[] }> {
    return this.#next(async () => {
      const policy = this.#existing(name)
      const { retiresTime, ...rotation } = this.rotationOf(policy)
      if (retiresTime === undefined) {
        throw new IdentityError('not-rotating', `no former key of the policy ${name} works beside the current one`)
      }
      const slot = otherSlot(rotation.current)
      const next = this.#withKey({ ...policy, rotation }, slot, this.#parts.clock.wall())
      await this.#write(next, 'policy.key-retired', actor, { slot })
      return { policy: next, cuts: this.#cut(name, slot) }
    })
  }

  /** Retires what is due, tells once of keys that are overdue, writes what was used: to be called every minute or so. */
  async upkeep(): Promise<{ readonly cuts: readonly Cut[]; readonly overdue: readonly OverdueKey[] }> {
    const now = this.#parts.clock.wall()
    const cuts: Cut[] = []
    for (const { name } of this.list()) {
      const { retiresTime } = this.rotationOf(this.#existing(name))
      if (retiresTime !== undefined && now >= retiresTime) cuts.push(...(await this.retire(name, 'hub')).cuts)
    }
    const overdue = this.list().flatMap((policy): readonly OverdueKey[] => {
      const rotation = this.rotationOf(policy)
      const since = keyTime(rotation, rotation.current)
      return this.#isOverdue(since, now) ? [{ name: policy.name, slot: rotation.current, since }] : []
    })
    for (const { name, slot, since } of overdue) {
      if (this.#told.get(name) === since) continue
      const days = Math.floor((now - since) / 86_400_000)
      await this.#next(() => this.#write(this.#existing(name), 'policy.rotation-overdue', 'hub', { slot, days }))
      this.#told.set(name, since)
    }
    await this.#writeUses()
    return { cuts, overdue }
  }

  /** What is known of the keys of a policy; uses that are not written yet are in it. */
  rotationOf(policy: AccessPolicy): PolicyRotation {
    const kept = policy.rotation
    if (kept === undefined) throw new TypeError('every policy has one since it was opened')
    return (['primary', 'secondary'] as const).reduce<PolicyRotation>((known, slot) => {
      const at = this.#uses.get(`${policy.name} ${slot}`)
      return at === undefined ? known : withUse(known, slot, at)
    }, kept)
  }

  async #writeUses(): Promise<void> {
    for (const { name, rotation } of this.list()) {
      if (rotation === undefined) continue
      const isNews = (['primary', 'secondary'] as const).some((slot) => {
        const at = this.#uses.get(`${name} ${slot}`)
        return at !== undefined && dayOf(at) !== dayOf(usedTime(rotation, slot) ?? 0)
      })
      if (!isNews) continue
      await this.#next(async () => {
        const policy = this.#existing(name)
        const next = { ...policy, rotation: this.rotationOf(policy) }
        await this.#parts.store.writePolicy(next)
        this.#policies.set(name, next)
      })
    }
  }

  #isOverdue(since: Timestamp, now: Timestamp): boolean {
    return now - since > (this.#parts.keyAge?.maxMs ?? POLICY_KEY_AGE_MAX_MS)
  }

  #withKey(policy: AccessPolicy, slot: KeySlot, now: Timestamp): AccessPolicy {
    const key = randomBase64(this.#parts.random, KEY_BYTES)
    this.#uses.delete(`${policy.name} ${slot}`)
    const changed =
      policy.rotation === undefined ? policy : { ...policy, rotation: withNewKey(policy.rotation, slot, now) }
    return slot === 'primary' ? { ...changed, primaryKey: key } : { ...changed, secondaryKey: key }
  }

  async #write(policy: AccessPolicy, type: EventType, actor: string, detail: SecurityEvent['detail']): Promise<void> {
    const at = this.#parts.clock.wall()
    await this.#parts.store.writePolicy(policy, { type, at, subject: `policy/${policy.name}`, actor, detail })
    this.#policies.set(policy.name, policy)
  }

  #cut(name: string, slot: KeySlot): readonly Cut[] {
    this.#cutsMade += 1
    return [{ kind: 'policy', name, slot }]
  }

  #existing(name: string): AccessPolicy {
    const policy = this.#policies.get(name)
    if (policy === undefined) throw new IdentityError('missing', 'there is no policy of this name')
    return policy
  }

  async #next<T>(work: () => Promise<T>): Promise<T> {
    // One after the other: a write holds both keys, and one made from an older reading would bring a taken key back.
    const turn = this.#lastChange.then(work)
    this.#lastChange = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }

  async #replaceKey(name: string, slot: KeySlot, actor: string): Promise<void> {
    const current = this.#policies.get(name)
    if (current === undefined) throw new IdentityError('missing', 'there is no policy of this name')
    const rotation = this.rotationOf(current)
    // A former key that is replaced has nothing left to retire.
    const { retiresTime: _ended, ...settled } = rotation
    const kept = slot === rotation.current ? rotation : settled
    const next = this.#withKey({ ...current, rotation: kept }, slot, this.#parts.clock.wall())
    await this.#parts.store.writePolicy(next, {
      type: 'policy.key-changed',
      at: this.#parts.clock.wall(),
      subject: `policy/${name}`,
      actor,
      detail: { slot },
    })
    this.#policies.set(name, next)
  }

  /** Verifies what may be a guess. A token that was good once and has expired is none. */
  #guarded(
    text: string,
    address: string,
    covers: (resource: SasResource) => boolean,
    forms?: readonly KeyForm[],
  ): PolicyVerdict {
    const now = this.#parts.clock.monotonic()
    const token = readToken(text)
    const name = 'kind' in token ? undefined : token.policyName
    const key = name === undefined || !this.#policies.has(name) ? undefined : { deviceId: name }
    const isSpent =
      key === undefined ? this.#failures.isAddressSpent(address, now) : this.#failures.isPairSpent(address, key, now)
    if (isSpent) return denied('throttled', 'too many failures from this address before')
    const verdict = 'kind' in token ? token : this.#verify(token, covers, forms)
    if (key === undefined) this.#failures.failedAsUnknown(address, now)
    else if (verdict.kind === 'allowed') this.#failures.succeeded(address, key)
    else if (verdict.code === 'wrong-signature') this.#failures.failedAsKnown(address, key, now)
    return verdict
  }

  #verify(
    token: SasToken,
    covers: (resource: SasResource) => boolean,
    forms: readonly KeyForm[] = ['bytes'],
  ): PolicyVerdict {
    const policy = token.policyName === undefined ? undefined : this.#policies.get(token.policyName)
    // An unknown policy costs what a known one costs, so that time does not tell names.
    // All are always tried, so that every refusal takes the same work.
    const isSignedBy = (key: string): boolean => forms.map((form) => verifySasToken(token, key, form)).includes(true)
    const isPrimary = isSignedBy(policy?.primaryKey ?? this.#decoy)
    const isSecondary = isSignedBy(policy?.secondaryKey ?? this.#decoy)
    if (policy === undefined) return denied('policy-unknown', 'the token names no policy of this hub')
    if (!isPrimary && !isSecondary) return denied('wrong-signature', `not signed by policy ${policy.name}`)
    const slot = isPrimary ? 'primary' : 'secondary'
    const now = this.#parts.clock.wall()
    if (hasRetired(policy.rotation, slot, now)) {
      return denied('wrong-signature', `signed by the ${slot} key of policy ${policy.name}, which has retired`)
    }
    if (isExpired(token, this.#parts.clock.wall(), EXPIRY_SKEW_MS)) {
      return denied('token-expired', `expired at ${new Date(token.expires).toISOString()}`)
    }
    if (!covers(audienceOf(token))) return denied('wrong-audience', 'the token is for another resource')
    const since = policy.rotation && keyTime(policy.rotation, slot)
    if (this.#parts.keyAge?.refuses === true && since !== undefined && this.#isOverdue(since, now)) {
      return denied('key-overdue', `the ${slot} key of policy ${policy.name} is older than it may be; rotate it`)
    }
    this.#uses.set(`${policy.name} ${slot}`, now)
    return {
      kind: 'allowed',
      principal: {
        name: policy.name,
        slot,
        rights: policy.rights,
        expires: token.expires,
      },
    }
  }
}

function dayOf(at: number): number {
  return Math.floor(at / 86_400_000)
}

function readToken(text: string): SasToken | Extract<PolicyVerdict, { kind: 'denied' }> {
  try {
    return parseSasToken(text)
  } catch (error) {
    if (error instanceof TokenError) return denied('token-malformed', error.message)
    throw error
  }
}

/** The token's resource; one of the wrong form is the resource of nothing. */
export function audienceOf(token: SasToken): SasResource {
  try {
    return resourceOf(token.resource)
  } catch (error) {
    if (error instanceof TokenError) return { host: '', path: [] }
    throw error
  }
}

function denied(code: PolicyDenial, detail: string): Extract<PolicyVerdict, { kind: 'denied' }> {
  return { kind: 'denied', code, detail }
}

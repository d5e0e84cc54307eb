/**
 * Stores in memory that keep the promises of `store.ts`, for tests of this and other packages. Events that a write brings
 * go to the sink, where it did what was asked.
 */

import { type Because, completed, type EventSink, eventsOf } from '@holdfast/audit'
import type { Expectation, Identity, IdentityKey, IdentityWriteOutcome, WriteOutcome } from '../identity.ts'
import type { KeyClaim, KeyClaimOutcome, KeyUseStore } from '../key-register.ts'
import type { RevocationListStore, StoredRevocationList } from '../revocation.ts'
import { edgeScope } from '../scope.ts'
import type { AccessPolicy, AuthorityStore, CustomerAuthority, IdentityStore, PolicyStore } from '../store.ts'

/** Answers as the disk does: some turns later, with the state of the moment in which it did the work. */
export class MemoryIdentityStore implements IdentityStore {
  readonly #identities = new Map<string, Identity>()
  readonly twins = new Map<string, { readonly tags: string; readonly desired: string }>()
  /** Reads that reached the store. */
  reads = 0
  /** Set to make every call reject with it. */
  failure: Error | undefined
  sink: EventSink

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async readIdentity(key: IdentityKey): Promise<Identity | undefined> {
    this.reads += 1
    const identity = this.#identities.get(textOf(key))
    return this.#answer(identity)
  }

  async writeIdentity(identity: Identity, expected: Expectation, because?: Because): Promise<IdentityWriteOutcome> {
    const text = textOf(identity)
    const current = this.#identities.get(text)
    const outcome = judge(expected, current?.etag)
    if (outcome !== 'written') return this.#answer(outcome)
    if (identity.moduleId !== undefined && !this.#identities.has(textOf({ deviceId: identity.deviceId }))) {
      return this.#answer('missing')
    }
    const { parentScope } = identity
    if (parentScope !== undefined && !this.#all().some((one) => edgeScope(one) === parentScope)) {
      return this.#answer('scope-missing')
    }
    if (this.failure === undefined) {
      this.#identities.set(text, structuredClone(identity))
      tell(this.sink, because)
      if (current !== undefined && edgeScope(identity) === undefined) this.#leave(edgeScope(current))
    }
    return this.#answer('written')
  }

  async deleteIdentity(key: IdentityKey, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    const text = textOf(key)
    const current = this.#identities.get(text)
    if (current === undefined) return this.#answer('missing')
    const outcome = judge(expected, current.etag)
    if (outcome !== 'written') return this.#answer(outcome)
    if (this.failure === undefined) {
      this.#identities.delete(text)
      tell(this.sink, because)
      this.#leave(edgeScope(current))
      if (key.moduleId === undefined) {
        for (const one of this.#identities.keys()) if (one.startsWith(`${text}/`)) this.#identities.delete(one)
      }
    }
    return this.#answer('written')
  }

  async listDevices(page: Parameters<IdentityStore['listDevices']>[0]): Promise<readonly Identity[]> {
    const { within } = page
    const devices = this.#all()
      .filter((one) => one.moduleId === undefined && (page.after === undefined || one.deviceId > page.after))
      .filter(
        (one) =>
          within === undefined || within.fleets.includes(one.fleet ?? '') || within.deviceIds.includes(one.deviceId),
      )
      .toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
    return this.#answer(devices.slice(0, page.limit))
  }

  async listModules(deviceId: string): Promise<readonly Identity[]> {
    return this.#answer(this.#all().filter((one) => one.moduleId !== undefined && one.deviceId === deviceId))
  }

  async countDevices(): Promise<{ readonly total: number; readonly enabled: number }> {
    const devices = this.#all().filter((one) => one.moduleId === undefined)
    return this.#answer({ total: devices.length, enabled: devices.filter((one) => one.status === 'enabled').length })
  }

  async writeTwin(
    key: IdentityKey,
    twin: { readonly tags: string; readonly desired: string },
    because?: Because,
  ): Promise<void> {
    if (this.failure === undefined) {
      this.twins.set(textOf(key), twin)
      tell(this.sink, because)
    }
    return this.#answer(undefined)
  }

  #leave(scope: string | undefined): void {
    if (scope === undefined) return
    for (const [text, { parentScope, ...orphan }] of this.#identities) {
      if (parentScope === scope) this.#identities.set(text, orphan)
    }
  }

  #all(): readonly Identity[] {
    return [...this.#identities.values()]
  }

  async #answer<T>(value: T): Promise<T> {
    const failure = this.failure
    await Promise.resolve()
    await Promise.resolve()
    if (failure !== undefined) throw failure
    return structuredClone(value)
  }
}

export class MemoryPolicyStore implements PolicyStore {
  readonly policies = new Map<string, AccessPolicy>()
  sink: EventSink

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async listPolicies(): Promise<readonly AccessPolicy[]> {
    return [...this.policies.values()]
  }

  async writePolicy(policy: AccessPolicy, because?: Because): Promise<void> {
    await Promise.resolve()
    this.policies.set(policy.name, structuredClone(policy))
    tell(this.sink, because)
  }
}

export class MemoryAuthorityStore implements AuthorityStore {
  readonly authorities = new Map<string, CustomerAuthority>()
  sink: EventSink

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async listAuthorities(): Promise<readonly CustomerAuthority[]> {
    return [...this.authorities.values()]
  }

  async writeAuthority(authority: CustomerAuthority, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    await Promise.resolve()
    const outcome = judge(expected, this.authorities.get(authority.name)?.etag)
    if (outcome !== 'written') return outcome
    this.authorities.set(authority.name, structuredClone(authority))
    tell(this.sink, because)
    return outcome
  }

  async deleteAuthority(name: string, because?: Because): Promise<WriteOutcome> {
    await Promise.resolve()
    if (!this.authorities.delete(name)) return 'missing'
    tell(this.sink, because)
    return 'written'
  }
}

export class MemoryRevocationListStore implements RevocationListStore {
  readonly lists = new Map<string, StoredRevocationList>()
  sink: EventSink

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async listRevocationLists(): Promise<readonly StoredRevocationList[]> {
    return [...this.lists.values()]
  }

  async writeRevocationList(list: StoredRevocationList, because?: Because): Promise<WriteOutcome> {
    await Promise.resolve()
    this.lists.set(`${list.authority} ${list.issuerKey}`, structuredClone(list))
    tell(this.sink, because)
    return 'written'
  }

  async deleteRevocationList(authority: string, issuerKey: string, because?: Because): Promise<WriteOutcome> {
    await Promise.resolve()
    if (!this.lists.delete(`${authority} ${issuerKey}`)) return 'missing'
    tell(this.sink, because)
    return 'written'
  }
}

/** Without the deletion of identities: `free` says that one is gone. */
export class MemoryKeyUseStore implements KeyUseStore {
  readonly holders = new Map<string, { readonly key: IdentityKey; isFree: boolean }>()
  /** Digests of keys and certificates of retired devices, and whose they were. */
  readonly retired = new Map<string, IdentityKey>()
  sink: EventSink

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async claimKey({ spkiSha256, key, certificates = [] }: KeyClaim, because?: Because): Promise<KeyClaimOutcome> {
    await Promise.resolve()
    const dead = [spkiSha256, ...certificates]
      .map((digest) => this.retired.get(digest))
      .find((one) => one !== undefined)
    if (dead !== undefined) return { kind: 'retired', holder: dead }
    const before = this.holders.get(spkiSha256)
    if (before !== undefined && !before.isFree) {
      return textOf(before.key) === textOf(key) ? { kind: 'own' } : { kind: 'taken', holder: before.key }
    }
    this.holders.set(spkiSha256, { key, isFree: false })
    if (before === undefined) return { kind: 'new' }
    tell(this.sink, completed(because, { usedBy: textOf(before.key) }))
    return { kind: 'used-before', holder: before.key }
  }

  async releaseKey({ spkiSha256, key }: KeyClaim): Promise<void> {
    await Promise.resolve()
    const holder = this.holders.get(spkiSha256)
    if (holder !== undefined && textOf(holder.key) === textOf(key)) holder.isFree = true
  }

  free(key: IdentityKey): void {
    for (const holder of this.holders.values()) if (textOf(holder.key) === textOf(key)) holder.isFree = true
  }
}

function tell(sink: EventSink, because: Because | undefined): void {
  for (const event of eventsOf(because)) sink(event)
}

function judge(expected: Expectation, etag: string | undefined): WriteOutcome {
  switch (expected.kind) {
    case 'absent':
      return etag === undefined ? 'written' : 'exists'
    case 'present':
      return etag === undefined ? 'missing' : 'written'
    case 'etag':
      if (etag === undefined) return 'missing'
      return etag === expected.etag ? 'written' : 'etag-mismatch'
    case 'any':
      return 'written'
  }
}

function textOf(key: IdentityKey): string {
  return key.moduleId === undefined ? key.deviceId : `${key.deviceId}/${key.moduleId}`
}

/** The register of devices and modules: every change of an identity passes through here. */

import type { Clock } from '@holdfast/base'
import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { type AuthenticationDraft, completeAuthentication } from './authentication.ts'
import type { Cut, KeySlot } from './credential.ts'
import { IdentityError } from './errors.ts'
import {
  changedIdentity,
  checkReason,
  cutsBetween,
  checkKeeper,
  differences,
  type IdentityChange,
  keyOf,
} from './identity-change.ts'
import { IdentityCache } from './identity-cache.ts'
import { checkIdentityKey, identitySubject } from './identity-key.ts'
import type { Expectation, Identity, IdentityKey, IdentityWriteOutcome } from './identity.ts'
import {
  CHANGE_ATTEMPTS_MAX,
  EDGE_LAYERS_MAX,
  ETAG_BYTES,
  GENERATION_BYTES,
  KEY_BYTES,
  MODULES_PER_DEVICE_MAX,
  PAGE_ITEMS_MAX,
} from './limits.ts'
import { type RandomBytes, randomBase64, randomDecimal } from './random.ts'
import { edgeScope, parentFault, unknownScope } from './scope.ts'
import type { IdentityStore } from './store.ts'

/** A new device, or with `moduleId` a new module. Without `authentication` it gets keys. */
export interface IdentityDraft extends IdentityKey {
  readonly authentication?: AuthenticationDraft
  readonly status?: 'enabled' | 'disabled'
  readonly statusReason?: string
  /** Of devices alone, like `parentScope`; `managedBy` of modules alone. Otherwise they are `invalid`. */
  readonly iotEdge?: boolean
  readonly parentScope?: string
  readonly managedBy?: string
  /** Of devices alone: the fleet it stands in, `organisation/site/fleet`. */
  readonly fleet?: string
}

/** What a change must find: an identity that is there, or that has this ETag. */
export type Found = Extract<Expectation, { kind: 'present' | 'etag' }>

/** A change that is on disk. Its cuts MUST be handed to the sessions before anybody is told that it is done. */
export interface Applied {
  readonly identity: Identity
  readonly cuts: readonly Cut[]
}

/** What became of an identity; without `after` it is gone, and of a device its modules with it. */
export interface IdentityChanged {
  readonly before: Identity
  readonly after?: Identity
  readonly actor: string
}

export interface RegistryParts {
  /** Written by this registry alone while it runs; two would not see each other's changes. */
  readonly store: IdentityStore
  readonly clock: Clock
  readonly random: RandomBytes
  /** For what changes nothing here; a change brings its event to the store. */
  readonly events: EventSink
  /**
   * Called once a change of an identity, or its end, is on disk; the change is done when this is. MUST NOT reject:
   * what could not follow the change then has to follow it later.
   */
  readonly changed?: (change: IdentityChanged) => Promise<void>
  /** Whether one of these symmetric keys (base64) was a retired device's. Absent: no device is retired here. */
  readonly areRetired?: (keys: readonly string[]) => Promise<boolean>
}

const PRESENT: Found = { kind: 'present' }

/** What is written of a twin that begins anew. */
const ALL_SECTIONS = 'tags desired reported'

/** Where scopes take their turns: the id of no device. */
const SCOPES = '/scopes'

/**
 * Every method that changes something resolves when the change is durable, takes the `actor` for the event
 * (`policy/iothubowner`, `operator/local`, …), and rejects with IdentityError for what cannot be had, or with what the
 * store throws when it is unavailable; then it is not known whether the change was made, and asking again is right.
 */
export class Registry {
  readonly #store: IdentityStore
  readonly #clock: Clock
  readonly #random: RandomBytes
  readonly #events: EventSink
  readonly #changed: RegistryParts['changed']
  readonly #areRetired: RegistryParts['areRetired']
  readonly #cache: IdentityCache
  /**
   * The last creation of a module under each device, so that counting and writing are one step; and the last change of
   * a parent, so that two cannot close a loop.
   */
  readonly #turns = new Map<string, Promise<unknown>>()
  #cutsMade = 0

  constructor(parts: RegistryParts) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#random = parts.random
    this.#events = parts.events
    this.#changed = parts.changed
    this.#areRetired = parts.areRetired
    this.#cache = new IdentityCache((key) => parts.store.readIdentity(key))
  }

  /** Counts changes that took a credential away; a decision made under an older count has to be made again. */
  get cutsMade(): number {
    return this.#cutsMade
  }

  /** The identity, from memory where it is there. An id of the wrong form is the id of nothing. */
  async read(key: IdentityKey): Promise<Identity | undefined> {
    return this.#cache.read(key)
  }

  /**
   * Devices by id in ascending order, strictly after `after`.
   * @param page.limit 1 to 1000.
   */
  async listDevices(page: Parameters<IdentityStore['listDevices']>[0]): Promise<readonly Identity[]> {
    if (!Number.isInteger(page.limit) || page.limit < 1 || page.limit > PAGE_ITEMS_MAX) {
      throw new IdentityError('invalid', `limit is a whole number from 1 to ${PAGE_ITEMS_MAX}`)
    }
    return this.#store.listDevices(page)
  }

  /** @throws IdentityError `device-missing`. */
  async listModules(deviceId: string): Promise<readonly Identity[]> {
    const modules = await this.#store.listModules(deviceId)
    if (modules.length === 0 && (await this.#cache.read({ deviceId })) === undefined) throw deviceMissing(deviceId)
    return modules
  }

  async countDevices(): Promise<{ readonly total: number; readonly enabled: number }> {
    return this.#store.countDevices()
  }

  /** @throws IdentityError `invalid`, `exists`, `device-missing`, `too-many-modules`, `unknown-scope`. */
  async create(draft: IdentityDraft, actor: string): Promise<Identity> {
    const key = checkIdentityKey(draft)
    const reason = checkReason(draft.statusReason ?? '')
    const keeper = checkKeeper(draft.managedBy ?? '')
    checkKind(key, draft)
    const now = this.#clock.wall()
    const identity: Identity = {
      ...key,
      generationId: randomDecimal(this.#random, GENERATION_BYTES),
      etag: randomBase64(this.#random, ETAG_BYTES),
      status: draft.status ?? 'enabled',
      ...(reason === '' ? {} : { statusReason: reason }),
      statusUpdatedTime: now,
      createdTime: now,
      authentication: completeAuthentication(draft.authentication ?? { kind: 'sas' }, this.#random),
      capabilities: { iotEdge: draft.iotEdge ?? false },
      ...(draft.parentScope === undefined || draft.parentScope === '' ? {} : { parentScope: draft.parentScope }),
      ...(keeper === '' ? {} : { managedBy: keeper }),
      ...(draft.fleet === undefined || draft.fleet === '' ? {} : { fleet: draft.fleet }),
    }
    await this.#refuseRetired(key, draft.authentication, actor)
    const created = this.#event('identity.created', key, actor, {
      authentication: identity.authentication.kind,
      status: identity.status,
    })
    if (key.moduleId === undefined) await this.#underParent(identity, () => this.#insert(identity, created))
    else await this.#takeTurn(key.deviceId, () => this.#insertModule(identity, created))
    return identity
  }

  /** @throws IdentityError `invalid`, `missing`, `etag-mismatch`, `contended`, `unknown-scope`. */
  async update(key: IdentityKey, change: IdentityChange, actor: string, found: Found = PRESENT): Promise<Applied> {
    checkKind(key, change)
    await this.#refuseRetired(key, change.authentication, actor)
    return this.#change(key, actor, found, (current) =>
      changedIdentity(current, change, this.#clock.wall(), this.#random),
    )
  }

  /**
   * Gives one slot a new random key; the other stays, so that a device can be moved over in between.
   * @throws IdentityError `missing`, `no-keys`, `etag-mismatch`, `contended`.
   */
  async regenerateKey(key: IdentityKey, slot: KeySlot, actor: string, found: Found = PRESENT): Promise<Applied> {
    const fresh = randomBase64(this.#random, KEY_BYTES)
    return this.#change(key, actor, found, (current) => {
      if (current.authentication.kind !== 'sas') {
        throw new IdentityError(
          'no-keys',
          'this identity does not prove itself by keys; change its authentication first',
        )
      }
      const authentication: AuthenticationDraft =
        slot === 'primary'
          ? { ...current.authentication, primaryKey: fresh }
          : { ...current.authentication, secondaryKey: fresh }
      return changedIdentity(current, { authentication }, this.#clock.wall(), this.#random)
    })
  }

  /**
   * A device takes its modules with it.
   * @throws IdentityError `missing`, `etag-mismatch`, `contended`.
   */
  async delete(key: IdentityKey, actor: string, found: Found = PRESENT): Promise<Applied> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt += 1) {
      const current = await this.#expect(key, found)
      const deleted = this.#event('identity.deleted', key, actor, { generationId: current.generationId })
      const outcome = await this.#written(key, () =>
        this.#store.deleteIdentity(key, { kind: 'etag', etag: current.etag }, deleted),
      )
      // Not there any more, or another than the one that was read: look again, so that the cut names what was deleted.
      if (outcome !== 'written') continue
      this.#cutsMade += 1
      const scope = edgeScope(current)
      if (scope !== undefined) this.#cache.forgetUnder(scope)
      await this.#changed?.({ before: current, actor })
      return {
        identity: current,
        cuts: [{ kind: 'identity', ...keyOf(key), generationId: current.generationId, reason: 'identity-deleted' }],
      }
    }
    throw contended()
  }

  /**
   * Writes the tags and desired properties a new device starts with, as provisioning asks.
   * @param twin JSON texts of objects, checked by the caller.
   * @throws IdentityError `missing`.
   */
  async writeTwin(
    key: IdentityKey,
    twin: { readonly tags: string; readonly desired: string },
    actor: string,
  ): Promise<void> {
    if ((await this.#cache.read(key)) === undefined) throw missing(key)
    await this.#store.writeTwin(key, twin, this.#event('twin.changed', key, actor, { sections: ALL_SECTIONS }))
  }

  async #change(
    key: IdentityKey,
    actor: string,
    found: Found,
    apply: (current: Identity) => Identity,
  ): Promise<Applied> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt += 1) {
      const current = await this.#expect(key, found)
      const next = apply(current)
      const updated = this.#event('identity.updated', key, actor, {
        changed: differences(current, next).join(' '),
        status: next.status,
        authentication: next.authentication.kind,
      })
      const write = (): Promise<IdentityWriteOutcome> =>
        this.#written(key, () => this.#store.writeIdentity(next, { kind: 'etag', etag: current.etag }, updated))
      const isMoved = next.parentScope !== current.parentScope
      const outcome = isMoved ? await this.#underParent(next, write) : await write()
      if (outcome === 'scope-missing' && isMoved) throw unknownScope()
      if (outcome === 'fleet-missing') throw unknownFleet()
      // Written or deleted by another call since it was read: what this call does, it does to what is there now.
      if (outcome !== 'written') continue
      this.#cache.put(next)
      const scope = edgeScope(current)
      if (scope !== undefined && edgeScope(next) === undefined) this.#cache.forgetUnder(scope)
      const cuts = cutsBetween(current, next)
      if (cuts.length > 0) this.#cutsMade += 1
      await this.#changed?.({ before: current, after: next, actor })
      return { identity: next, cuts }
    }
    throw contended()
  }

  /** Of the keys that somebody chose: what a retired device has lets nobody in again, under whatever id. */
  async #refuseRetired(key: IdentityKey, draft: AuthenticationDraft | undefined, actor: string): Promise<void> {
    if (draft?.kind !== 'sas' || this.#areRetired === undefined) return
    const chosen = [draft.primaryKey, draft.secondaryKey].filter((one) => one !== undefined)
    if (chosen.length === 0 || !(await this.#areRetired(chosen))) return
    this.#events(this.#event('key.retired', key, actor, { kind: 'symmetric-key' }))
    throw new IdentityError('invalid', 'a key is that of a retired device, which does not come back; make a new one')
  }

  async #expect(key: IdentityKey, found: Found): Promise<Identity> {
    const current = await this.#cache.read(key)
    if (current === undefined) throw missing(key)
    if (found.kind === 'etag' && found.etag !== current.etag) {
      throw new IdentityError('etag-mismatch', 'the identity was changed since you read it; read it again')
    }
    return current
  }

  async #insert(identity: Identity, created: SecurityEvent): Promise<void> {
    const outcome = await this.#written(identity, () =>
      this.#store.writeIdentity(identity, { kind: 'absent' }, created),
    )
    if (outcome === 'missing') throw deviceMissing(identity.deviceId)
    if (outcome === 'scope-missing') throw unknownScope()
    if (outcome === 'fleet-missing') throw unknownFleet()
    if (outcome !== 'written') {
      throw new IdentityError('exists', `${identitySubject(identity)} exists already; change it or choose another id`)
    }
    this.#cache.put(identity)
  }

  async #insertModule(identity: Identity, created: SecurityEvent): Promise<void> {
    const modules = await this.#store.listModules(identity.deviceId)
    if (modules.length >= MODULES_PER_DEVICE_MAX && !modules.some((one) => one.moduleId === identity.moduleId)) {
      throw new IdentityError(
        'too-many-modules',
        `a device has at most ${MODULES_PER_DEVICE_MAX} modules; delete one first`,
      )
    }
    await this.#insert(identity, created)
  }

  /** Does a write and, whatever comes of it, trusts memory no longer for this identity. */
  async #written<T>(key: IdentityKey, write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } finally {
      this.#cache.forget(key)
    }
  }

  /** Writes a device whose parent is new. An edge device waits its turn, for it may close a loop; a leaf cannot. */
  async #underParent<T>(identity: Identity, write: () => Promise<T>): Promise<T> {
    const { deviceId, parentScope, capabilities } = identity
    if (parentScope === undefined) return write()
    const checked = async (): Promise<T> => {
      const fault = await parentFault(deviceId, parentScope, (parentId) => this.#cache.read({ deviceId: parentId }))
      if (fault === 'unknown') throw unknownScope()
      if (fault !== undefined) {
        throw new IdentityError(
          'invalid',
          `an edge device stands under at most ${EDGE_LAYERS_MAX} others, never itself`,
        )
      }
      return write()
    }
    return capabilities.iotEdge ? this.#takeTurn(SCOPES, checked) : checked()
  }

  async #takeTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve()
    const turn = before.then(work, work)
    this.#turns.set(name, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name)
    }
  }

  #event(type: SecurityEvent['type'], key: IdentityKey, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#clock.wall(), subject: identitySubject(key), actor, detail }
  }
}

function missing(key: IdentityKey): IdentityError {
  return new IdentityError('missing', `${key.moduleId === undefined ? 'the device' : 'the module'} does not exist`)
}

function checkKind(
  key: IdentityKey,
  asked: Pick<IdentityChange, 'iotEdge' | 'parentScope' | 'managedBy' | 'fleet'>,
): void {
  const isModule = key.moduleId !== undefined
  if (isModule && (asked.iotEdge === true || (asked.parentScope ?? '') !== '')) {
    throw new IdentityError('invalid', 'a module has no capabilities and no parent; its device may have them')
  }
  if (isModule && (asked.fleet ?? '') !== '') {
    throw new IdentityError('invalid', 'a module stands where its device does')
  }
  if (!isModule && (asked.managedBy ?? '') !== '') throw new IdentityError('invalid', 'managedBy is for modules alone')
}

function unknownFleet(): IdentityError {
  return new IdentityError('invalid', 'there is no such fleet; list the fleets for those that exist')
}

function deviceMissing(deviceId: string): IdentityError {
  return new IdentityError('device-missing', `device ${deviceId} does not exist; create it first`)
}

function contended(): IdentityError {
  return new IdentityError('contended', 'others are changing the same identity; try again')
}

/** Lives of devices: read from memory where connections are judged, changed in one place, told to whoever judged by them. */

import type { Because, EventSink } from '@holdfast/audit'
import { type Clock, LruMap } from '@holdfast/base'
import type { Identity } from '@holdfast/identity'
import type { Models } from '@holdfast/models'
import { type DeviceLife, isAbout, type LifeChange, type LifeOutcome, unwrittenLife } from './device-life.ts'
import { SupplyError } from './errors.ts'
import { LIVES_CACHED_MAX, REASON_CHARACTERS_MAX } from './limits.ts'
import type { HistoryEntry, SupplyStore, Tombstone } from './store.ts'

export interface LivesParts {
  /** Lives are written by this object alone while it runs. */
  readonly store: SupplyStore
  readonly models: Models
  readonly clock: Clock
  readonly events: EventSink
  readonly identityOf: (deviceId: string) => Promise<Identity | undefined>
}

type Changed = (deviceId: string) => void

export class Lives {
  readonly #parts: LivesParts
  /** `null`: nothing is written about the id. */
  readonly #cache = new LruMap<string, DeviceLife | null>(LIVES_CACHED_MAX)
  readonly #listeners = new Set<Changed>()
  /** Counts changes begun and ended: what was read across one is not remembered. */
  #turns = 0

  constructor(parts: LivesParts) {
    this.#parts = parts
  }

  /** Calls `listener` with the id of each device whose life has changed; it MUST NOT throw. */
  subscribe(listener: Changed): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What is written of an id, at once where it is in memory. Also of a former identity: see `isAbout`. */
  written(deviceId: string): DeviceLife | undefined | Promise<DeviceLife | undefined> {
    const known = this.#cache.get(deviceId)
    return known === undefined ? this.#read(deviceId) : (known ?? undefined)
  }

  /** The life of a device as it is now. @throws SupplyError `device-missing`. */
  async read(deviceId: string): Promise<DeviceLife> {
    const identity = await this.#expect(deviceId)
    const life = await this.written(deviceId)
    if (isAbout(life, identity.generationId)) return { ...life, generationId: identity.generationId }
    return unwrittenLife(deviceId, identity.generationId, identity.createdTime)
  }

  history(subject: string, page: { readonly after: number; readonly limit: number }): Promise<readonly HistoryEntry[]> {
    return this.#parts.store.listHistory(subject, page)
  }

  /** The identity is gone, and what is written of it with it. */
  forget(deviceId: string): void {
    this.#turns += 1
    this.#cache.delete(deviceId)
  }

  /**
   * Says of which model a device is.
   * @throws SupplyError `device-missing`, `unknown-model`, `not-of-model`, `illegal-move`.
   */
  async assign(
    deviceId: string,
    facts: { readonly model: string; readonly hardwareRevision?: string },
    actor: string,
  ): Promise<DeviceLife> {
    const { models } = this.#parts
    const model = models.read(facts.model)
    const requirements = models.requirements(facts.model)
    if (model === undefined || requirements === undefined) {
      throw new SupplyError('unknown-model', 'list the models for those that exist')
    }
    const { hardwareRevision } = facts
    if (hardwareRevision !== undefined && !model.hardwareRevisions.includes(hardwareRevision)) {
      throw new SupplyError('not-of-model', `the model has the revisions ${model.hardwareRevisions.join(', ')}`)
    }
    const { generationId } = await this.#expect(deviceId)
    const needsCommissioning = requirements.rules.commissioning
    return this.#moved(deviceId, { kind: 'assign', generationId, ...facts, needsCommissioning }, actor)
  }

  /** @param note what there is to say of it, at most 256 characters. @throws SupplyError `device-missing`, `illegal-move`, `invalid`. */
  async commission(deviceId: string, note: string, actor: string): Promise<DeviceLife> {
    checkReason(note)
    const { generationId } = await this.#expect(deviceId)
    return this.#moved(deviceId, { kind: 'commission', generationId, note }, actor)
  }

  /** Holds a device back from everything but remediation; twice is once. @throws SupplyError as `commission`. */
  async quarantine(deviceId: string, reason: string, actor: string): Promise<DeviceLife> {
    checkReason(reason)
    const { generationId } = await this.#expect(deviceId)
    return this.#moved(deviceId, { kind: 'quarantine', generationId, reason }, actor)
  }

  /** Ends a quarantine: the device is where it was before. @throws SupplyError as `commission`. */
  async release(deviceId: string, reason: string, actor: string): Promise<DeviceLife> {
    checkReason(reason)
    const { generationId } = await this.#expect(deviceId)
    return this.#moved(deviceId, { kind: 'release', generationId, reason }, actor)
  }

  /**
   * A change that others of this room have thought of. A refusal is told and given back.
   * @param because kept with the change, after the events of its own.
   */
  async change(
    deviceId: string,
    change: Exclude<LifeChange, { kind: 'retire' }>,
    actor: string,
    because?: Because,
  ): Promise<LifeOutcome> {
    const stamp = { at: this.#parts.clock.wall(), actor }
    const outcome = await this.#written(deviceId, () => this.#parts.store.changeLife(deviceId, change, stamp, because))
    this.#tellRefusal(deviceId, change.kind, outcome, actor)
    return outcome
  }

  /** Writes the tombstone of a device, and keeps `because` with it. */
  async retire(tombstone: Tombstone): Promise<LifeOutcome> {
    const { deviceId, actor, at, reason, generationId, serial = '', keys } = tombstone
    const because = {
      type: 'device.retired',
      at,
      subject: `device/${deviceId}`,
      actor,
      detail: { reason, generationId, serial, keys: keys.length },
    } as const
    const outcome = await this.#written(deviceId, () => this.#parts.store.retireDevice(tombstone, because))
    this.#tellRefusal(deviceId, 'retire', outcome, actor)
    return outcome
  }

  async #moved(deviceId: string, change: Exclude<LifeChange, { kind: 'retire' }>, actor: string): Promise<DeviceLife> {
    const outcome = await this.change(deviceId, change, actor)
    if (outcome.kind === 'refused') throw new SupplyError('illegal-move', outcome.reason)
    return outcome.life
  }

  async #read(deviceId: string): Promise<DeviceLife | undefined> {
    const turn = this.#turns
    const life = await this.#parts.store.readLife(deviceId)
    if (turn === this.#turns) this.#cache.set(deviceId, life ?? null)
    return life
  }

  /** Does a write and, whatever comes of it, trusts no reading from before or during it. */
  async #written<T>(deviceId: string, write: () => Promise<T>): Promise<T> {
    this.forget(deviceId)
    try {
      return await write()
    } finally {
      this.forget(deviceId)
      for (const listener of this.#listeners) listener(deviceId)
    }
  }

  async #expect(deviceId: string): Promise<Identity> {
    const identity = await this.#parts.identityOf(deviceId)
    if (identity !== undefined) return identity
    throw new SupplyError('device-missing', 'check the id; ids are case-sensitive')
  }

  #tellRefusal(deviceId: string, move: LifeChange['kind'], outcome: LifeOutcome, actor: string): void {
    if (outcome.kind !== 'refused') return
    const { clock, events } = this.#parts
    const detail = { move, reason: outcome.reason }
    events({ type: 'device.life-refused', at: clock.wall(), subject: `device/${deviceId}`, actor, detail })
  }
}

function checkReason(reason: string): void {
  if (reason.length > REASON_CHARACTERS_MAX) {
    throw new SupplyError('invalid', `a reason has at most ${REASON_CHARACTERS_MAX} characters; shorten it`)
  }
}

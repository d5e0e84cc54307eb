/** The models of a hub. All are in memory, so that judging a connection asks no disk. */

import type { ConnectionPolicy } from '@holdfast/admission'
import type { AttestationPolicy } from '@holdfast/attestation'
import type { EventType, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { attestationPolicyOf, connectionPolicyOf } from './effective-policies.ts'
import { ModelError } from './errors.ts'
import { CHANGE_ATTEMPTS_MAX, ETAG_BYTES, MODELS_MAX } from './limits.ts'
import { type DeviceModel, type ModelDraft, type Requirements, requirementsOf } from './model.ts'
import type { ModelStore } from './store.ts'

interface Effective {
  readonly requirements: Requirements
  readonly connection: ConnectionPolicy | undefined
  readonly attestation: AttestationPolicy | undefined
}

export interface ModelsParts {
  /** Written by this object alone while it runs. */
  readonly store: ModelStore
  readonly clock: Clock
  /** MUST come from the system's cryptographic generator outside of tests. */
  readonly random: (bytes: number) => Uint8Array
}

/**
 * Every method that changes something resolves when the change is durable, takes the `actor` for the event, and rejects
 * with ModelError for what cannot be had, or with what the store throws.
 */
export class Models {
  readonly #parts: ModelsParts
  readonly #models = new Map<string, DeviceModel>()
  readonly #effective = new Map<string, Effective>()
  readonly #listeners = new Set<(id: string) => void>()

  private constructor(parts: ModelsParts) {
    this.#parts = parts
  }

  static async open(parts: ModelsParts): Promise<Models> {
    const models = new Models(parts)
    for (const model of await parts.store.listModels()) models.#models.set(model.id, model)
    return models
  }

  read(id: string): DeviceModel | undefined {
    return this.#models.get(id)
  }

  /** In the order of their ids. */
  list(): readonly DeviceModel[] {
    return [...this.#models.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** What holds for devices of this model; undefined where there is none of this id. */
  requirements(id: string): Requirements | undefined {
    return this.#effectiveOf(id)?.requirements
  }

  /** How devices of this model may connect; the same object until the model changes. */
  connectionPolicy(id: string): ConnectionPolicy | undefined {
    return this.#effectiveOf(id)?.connection
  }

  /** What is asked of the boot of devices of this model. */
  attestationPolicy(id: string): AttestationPolicy | undefined {
    return this.#effectiveOf(id)?.attestation
  }

  /** Calls `listener` with the id of each model that was changed or deleted; it MUST NOT throw. */
  subscribe(listener: (id: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @throws ModelError `exists`, `too-many`. */
  async create(draft: ModelDraft, actor: string): Promise<DeviceModel> {
    if (this.#models.has(draft.id)) throw exists(draft.id)
    if (this.#models.size >= MODELS_MAX) {
      throw new ModelError('too-many', `there are at most ${MODELS_MAX} models; delete one first`)
    }
    const now = this.#parts.clock.wall()
    const model: DeviceModel = { ...draft, etag: this.#etag(), createdTime: now, updatedTime: now }
    const created = this.#event('model.created', model.id, actor, factsOf(model))
    if ((await this.#parts.store.writeModel(model, { kind: 'absent' }, created)) !== 'written') throw exists(draft.id)
    this.#changed(model.id, model)
    return model
  }

  /**
   * Replaces a model's document. Its devices are held to it from then on, those that are connected too.
   * @param etag only if it still has this one.
   * @throws ModelError `missing`, `etag-mismatch`, `invalid` for another manufacturer: manifests name it.
   */
  async update(draft: ModelDraft, actor: string, etag?: string): Promise<DeviceModel> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt += 1) {
      const current = this.#expect(draft.id, etag)
      if (current.manufacturer !== draft.manufacturer) {
        throw new ModelError('invalid', 'a model keeps its manufacturer, whose manifests name it; create another model')
      }
      const { createdTime } = current
      const model: DeviceModel = { ...draft, etag: this.#etag(), createdTime, updatedTime: this.#parts.clock.wall() }
      const expected = { kind: 'etag', etag: current.etag } as const
      const updated = this.#event('model.updated', model.id, actor, factsOf(model))
      if ((await this.#parts.store.writeModel(model, expected, updated)) !== 'written') continue
      this.#changed(model.id, model)
      return model
    }
    throw new ModelError('etag-mismatch', 'others are changing this model; read it again')
  }

  /** @throws ModelError `missing`, `etag-mismatch`, `in-use`. */
  async delete(id: string, actor: string, etag?: string): Promise<void> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt += 1) {
      const current = this.#expect(id, etag)
      const deleted = this.#event('model.deleted', id, actor, {})
      const outcome = await this.#parts.store.deleteModel(id, current.etag, deleted)
      if (outcome === 'in-use') {
        throw new ModelError('in-use', 'devices or manifests are of this model; give them another or retire them first')
      }
      if (outcome === 'conflict') continue
      this.#changed(id, undefined)
      return
    }
    throw new ModelError('etag-mismatch', 'others are changing this model; read it again')
  }

  #expect(id: string, etag: string | undefined): DeviceModel {
    const current = this.#models.get(id)
    if (current === undefined) throw new ModelError('missing', 'list the models for those that exist')
    if (etag !== undefined && etag !== current.etag) {
      throw new ModelError('etag-mismatch', 'the model was changed since you read it; read it again')
    }
    return current
  }

  #effectiveOf(id: string): Effective | undefined {
    const known = this.#effective.get(id)
    if (known !== undefined) return known
    const model = this.#models.get(id)
    if (model === undefined) return undefined
    const requirements = requirementsOf(model)
    const effective = {
      requirements,
      connection: connectionPolicyOf(model, requirements),
      attestation: attestationPolicyOf(model, requirements),
    }
    this.#effective.set(id, effective)
    return effective
  }

  #changed(id: string, model: DeviceModel | undefined): void {
    this.#effective.delete(id)
    if (model === undefined) this.#models.delete(id)
    else this.#models.set(id, model)
    for (const listener of this.#listeners) listener(id)
  }

  #event(type: EventType, id: string, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `model/${id}`, actor, detail }
  }

  #etag(): string {
    return Buffer.from(this.#parts.random(ETAG_BYTES)).toString('hex')
  }
}

function factsOf({ tier, manufacturer }: DeviceModel): SecurityEvent['detail'] {
  return { tier, manufacturer }
}

function exists(id: string): ModelError {
  return new ModelError('exists', `there is a model ${id} already; update it or choose another id`)
}

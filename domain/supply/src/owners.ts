/** Owners of devices: names, for now; what they may do comes with the operators' rights. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { isModelName } from '@holdfast/models'
import { SupplyError } from './errors.ts'
import { OWNERS_MAX } from './limits.ts'
import type { Owner, Page, SupplyStore } from './store.ts'

export interface OwnersParts {
  readonly store: SupplyStore
  readonly clock: Clock
}

export class Owners {
  readonly #parts: OwnersParts

  constructor(parts: OwnersParts) {
    this.#parts = parts
  }

  list(page: Page): Promise<readonly Owner[]> {
    return this.#parts.store.listOwners(page)
  }

  /** @throws SupplyError `invalid`, `exists`, `too-many`. */
  async add(name: string, actor: string): Promise<Owner> {
    if (!isModelName(name)) {
      throw new SupplyError('invalid', 'a name is 1 to 128 of A-Z a-z 0-9 . _ -, a letter or digit first')
    }
    const owner: Owner = { name, addedTime: this.#parts.clock.wall() }
    const outcome = await this.#parts.store.writeOwner(
      owner,
      { ownersMax: OWNERS_MAX },
      this.#event('owner.added', name, actor),
    )
    if (outcome === 'exists') throw new SupplyError('exists', 'there is an owner of this name already')
    if (outcome === 'too-many') throw new SupplyError('too-many', `there are at most ${OWNERS_MAX} owners`)
    return owner
  }

  /** @throws SupplyError `missing`, `in-use`. */
  async remove(name: string, actor: string): Promise<void> {
    const outcome = await this.#parts.store.deleteOwner(name, this.#event('owner.removed', name, actor))
    if (outcome === 'missing') throw new SupplyError('missing', 'list the owners for those that exist')
    if (outcome === 'in-use') {
      throw new SupplyError('in-use', 'devices are its own; transfer or retire them first')
    }
  }

  /** @throws SupplyError `unknown-owner`. */
  async expect(name: string): Promise<void> {
    if (await this.#parts.store.hasOwner(name)) return
    throw new SupplyError('unknown-owner', "there is no such owner; add it first ('holdfast owner add NAME')")
  }

  #event(type: 'owner.added' | 'owner.removed', name: string, actor: string): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `owner/${name}`, actor, detail: {} }
  }
}

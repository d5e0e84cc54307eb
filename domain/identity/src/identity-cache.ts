import type { Identity, IdentityKey } from './identity.ts'
import { LruMap } from '@holdfast/base'
import { identityText } from './identity-key.ts'
import { ABSENT_CACHED_MAX, IDENTITIES_CACHED_MAX } from './limits.ts'

/** A device and its modules stand together, so that nothing of a deleted device can be left behind. */
interface Household {
  device: Identity | undefined
  readonly modules: Map<string, Identity>
}

interface Load {
  readonly writes: number
  readonly identity: Promise<Identity | undefined>
}

/**
 * Identities in memory. Exact as long as every write passes through its owner, which tells it by `put` and `forget`
 * once the store has answered: a reading that was under way across a write is given to its askers and not kept, and
 * nobody who asks after the write joins it.
 */
export class IdentityCache {
  readonly #load: (key: IdentityKey) => Promise<Identity | undefined>
  readonly #households = new LruMap<string, Household>(IDENTITIES_CACHED_MAX)
  readonly #absent = new LruMap<string, true>(ABSENT_CACHED_MAX)
  /** Bounded by the askers that wait. */
  readonly #loading = new Map<string, Load>()
  #writes = 0

  constructor(load: (key: IdentityKey) => Promise<Identity | undefined>) {
    this.#load = load
  }

  /** Devices in memory. */
  get size(): number {
    return this.#households.size
  }

  /** What is in memory now; undefined when that would have to be read. */
  peek(key: IdentityKey): Identity | undefined {
    const household = this.#households.get(key.deviceId)
    return key.moduleId === undefined ? household?.device : household?.modules.get(key.moduleId)
  }

  async read(key: IdentityKey): Promise<Identity | undefined> {
    const found = this.peek(key)
    if (found !== undefined) return found
    const text = identityText(key)
    if (this.#absent.get(text) !== undefined) return undefined
    const under = this.#loading.get(text)
    if (under !== undefined && under.writes === this.#writes) return under.identity
    const load: Load = { writes: this.#writes, identity: this.#load(key) }
    this.#loading.set(text, load)
    try {
      const identity = await load.identity
      if (load.writes === this.#writes) {
        if (identity === undefined) this.#absent.set(text, true)
        else this.#keep(identity)
      }
      return identity
    } finally {
      if (this.#loading.get(text) === load) this.#loading.delete(text)
    }
  }

  /** The store has this identity now. */
  put(identity: Identity): void {
    this.#writes += 1
    this.#absent.delete(identityText(identity))
    this.#keep(identity)
  }

  /** The store may have another state of this identity than memory. */
  forget(key: IdentityKey): void {
    this.#writes += 1
    this.#absent.delete(identityText(key))
    if (key.moduleId === undefined) this.#households.delete(key.deviceId)
    else this.#households.get(key.deviceId)?.modules.delete(key.moduleId)
  }

  /** As `forget`, of every device that stands under the edge device of this scope. Rare, and looks at all of memory. */
  forgetUnder(scope: string): void {
    this.#writes += 1
    for (const [deviceId, { device }] of this.#households.entries()) {
      if (device?.parentScope === scope) this.#households.delete(deviceId)
    }
  }

  #keep(identity: Identity): void {
    let household = this.#households.get(identity.deviceId)
    if (household === undefined) {
      household = { device: undefined, modules: new Map() }
      this.#households.set(identity.deviceId, household)
    }
    if (identity.moduleId === undefined) household.device = identity
    else household.modules.set(identity.moduleId, identity)
  }
}

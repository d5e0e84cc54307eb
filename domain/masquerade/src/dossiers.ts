/** The dossiers of a hub: in memory of who is connected or was lately, on disk what must last of all. */

import type { Because } from '@holdfast/audit'
import { LruMap } from '@holdfast/base'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { Dossier } from './dossier.ts'
import { DOSSIERS_MAX, FLUSH_RECORDS_MAX } from './limits.ts'
import { readDossierRecord } from './read-record.ts'

/** What lasts of one identity, as JSON text; without one nothing does. */
export interface DossierWrite extends IdentityKey {
  readonly record?: string
}

export interface DossierStore {
  /** The first `limit`, in any order. */
  listDossiers(limit: number): Promise<readonly (IdentityKey & { readonly record: string })[]>
  readDossier(key: IdentityKey): Promise<string | undefined>
  /**
   * In the order in which it is called, also with writes of other ports. What is written of an identity that does not
   * exist is not kept, and it goes with the identity. Keeps `because` in the transaction where all of them exist.
   */
  writeDossiers(writes: readonly DossierWrite[], because?: Because): Promise<void>
}

export interface DossiersParts {
  readonly store: DossierStore
  /** The disk took nothing; it is tried again with the next flush. */
  readonly fault: (error: unknown) => void
}

export class Dossiers {
  readonly #parts: DossiersParts
  /** Of who is connected. */
  readonly #live = new Map<string, Dossier>()
  readonly #idle = new LruMap<string, Dossier>(DOSSIERS_MAX)
  /** Not on disk yet; the newest of each. */
  readonly #waiting = new Map<string, { readonly key: IdentityKey; readonly dossier: Dossier }>()
  /** By device, the names of its modules that were ever in one of these; so bounded by the modules of the hub. */
  readonly #modules = new Map<string, Set<string>>()
  /** Whether all that is on disk is in memory, so that who is not found has none. */
  #isComplete: boolean
  #flushing: Promise<void> | undefined

  private constructor(parts: DossiersParts, isComplete: boolean) {
    this.#parts = parts
    this.#isComplete = isComplete
  }

  /** @throws TypeError when what is stored is no dossier: the store is damaged. */
  static async open(parts: DossiersParts): Promise<Dossiers> {
    const stored = await parts.store.listDossiers(DOSSIERS_MAX)
    const dossiers = new Dossiers(parts, stored.length < DOSSIERS_MAX)
    for (const { record, ...key } of stored) {
      dossiers.#idle.set(dossiers.#nameOf(key), new Dossier(readDossierRecord(record)))
    }
    return dossiers
  }

  /** In memory; who was never asked for is not. */
  find(key: IdentityKey): Dossier | undefined {
    const text = identityText(key)
    return this.#live.get(text) ?? this.#idle.get(text) ?? this.#waiting.get(text)?.dossier
  }

  /** For an identity that has proved itself. Of two calls for one identity both get the same. */
  load(key: IdentityKey): Dossier | Promise<Dossier> {
    const found = this.find(key)
    if (found !== undefined) return found
    return this.#isComplete ? this.#keep(key, new Dossier()) : this.#read(key)
  }

  /** A connection of it is in: it stays in memory until `ended`. */
  opened(key: IdentityKey, dossier: Dossier): void {
    const text = this.#nameOf(key)
    this.#idle.delete(text)
    this.#live.set(text, dossier)
  }

  ended(key: IdentityKey): void {
    const text = identityText(key)
    const dossier = this.#live.get(text)
    if (dossier === undefined) return
    this.#live.delete(text)
    this.#keep(key, dossier)
  }

  /** What lasts of it has changed; on disk with the next flush. */
  changed(key: IdentityKey, dossier: Dossier): void {
    this.#waiting.set(this.#nameOf(key), { key, dossier })
  }

  /** As well, and on its way at once, with `because`: before the write of any other port that is asked for after this. */
  async write(key: IdentityKey, dossier: Dossier, because?: Because): Promise<void> {
    const text = this.#nameOf(key)
    const waiting = { key, dossier }
    this.#waiting.set(text, waiting)
    await this.#parts.store.writeDossiers([writeOf(key, dossier)], because)
    if (this.#waiting.get(text) === waiting) this.#waiting.delete(text)
  }

  /** Resolves when what waited is on disk, or the disk has refused it. Never rejects. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  /** The identity is gone, of a device its modules too. */
  deleted(key: IdentityKey): void {
    const text = identityText(key)
    const modules = this.#modules.get(key.deviceId)
    // Not by looking through all of them: devices are deleted by the thousand.
    const names = key.moduleId === undefined ? [text, ...(modules ?? [])] : [text]
    for (const name of names) {
      for (const map of [this.#live, this.#waiting, this.#idle]) map.delete(name)
      modules?.delete(name)
    }
    if (modules?.size === 0) this.#modules.delete(key.deviceId)
  }

  #nameOf(key: IdentityKey): string {
    const text = identityText(key)
    if (key.moduleId === undefined) return text
    const modules = this.#modules.get(key.deviceId)
    if (modules === undefined) this.#modules.set(key.deviceId, new Set([text]))
    else modules.add(text)
    return text
  }

  async #read(key: IdentityKey): Promise<Dossier> {
    const record = await this.#parts.store.readDossier(key)
    // Looked at again: another connection of it may have come first.
    return this.find(key) ?? this.#keep(key, new Dossier(record === undefined ? undefined : readDossierRecord(record)))
  }

  #keep(key: IdentityKey, dossier: Dossier): Dossier {
    if (this.#idle.size >= DOSSIERS_MAX) this.#isComplete = false
    this.#idle.set(this.#nameOf(key), dossier)
    return dossier
  }

  async #flush(): Promise<void> {
    const some = [...this.#waiting].slice(0, FLUSH_RECORDS_MAX)
    if (some.length === 0) return
    try {
      await this.#parts.store.writeDossiers(some.map(([, { key, dossier }]) => writeOf(key, dossier)))
      for (const [text, waiting] of some) if (this.#waiting.get(text) === waiting) this.#waiting.delete(text)
    } catch (error) {
      this.#parts.fault(error)
    }
  }
}

function writeOf({ deviceId, moduleId }: IdentityKey, { record }: Dossier): DossierWrite {
  const key = moduleId === undefined ? { deviceId } : { deviceId, moduleId }
  return record === undefined ? key : { ...key, record: JSON.stringify(record) }
}

/** Identities that are not trusted until an operator says so: in the lane `remediation`, without renewal. */

import type { Because, SecurityEvent } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import { type IdentityKey, identitySubject, identityText } from '@holdfast/identity'
import type { AdmissionGate, ConnectionFacts, GateVerdict } from './gate.ts'
import { QUARANTINED_MAX, REASON_CHARACTERS_MAX } from './limits.ts'

/** Of a device, its modules too. */
export interface QuarantineEntry extends IdentityKey {
  /** For operators; no secret. At most 1,024 characters. */
  readonly reason: string
  readonly at: Timestamp
  /** Who did it, as events name it. */
  readonly actor: string
}

/**
 * What is kept of it goes with the identity, so that a re-created one begins outside. A write keeps `because` in its
 * transaction where it did what was asked.
 */
export interface QuarantineStore {
  listQuarantined(): Promise<readonly QuarantineEntry[]>
  /** In the place of what was. False where the identity does not exist. */
  writeQuarantined(entry: QuarantineEntry, because?: Because): Promise<boolean>
  /** False where there was none; `because` is kept all the same: it may have held in memory alone. */
  deleteQuarantined(key: IdentityKey, because?: Because): Promise<boolean>
}

export interface QuarantineParts {
  readonly store: QuarantineStore
  readonly clock: Clock
  /** Live connections of the identity are to be judged again. */
  readonly changed: (key: IdentityKey) => void
}

export type QuarantineOutcome = 'added' | 'already' | 'missing' | 'full'

export class Quarantine implements AdmissionGate {
  readonly name = 'quarantine'
  readonly #parts: QuarantineParts
  readonly #entries: Map<string, QuarantineEntry>
  /** Of the entries those that the store has not taken. */
  readonly #unsaved = new Set<string>()

  private constructor(parts: QuarantineParts, entries: readonly QuarantineEntry[]) {
    this.#parts = parts
    this.#entries = new Map(entries.map((entry) => [identityText(entry), entry]))
  }

  static async open(parts: QuarantineParts): Promise<Quarantine> {
    return new Quarantine(parts, await parts.store.listQuarantined())
  }

  judge({ key }: ConnectionFacts): GateVerdict {
    const entry = this.find(key)
    if (entry === undefined) return { kind: 'pass' }
    return { kind: 'restrict', lane: 'remediation', code: 'quarantined', detail: entry.reason, stopsRenewal: true }
  }

  /** Its own, or of a module its device's. */
  find(key: IdentityKey): QuarantineEntry | undefined {
    return this.#entries.get(identityText(key)) ?? this.#entries.get(key.deviceId)
  }

  /** By itself, whatever its device is in. */
  has(key: IdentityKey): boolean {
    return this.#entries.has(identityText(key))
  }

  /** In the order of their ids. */
  list(): readonly QuarantineEntry[] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  }

  /**
   * Holds at once, before it is durable: when the promise rejects with what the store throws, it holds until the hub
   * stops, and is written by the next `add` or `save` that the store takes. `already`: nothing is changed.
   */
  async add(key: IdentityKey, reason: string, actor: string): Promise<QuarantineOutcome> {
    const text = identityText(key)
    const held = this.#entries.get(text)
    if (held !== undefined) return this.#unsaved.has(text) ? this.#write(text, held) : 'already'
    if (this.#entries.size >= QUARANTINED_MAX) return 'full'
    const entry: QuarantineEntry = {
      ...keyOf(key),
      reason: reason.slice(0, REASON_CHARACTERS_MAX),
      at: this.#parts.clock.wall(),
      actor,
    }
    this.#entries.set(text, entry)
    this.#parts.changed(key)
    return this.#write(text, entry)
  }

  /** Tries again to write one that the store has not taken; to be called now and then. Rejects with what it throws. */
  async save(): Promise<void> {
    const [text] = this.#unsaved
    const entry = text === undefined ? undefined : this.#entries.get(text)
    if (text !== undefined && entry !== undefined) await this.#write(text, entry)
  }

  /** Durable before anybody is let out. False where it is not in quarantine by itself. */
  async release(key: IdentityKey, actor: string): Promise<boolean> {
    const text = identityText(key)
    const entry = this.#entries.get(text)
    if (entry === undefined) return false
    await this.#parts.store.deleteQuarantined(key, this.#event('identity.released', entry, actor))
    if (this.#entries.get(text) === entry) this.#forget(text)
    this.#parts.changed(key)
    return true
  }

  /** The identity is gone, of a device its modules too. */
  deleted(key: IdentityKey): void {
    const text = identityText(key)
    this.#forget(text)
    if (key.moduleId !== undefined) return
    for (const name of this.#entries.keys()) if (name.startsWith(`${text}/`)) this.#forget(name)
  }

  /** Of two writes of one entry under way the second finds it taken. */
  async #write(text: string, entry: QuarantineEntry): Promise<QuarantineOutcome> {
    this.#unsaved.delete(text)
    let exists: boolean
    try {
      exists = await this.#parts.store.writeQuarantined(entry, this.#event('identity.quarantined', entry, entry.actor))
    } catch (error) {
      if (this.#entries.get(text) === entry) this.#unsaved.add(text)
      throw error
    }
    if (!exists) {
      if (this.#entries.get(text) === entry) this.#forget(text)
      this.#parts.changed(entry)
      return 'missing'
    }
    return 'added'
  }

  #forget(text: string): void {
    this.#entries.delete(text)
    this.#unsaved.delete(text)
  }

  #event(type: 'identity.quarantined' | 'identity.released', entry: QuarantineEntry, actor: string): SecurityEvent {
    const detail = { reason: entry.reason }
    return { type, at: this.#parts.clock.wall(), subject: identitySubject(entry), actor, detail }
  }
}

function keyOf({ deviceId, moduleId }: IdentityKey): IdentityKey {
  return moduleId === undefined ? { deviceId } : { deviceId, moduleId }
}

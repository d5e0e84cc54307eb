/**
 * The lane of each connection of an identity: asked of the gates when it comes, and again whenever one of them changes
 * its mind, while the connection lives on.
 */

import { type Admitted, type AdmissionGates, concerns, type ConnectionFacts, type Refused } from '@holdfast/admission'
import { type IdentityKey, identityText, type Lane } from '@holdfast/identity'

export interface LanesParts {
  readonly gates: AdmissionGates
  /** Of a connection that comes or lives. */
  readonly changed: (connection: LaneChange) => void
  /** A gate does not have a live connection any more; it is to be closed. */
  readonly refused: (front: number, connection: number, refusal: Refused) => void
  /** A gate has failed. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

export interface LaneChange {
  readonly front: number
  readonly connection: number
  readonly facts: ConnectionFacts
  readonly verdict: Admitted
}

/** How an identity is connected, as far as admission goes. */
export interface Standing {
  readonly facts: ConnectionFacts
  readonly lane: Lane
  readonly mayRenew: boolean
}

interface Entry {
  readonly front: number
  readonly connection: number
  readonly facts: ConnectionFacts
  lane: Lane
  mayRenew: boolean
  /** Codes of the reasons for the lane, told once each. */
  reasons: string
  /** Counts the times that a gate has changed its mind about it. */
  turn: number
  isLive: boolean
}

export class Lanes {
  readonly #parts: LanesParts
  readonly #entries = new Map<string, Entry>()
  readonly #byDevice = new Map<string, Set<Entry>>()

  constructor(parts: LanesParts) {
    this.#parts = parts
    parts.gates.subscribe((key) => this.#reconsider(key))
  }

  /**
   * Judges a connection that has proved itself. A mind that changes while the gates are asked, or later, is heeded.
   * Rejects when a gate fails.
   */
  async enter(front: number, connection: number, facts: ConnectionFacts): Promise<Admitted | Refused> {
    this.leave(front, connection)
    const entry: Entry = { front, connection, facts, lane: 'full', mayRenew: true, reasons: '', turn: 0, isLive: false }
    this.#entries.set(nameOf(front, connection), entry)
    const { deviceId } = facts.key
    const siblings = this.#byDevice.get(deviceId)
    if (siblings === undefined) this.#byDevice.set(deviceId, new Set([entry]))
    else siblings.add(entry)
    const verdict = await this.#judge(entry)
    if (verdict.kind === 'admitted') this.#apply(entry, verdict)
    return verdict
  }

  /** The connection is in. */
  opened(front: number, connection: number): void {
    const entry = this.#entries.get(nameOf(front, connection))
    if (entry === undefined) return
    entry.isLive = true
    for (const gate of this.#parts.gates.gates) gate.admitted?.(entry.facts)
  }

  /** @param reason why a live connection ended. */
  leave(front: number, connection: number, reason = 'refused'): void {
    const name = nameOf(front, connection)
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    const siblings = this.#byDevice.get(entry.facts.key.deviceId)
    siblings?.delete(entry)
    if (siblings?.size === 0) this.#byDevice.delete(entry.facts.key.deviceId)
    if (entry.isLive) for (const gate of this.#parts.gates.gates) gate.ended?.(entry.facts, reason)
  }

  laneOf(front: number, connection: number): Lane {
    return this.#entries.get(nameOf(front, connection))?.lane ?? 'full'
  }

  /** Of the identity's live connection; undefined while it has none. */
  standingOf(key: IdentityKey): Standing | undefined {
    const text = identityText(key)
    for (const entry of this.#byDevice.get(key.deviceId) ?? []) {
      if (entry.isLive && identityText(entry.facts.key) === text) return entry
    }
    return undefined
  }

  async #judge(entry: Entry): Promise<Admitted | Refused> {
    for (;;) {
      const { turn } = entry
      const verdict = await this.#parts.gates.judge(entry.facts)
      if (turn === entry.turn) return verdict
    }
  }

  #apply(entry: Entry, verdict: Admitted): void {
    entry.mayRenew = verdict.mayRenew
    const reasons = verdict.reasons.map(({ gate, code }) => `${gate}/${code}`).join(' ')
    if (entry.lane === verdict.lane && entry.reasons === reasons) return
    entry.lane = verdict.lane
    entry.reasons = reasons
    const { front, connection, facts } = entry
    this.#parts.changed({ front, connection, facts, verdict })
  }

  #reconsider(key: IdentityKey | undefined): void {
    const entries = key === undefined ? [...this.#entries.values()] : [...(this.#byDevice.get(key.deviceId) ?? [])]
    for (const entry of entries) {
      if (!concerns(key, entry.facts.key)) continue
      entry.turn += 1
      this.#again(entry).catch((error: unknown) => {
        // What cannot be judged is not kept.
        this.#parts.fault(error)
        const detail = 'a gate of admission has failed; the log says how'
        this.#refuse(entry, { kind: 'refused', gate: 'admission', code: 'gate-failed', detail })
      })
    }
  }

  async #again(entry: Entry): Promise<void> {
    const verdict = await this.#judge(entry)
    if (verdict.kind === 'refused') this.#refuse(entry, verdict)
    else if (this.#entries.get(nameOf(entry.front, entry.connection)) === entry) this.#apply(entry, verdict)
  }

  #refuse(entry: Entry, refusal: Refused): void {
    const { front, connection } = entry
    if (this.#entries.get(nameOf(front, connection)) === entry) this.#parts.refused(front, connection, refusal)
  }
}

function nameOf(front: number, connection: number): string {
  return `${front} ${connection}`
}

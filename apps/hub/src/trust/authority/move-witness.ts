/**
 * Sees devices come to trust the root that the hub's authority rolls over to, and writes it down. What a device fetched
 * or renewed says that it was given the new root; that it connects while the new chain alone is shown says that it trusts
 * it, unless it trusts anybody.
 */

import type { Clock, Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import type { MoveEvidence, MoveEvidenceKind, MoveEvidenceStore } from '@holdfast/store'
import type { DeviceHandlers } from '../../core/device-handlers.ts'
import type { Rollover } from '../../core/authority/authority-state.ts'

/** How often what was seen goes to the disk, in milliseconds. */
const FLUSH_MS = 1_000
/** Records of one write; the store's own bound. */
const RECORDS_MAX = 500
/** Devices that wait for the disk, some 100 bytes each; beyond, what is seen is seen again another time. */
const WAITING_MAX = 200_000
/** A connection that opens this soon after a switch may have shaken hands before it, in milliseconds. */
const SETTLING_MS = 60_000

const STRENGTH: Readonly<Record<MoveEvidenceKind, number>> = { fetched: 1, renewed: 2, connected: 3 }

export interface MoveWitnessParts {
  readonly store: Pick<MoveEvidenceStore, 'writeMoveEvidence'>
  readonly clock: Clock
  readonly rollover: () => Rollover | undefined
  /** The disk took nothing; it is tried again. */
  readonly fault: (error: unknown) => void
}

export class MoveWitness implements DeviceHandlers {
  readonly #parts: MoveWitnessParts
  readonly #waiting = new Map<string, MoveEvidence>()
  readonly #timer: NodeJS.Timeout
  #flushing: Promise<void> | undefined

  constructor(parts: MoveWitnessParts) {
    this.#parts = parts
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS)
    this.#timer.unref()
  }

  /** It is in: with the new chain alone before it, it took that. */
  opened({ deviceId }: IdentityKey): void {
    const rollover = this.#parts.rollover()
    if (rollover?.serving !== 'new') return
    const now = this.#parts.clock.wall()
    if (now - rollover.servingSince >= SETTLING_MS) this.#saw(deviceId, 'connected', now)
  }

  /** It was given the roots, the new one among them. */
  fetched({ deviceId }: IdentityKey): void {
    if (this.#parts.rollover() !== undefined) this.#saw(deviceId, 'fetched', this.#parts.clock.wall())
  }

  /** It shows a certificate from below the new root, which it was given with it. */
  renewed({ deviceId }: IdentityKey): void {
    if (this.#parts.rollover() !== undefined) this.#saw(deviceId, 'renewed', this.#parts.clock.wall())
  }

  deleted({ deviceId, moduleId }: IdentityKey): void {
    if (moduleId === undefined) this.#waiting.delete(deviceId)
  }

  /** What was seen for an earlier roll-over. */
  forget(): void {
    this.#waiting.clear()
  }

  /** Resolves when what waited is on disk, or the disk has refused it. Never rejects. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  async end(): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.flush()
  }

  #saw(deviceId: string, kind: MoveEvidenceKind, at: Timestamp): void {
    const before = this.#waiting.get(deviceId)
    if (before === undefined ? this.#waiting.size >= WAITING_MAX : STRENGTH[before.kind] >= STRENGTH[kind]) return
    this.#waiting.set(deviceId, { deviceId, kind, at })
  }

  async #flush(): Promise<void> {
    const records = [...this.#waiting.values()]
    try {
      for (let at = 0; at < records.length; at += RECORDS_MAX) {
        const some = records.slice(at, at + RECORDS_MAX)
        await this.#parts.store.writeMoveEvidence(some)
        // What was seen since stays for the next flush.
        for (const record of some) {
          if (this.#waiting.get(record.deviceId) === record) this.#waiting.delete(record.deviceId)
        }
      }
    } catch (error) {
      this.#parts.fault(error)
    }
  }
}

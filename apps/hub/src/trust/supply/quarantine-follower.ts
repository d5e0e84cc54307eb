/** Quarantines as lives of devices have them. They are said, and enforced, by the quarantine itself; here they are written down. */

import type { QuarantineEntry } from '@holdfast/admission'
import type { SecurityEvent } from '@holdfast/audit'
import { type Lives, SupplyError, type SupplyStore } from '@holdfast/supply'

export interface QuarantineFollowerParts {
  readonly lives: Lives
  readonly store: Pick<SupplyStore, 'listLives'>
  /** MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

/** Lives looked at in one reconciliation. */
const LIVES_MAX = 500
const DEVICE = /^device\/([^/]+)$/

export class QuarantineFollower {
  readonly #parts: QuarantineFollowerParts
  #list: (() => readonly QuarantineEntry[]) | undefined
  /** One change after the other, in the order in which they were told. */
  #last: Promise<void> = Promise.resolve()

  constructor(parts: QuarantineFollowerParts) {
    this.#parts = parts
  }

  follow(quarantine: {
    list(): readonly QuarantineEntry[]
    subscribe(listener: (event: SecurityEvent) => void): () => void
  }): void {
    this.#list = () => quarantine.list()
    quarantine.subscribe(({ type, subject, actor, detail }) => {
      if (type !== 'identity.quarantined' && type !== 'identity.released') return
      const deviceId = DEVICE.exec(subject)?.[1]
      if (deviceId === undefined) return
      const reason = String(detail.reason ?? '').slice(0, 256)
      this.#last = this.#last.then(() => this.#write(deviceId, type === 'identity.quarantined', reason, actor))
    })
  }

  /** Writes down what a stop has kept from being written. */
  async reconcile(): Promise<void> {
    const entries = this.#list?.()
    if (entries === undefined) return
    await this.#last
    const held = new Map(entries.filter((one) => one.moduleId === undefined).map((one) => [one.deviceId, one]))
    const written = await this.#parts.store.listLives('quarantined', LIVES_MAX)
    for (const { deviceId } of written) {
      if (!held.delete(deviceId)) await this.#write(deviceId, false, '', 'hub')
    }
    let left = LIVES_MAX
    for (const { deviceId, reason, actor } of held.values()) {
      const life = await this.#parts.lives.written(deviceId)
      if (life?.state === 'quarantined') continue
      await this.#write(deviceId, true, reason.slice(0, 256), actor)
      left -= 1
      if (left === 0) return
    }
  }

  async #write(deviceId: string, isHeld: boolean, reason: string, actor: string): Promise<void> {
    const { lives, fault } = this.#parts
    try {
      if (isHeld) await lives.quarantine(deviceId, reason, actor)
      else await lives.release(deviceId, reason, actor)
    } catch (error) {
      // Gone, or retired: there is nothing to write down.
      if (!(error instanceof SupplyError)) fault(error)
    }
  }
}

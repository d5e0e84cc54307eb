/**
 * Crypto-shredding of a device. Its row, its modules, messages and twins are deleted and overwritten, its files are
 * destroyed with their keys; then the state's key and the key-encryption key are replaced and the old ones destroyed, so
 * that the keys of now open no older copy of the database. What a copy of data *and* keys from before opens, no program can
 * take back; docs/key-custody.md says which copies those are.
 */

import type { Api } from '@holdfast/api'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { type Cut, IdentityError, type Registry } from '@holdfast/identity'
import type { Uploads } from '@holdfast/uploads'

/** Files asked for at once. */
const FILES_PAGE = 100

export interface ShredderParts {
  readonly registry: Pick<Registry, 'delete'>
  readonly files: Pick<Uploads, 'list' | 'delete'>
  readonly cutOff: (cuts: readonly Cut[]) => Promise<Api.Changed>
  /** Overwrites what was deleted from the state. */
  readonly scrub: () => Promise<void>
  readonly renewState: (actor: string) => Promise<unknown>
  readonly rotateKeyEncryptionKey: (actor: string) => Promise<unknown>
  readonly events: EventSink
  readonly clock: Clock
}

export class Shredder {
  readonly #parts: ShredderParts

  constructor(parts: ShredderParts) {
    this.#parts = parts
  }

  /**
   * @param finish true: a device that is gone already is no fault; the rest is done.
   * @throws IdentityError `missing`; KeyError or a store's error: then it may be asked for again, to finish.
   */
  async shred(deviceId: string, finish: boolean, actor: string): Promise<Api.Shredded> {
    const { registry, cutOff, scrub, renewState, rotateKeyEncryptionKey, events, clock } = this.#parts
    let changed: Api.Changed = { sessionsClosed: 0, milliseconds: 0 }
    let deleted = true
    try {
      // First of all, so that it connects and uploads no more.
      const { cuts } = await registry.delete({ deviceId }, actor)
      changed = await cutOff(cuts)
    } catch (error) {
      if (!finish || !(error instanceof IdentityError) || error.code !== 'missing') throw error
      deleted = false
    }
    const files = await this.#destroyFiles(deviceId, actor)
    await renewState(actor)
    await rotateKeyEncryptionKey(actor)
    await scrub()
    const detail = { files, deleted }
    events({ type: 'identity.shredded', at: clock.wall(), subject: `device/${deviceId}`, actor, detail })
    return { deleted, files, ...changed }
  }

  async #destroyFiles(deviceId: string, actor: string): Promise<number> {
    const { files } = this.#parts
    let destroyed = 0
    let after: string | undefined
    for (;;) {
      const page = await files.list({ deviceId, limit: FILES_PAGE, ...(after === undefined ? {} : { after }) })
      for (const { correlationId } of page) if (await files.delete(correlationId, actor)) destroyed += 1
      after = page.at(-1)?.correlationId
      if (page.length < FILES_PAGE || after === undefined) return destroyed
    }
  }
}

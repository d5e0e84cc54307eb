/** The custody of the hub's keys as operators see it: what it is, moving it, rotating it, and what should be changed. */

import type { Api } from '@holdfast/api'
import type { EventSink } from '@holdfast/audit'
import { type Clock, formatTimestamp } from '@holdfast/base'
import { type HomeWish, type KeyCustody, KeyError } from '@holdfast/keys'
import type { Notices } from '../core/notices.ts'
import type { RecordFirst } from '../core/record-first.ts'

export interface CustodyServiceParts {
  readonly custody: KeyCustody
  readonly notices: Notices
  readonly events: EventSink
  /** For a key that is destroyed. */
  readonly recordFirst: RecordFirst
  readonly clock: Clock
  /** What the configuration says, if anything: commands do not argue with it. */
  readonly configured: HomeWish | undefined
}

const FILE_NOTICE = {
  detail: 'the key-encryption key lies in a file beside the data it protects: whoever copies the data folder has both',
  advice:
    "move it: 'holdfast keys provider set passphrase' (or tpm, or pkcs11); docs/key-custody.md says what each protects from",
}

export class CustodyService {
  readonly #parts: CustodyServiceParts

  constructor(parts: CustodyServiceParts) {
    this.#parts = parts
    this.#tell()
  }

  /** Moves the keys to where the configuration wants them; a failure is a standing notice, and the old home goes on. */
  async follow(): Promise<void> {
    const { configured, custody, notices } = this.#parts
    if (configured === undefined || custody.isAt(configured)) return
    try {
      await this.#move(configured, 'configuration')
      notices.set('keys-not-moved', undefined)
    } catch (error) {
      if (!(error instanceof KeyError)) throw error
      notices.set('keys-not-moved', {
        detail: `config.json wants the key-encryption key in ${configured.kind}, and it is still in ${custody.home.kind}: ${error.message}`,
        advice: 'mend that, or change keys in config.json; the hub tries again when it starts',
      })
    }
  }

  show(): Api.KeyProvider {
    const { custody } = this.#parts
    const { kind, id, settings } = custody.home
    return {
      provider: kind,
      id,
      createdTime: formatTimestamp(custody.createdTime),
      settings,
      leftovers: custody.leftovers.map((home) => ({ provider: home.kind, id: home.id })),
    }
  }

  /** @throws KeyError; `configured` where the configuration says otherwise. */
  async set(wish: HomeWish, secret: Uint8Array | undefined, actor: string): Promise<Api.KeyProvider> {
    const { configured } = this.#parts
    if (configured !== undefined && configured.kind !== wish.kind) {
      throw new KeyError(
        'configured',
        `config.json says ${configured.kind}; change keys there and start the hub again, or take keys out of it`,
      )
    }
    await this.#move(wish, actor, secret)
    return this.show()
  }

  async rotate(actor: string): Promise<Api.KeyProvider> {
    const { custody, recordFirst, clock } = this.#parts
    const { kind, id } = custody.home
    await recordFirst(
      { type: 'key.encryption-key-rotated', at: clock.wall(), subject: `key-home/${id}`, actor, detail: { kind } },
      () => custody.rotateKeyEncryptionKey(),
    )
    this.#tell()
    return this.show()
  }

  /** Tries again to clear away what is left of a move; to be called now and then. */
  async upkeep(): Promise<void> {
    if (this.#parts.custody.leftovers.length === 0) return
    await this.#parts.custody.clearLeftovers()
    this.#tell()
  }

  async #move(wish: HomeWish, actor: string, secret?: Uint8Array): Promise<void> {
    const { custody, events, clock } = this.#parts
    const from = custody.home
    try {
      const { id, kind } = await custody.move(wish, { secret })
      if (id === from.id) return
      const detail = { from: from.kind, to: kind }
      events({ type: 'key.provider-changed', at: clock.wall(), subject: `key-home/${id}`, actor, detail })
    } catch (error) {
      const reason = error instanceof KeyError ? error.code : 'fault'
      const detail = { from: from.kind, to: wish.kind, reason }
      events({ type: 'key.provider-refused', at: clock.wall(), subject: `key-home/${from.id}`, actor, detail })
      throw error
    } finally {
      this.#tell()
    }
  }

  #tell(): void {
    const { custody, notices } = this.#parts
    notices.set('keys-beside-data', custody.home.kind === 'file' ? FILE_NOTICE : undefined)
    const [left] = custody.leftovers
    notices.set(
      'key-home-left',
      left && {
        detail: `the key of ${left.id} is not needed any more and could not be destroyed yet`,
        advice: 'make its token reachable: the hub tries again every minute',
      },
    )
  }
}

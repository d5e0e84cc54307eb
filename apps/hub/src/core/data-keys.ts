/** The data keys of the hub: on disk in the ring, in memory wherever something is sealed or read. */

import type { Api } from '@holdfast/api'
import type { EventSink } from '@holdfast/audit'
import { type Clock, formatTimestamp } from '@holdfast/base'
import { isRotationDue, KEY_AGES_MS, type KeyRecord, type KeyRing } from '@holdfast/keys'
import type { RecordFirst } from './record-first.ts'

/** A copy of a key, to be posted to another thread. */
export interface KeyCopy {
  readonly epoch: number
  readonly key: Uint8Array
}

export interface DataKeysParts {
  readonly ring: KeyRing
  readonly clock: Clock
  readonly events: EventSink
  /** For keys that are destroyed. */
  readonly recordFirst: RecordFirst
  readonly telemetryKeyMs: number
  /** Gives every reader the keys it may read with; resolves when they have them. */
  readonly toReaders: (keys: readonly KeyCopy[]) => Promise<void>
  /** From now on telemetry is sealed with this key. */
  readonly toFronts: (key: KeyCopy) => void
  /** From now on secrets are sealed with the last of these. */
  readonly toState: (keys: readonly KeyCopy[]) => Promise<void>
  /** One bounded step of sealing secrets anew with the current key; true when there is no other. */
  readonly resealState: () => Promise<boolean>
  /** Epochs that still seal a secret. */
  readonly stateEpochs: () => Promise<readonly number[]>
  /** Deletes what an epoch sealed; resolves to how many messages that were. */
  readonly forget: (epoch: number) => Promise<number>
}

export class DataKeys {
  readonly #parts: DataKeysParts
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: DataKeysParts) {
    this.#parts = parts
  }

  list(): readonly Api.DataKey[] {
    return this.#parts.ring
      .list()
      .flatMap((record) => (record.purpose === 'authority' ? [] : [documentOf(record, record.purpose)]))
  }

  /**
   * A new key seals telemetry from now on. Readers have it before the first batch can be sealed with it.
   * @throws KeyError.
   */
  rotate(actor: string): Promise<Api.DataKey> {
    return this.#inTurn(async () => {
      const { ring, clock, events } = this.#parts
      const { epoch, createdTime } = await ring.rotate('telemetry')
      await this.#distribute()
      events({
        type: 'key.rotated',
        at: clock.wall(),
        subject: `key/${epoch}`,
        actor,
        detail: { purpose: 'telemetry' },
      })
      return { epoch, purpose: 'telemetry', createdTime: formatTimestamp(createdTime), state: 'current' }
    })
  }

  /**
   * Destroys the key of a retired epoch, then deletes what it sealed, which nobody can read any more.
   * @throws KeyError `current-epoch`, `unknown-epoch`, `unavailable`; what keeps the log from taking the event.
   */
  drop(epoch: number, actor: string): Promise<Api.DataKeyDropped> {
    return this.#inTurn(async () => {
      // A state key unseals the devices' secrets, and is never an operator's to destroy.
      await this.#drop(epoch, 'telemetry', actor)
      await this.#parts.toReaders(this.#copies('telemetry'))
      return { epoch, messages: await this.#parts.forget(epoch) }
    })
  }

  /**
   * Seals every secret of the state anew with a new key, and destroys the keys before it: an older copy of `state.db` opens
   * nothing then. Takes some milliseconds for each 500 devices; secrets are read and written meanwhile.
   * @throws KeyError; a store's error: then older keys still open what they sealed, and it may be asked for again.
   */
  renewState(actor: string): Promise<{ readonly epoch: number; readonly dropped: readonly number[] }> {
    return this.#inTurn(async () => {
      const { ring, clock, events } = this.#parts
      const { epoch } = await ring.rotate('state')
      await this.#parts.toState(this.#copies('state'))
      const detail = { purpose: 'state' }
      events({ type: 'key.rotated', at: clock.wall(), subject: `key/${epoch}`, actor, detail })
      while (!(await this.#parts.resealState()));
      const needed = new Set([epoch, ...(await this.#parts.stateEpochs())])
      const dropped = ring.usable('state').flatMap((key) => (needed.has(key.epoch) ? [] : [key.epoch]))
      for (const old of dropped) {
        await this.#drop(old, 'state', actor)
      }
      await this.#parts.toState(this.#copies('state'))
      return { epoch, dropped }
    })
  }

  /** Told first where there is something to destroy; the ring refuses the rest. */
  async #drop(epoch: number, purpose: 'telemetry' | 'state', actor: string): Promise<void> {
    const { ring, clock, recordFirst } = this.#parts
    const drop = (): Promise<void> => ring.drop(epoch, purpose)
    const found = ring.list().find((record) => record.epoch === epoch && record.purpose === purpose)
    if (found?.state !== 'retired') return drop()
    const detail = { purpose }
    await recordFirst({ type: 'key.dropped', at: clock.wall(), subject: `key/${epoch}`, actor, detail }, drop)
  }

  /** Rotates what has come of age. To be called every few minutes. */
  async rotateIfDue(): Promise<void> {
    const { ring, clock, telemetryKeyMs } = this.#parts
    const now = clock.wall()
    if (isRotationDue(ring.current('telemetry').createdTime, now, telemetryKeyMs)) await this.rotate('hub')
    if (isRotationDue(ring.current('state').createdTime, now, KEY_AGES_MS.state)) {
      await this.#inTurn(() => this.#rotateState('hub'))
    }
  }

  async #rotateState(actor: string): Promise<void> {
    const { ring, clock, events } = this.#parts
    const { epoch } = await ring.rotate('state')
    await this.#parts.toState(this.#copies('state'))
    const detail = { purpose: 'state' }
    events({ type: 'key.rotated', at: clock.wall(), subject: `key/${epoch}`, actor, detail })
  }

  /** New keys of every purpose seal from now on; those before still open what they sealed. @throws KeyError. */
  async beginAnew(actor: string): Promise<void> {
    await this.rotate(actor)
    await this.#inTurn(() => this.#rotateState(actor))
  }

  /** Gives everybody the keys of now. */
  async distribute(): Promise<void> {
    await this.#inTurn(() => this.#distribute())
  }

  async #distribute(): Promise<void> {
    await this.#parts.toReaders(this.#copies('telemetry'))
    const { epoch, bytes } = this.#parts.ring.current('telemetry')
    this.#parts.toFronts({ epoch, key: bytes.slice() })
  }

  #copies(purpose: 'telemetry' | 'state'): readonly KeyCopy[] {
    return this.#parts.ring.usable(purpose).map(({ epoch, bytes }) => ({ epoch, key: bytes.slice() }))
  }

  /** One change at a time, so that keys arrive everywhere in the order in which they were made. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function documentOf(record: KeyRecord, purpose: 'telemetry' | 'state'): Api.DataKey {
  return { epoch: record.epoch, purpose, createdTime: formatTimestamp(record.createdTime), state: record.state }
}

/** Who is connected, since when, and when it last spoke: memory of the core, and of the disk for what is not here. */

import type { Clock, Timestamp } from '@holdfast/base'
import { type IdentityKey, identityText } from '@holdfast/identity'
import type { PresenceStore, PresenceWrite } from '@holdfast/store'
import type { DeviceHandlers } from './device-handlers.ts'

/** How often changes go to the disk, in milliseconds: queries may lag so much. */
const FLUSH_MS = 1_000
/** Records of one write; the store's own bound. */
const RECORDS_MAX = 500
/** Records of one flush: some 30 ms of the state thread in a second. What is left goes with the next. */
const FLUSH_RECORDS_MAX = 5_000
/** An identity that only speaks is written once in so many milliseconds. */
const ACTIVITY_MS = 60_000
/** Records that wait for the disk, some 300 bytes each; while it takes none, activity alone is dropped beyond. */
const WAITING_MAX = 200_000

export interface PresenceFacts {
  readonly isConnected: boolean
  /** When it connected, or disconnected; absent: never. */
  readonly since?: Timestamp
  readonly lastActivity?: Timestamp
  readonly modelId?: string
}

export interface PresenceParts {
  readonly store: PresenceStore
  readonly clock: Clock
  /** The disk took nothing; it is tried again. */
  readonly fault: (error: unknown) => void
}

interface Live {
  readonly key: IdentityKey
  readonly generationId: string
  readonly since: Timestamp
  readonly modelId?: string
  lastActivity: Timestamp
  writtenActivity: Timestamp
}

export class Presence implements DeviceHandlers {
  readonly #parts: PresenceParts
  readonly #live = new Map<string, Live>()
  /** What the disk does not have yet; the newest of each identity. */
  readonly #waiting = new Map<string, PresenceWrite>()
  readonly #timer: NodeJS.Timeout
  #flushing: Promise<void> | undefined

  constructor(parts: PresenceParts) {
    this.#parts = parts
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS)
    this.#timer.unref()
  }

  /** Writes what is left and keeps no timer. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.flush()
  }

  opened(key: IdentityKey, facts: { readonly generationId: string; readonly modelId?: string }): void {
    const now = this.#parts.clock.wall()
    const live: Live = { key, ...facts, since: now, lastActivity: now, writtenActivity: now }
    this.#live.set(identityText(key), live)
    this.#wait(writeOf(live, { isConnected: true, since: now }))
  }

  active(key: IdentityKey): void {
    const now = this.#parts.clock.wall()
    const text = identityText(key)
    const live = this.#live.get(text)
    if (live === undefined) {
      const waiting = this.#waiting.get(text)
      this.#wait(waiting === undefined ? { ...key, lastActivity: now } : { ...waiting, lastActivity: now })
      return
    }
    live.lastActivity = now
    if (now - live.writtenActivity < ACTIVITY_MS) return
    live.writtenActivity = now
    this.#wait(writeOf(live, { isConnected: true, since: live.since }))
  }

  gone(key: IdentityKey): void {
    const text = identityText(key)
    const live = this.#live.get(text)
    if (live === undefined) return
    this.#live.delete(text)
    this.#wait(writeOf(live, { isConnected: false, since: this.#parts.clock.wall() }))
  }

  /** What was known of it, and of its modules, is not said of a successor that takes its id before the disk knows. */
  deleted(key: IdentityKey): void {
    const text = identityText(key)
    for (const names of [this.#live, this.#waiting]) {
      names.delete(text)
      if (key.moduleId !== undefined) continue
      for (const name of names.keys()) if (name.startsWith(`${text}/`)) names.delete(name)
    }
  }

  /** What is known of a connection now, without asking the disk; undefined while there is none. */
  connected(key: IdentityKey): PresenceFacts | undefined {
    const live = this.#live.get(identityText(key))
    if (live === undefined) return undefined
    const { since, lastActivity, modelId } = live
    return { isConnected: true, since, lastActivity, ...(modelId === undefined ? {} : { modelId }) }
  }

  /** Of each key, in order. At most 1,000 keys. */
  async of(keys: readonly IdentityKey[]): Promise<readonly PresenceFacts[]> {
    const stored = await this.#stored(keys.filter((key) => !this.#isHere(key)))
    // Looked at again after the disk, for what has come meanwhile.
    return keys.map((key) => {
      const text = identityText(key)
      return this.connected(key) ?? merged(this.#waiting.get(text), stored.get(text))
    })
  }

  /** Resolves when what waited is on disk, or the disk has refused it. Never rejects. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  async #flush(): Promise<void> {
    const records = [...this.#waiting].slice(0, FLUSH_RECORDS_MAX)
    try {
      for (let at = 0; at < records.length; at += RECORDS_MAX) {
        const some = records.slice(at, at + RECORDS_MAX)
        await this.#parts.store.writePresence(some.map(([, record]) => record))
        // What has changed since stays for the next flush.
        for (const [text, record] of some) if (this.#waiting.get(text) === record) this.#waiting.delete(text)
      }
    } catch (error) {
      this.#parts.fault(error)
    }
  }

  #wait(record: PresenceWrite): void {
    const text = identityText(record)
    if (record.connection === undefined && this.#waiting.size >= WAITING_MAX && !this.#waiting.has(text)) return
    this.#waiting.set(text, record)
  }

  #isHere(key: IdentityKey): boolean {
    const text = identityText(key)
    return this.#live.has(text) || this.#waiting.get(text)?.connection !== undefined
  }

  async #stored(keys: readonly IdentityKey[]): Promise<ReadonlyMap<string, PresenceFacts>> {
    if (keys.length === 0) return new Map()
    const records = await this.#parts.store.readPresence(keys)
    return new Map(
      records.flatMap((record) => {
        if (record === undefined) return []
        const { deviceId: _device, moduleId: _module, ...facts } = record
        return [[identityText(record), facts]]
      }),
    )
  }
}

function writeOf(live: Live, connection: { readonly isConnected: boolean; readonly since: Timestamp }): PresenceWrite {
  const { key, generationId, modelId, lastActivity } = live
  return {
    ...key,
    lastActivity,
    connection: { ...connection, generationId, ...(modelId === undefined ? {} : { modelId }) },
  }
}

/** What waits is newer than what is stored. */
function merged(waiting: PresenceWrite | undefined, stored: PresenceFacts | undefined): PresenceFacts {
  if (waiting === undefined) return stored ?? { isConnected: false }
  const { lastActivity, connection } = waiting
  if (connection === undefined) return { isConnected: false, ...stored, lastActivity }
  const { generationId: _, ...facts } = connection
  return { ...facts, lastActivity }
}

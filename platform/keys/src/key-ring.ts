/** Data keys by epoch and purpose: made, rotated, dropped, and kept wrapped on disk. */

import type { Timestamp } from '@holdfast/base'
import { openBytes, sealBytes } from './aead.ts'
import { DataKey, KEY_PURPOSES, type KeyPurpose } from './data-key.ts'
import { fileError, KeyError } from './errors.ts'
import type { KeyEnvironment } from './environment.ts'
import { type KeyFolder, replaceFile } from './folder.ts'
import { EPOCH_MAX, KEY_BYTES, RING_BYTES_MAX, RING_ENTRIES_MAX } from './limits.ts'
import type { KeyProvider } from './provider.ts'
import { whileReading } from './reading.ts'
import * as ringFile from './ring-file.ts'

/** A key as it may be shown. */
export interface KeyRecord {
  readonly epoch: number
  readonly purpose: KeyPurpose
  readonly state: 'current' | 'retired' | 'dropped'
  readonly createdTime: Timestamp
  readonly retiredTime?: Timestamp
  readonly droppedTime?: Timestamp
}

/** The ring's own key, with what follows from it. */
interface Root {
  readonly provider: string
  readonly wrapped: Uint8Array
  readonly wrapping: Uint8Array
  readonly mac: Uint8Array
}

/**
 * Every change is on disk before its promise resolves; after a crash at any moment the ring is as before the change or
 * as after it. Changes asked for at once happen one after the other.
 */
export class KeyRing {
  readonly #folder: KeyFolder
  readonly #environment: KeyEnvironment
  readonly #id: string
  readonly #keys = new Map<number, DataKey>()
  #provider: KeyProvider
  #root: Root
  #entries: readonly ringFile.RingEntry[]
  #nextEpoch: number
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(
    parts: { readonly folder: KeyFolder; readonly environment: KeyEnvironment; readonly provider: KeyProvider },
    content: Pick<ringFile.RingContent, 'id' | 'entries' | 'nextEpoch'>,
    root: Root,
  ) {
    this.#folder = parts.folder
    this.#environment = parts.environment
    this.#provider = parts.provider
    this.#id = content.id
    this.#entries = content.entries
    this.#nextEpoch = content.nextEpoch
    this.#root = root
  }

  /**
   * Reads `ring.json`, or makes it where there is none; makes the first key of every purpose that has none.
   * @throws KeyError `damaged`, `newer`, `foreign` (wrapped by another provider), `missing`, `unavailable`.
   */
  static async open(folder: KeyFolder, provider: KeyProvider, environment: KeyEnvironment): Promise<KeyRing> {
    const file = `${folder.path}/${ringFile.RING_FILE}`
    const found = await whileReading(file, () => folder.read(ringFile.RING_FILE, RING_BYTES_MAX))
    const parts = { folder, provider, environment }
    const ring =
      found === undefined ? await KeyRing.#create(parts, file) : await KeyRing.#load(parts, found.bytes, file)
    const absent = KEY_PURPOSES.filter((purpose) => ring.#currentEntry(purpose) === undefined)
    if (absent.length > 0) await ring.#rotate(absent)
    return ring
  }

  static async #create(
    parts: { readonly folder: KeyFolder; readonly environment: KeyEnvironment; readonly provider: KeyProvider },
    file: string,
  ): Promise<KeyRing> {
    if (!parts.environment.mayCreate) {
      throw fileError('missing', {
        file,
        what: 'the key ring is not there, and there is data that only it opens',
        remedy: 'put back ring.json from a backup',
      })
    }
    const id = Buffer.from(parts.environment.random(16)).toString('hex')
    const root = await makeRoot(parts.provider, id, parts.environment)
    return new KeyRing(parts, { id, entries: [], nextEpoch: 1 }, root)
  }

  static async #load(
    parts: { readonly folder: KeyFolder; readonly environment: KeyEnvironment; readonly provider: KeyProvider },
    bytes: Uint8Array,
    file: string,
  ): Promise<KeyRing> {
    const unverified = ringFile.parseRing(bytes, file)
    const { id, provider, root: wrapped } = unverified.content
    if (provider !== parts.provider.id) {
      throw fileError('foreign', {
        file,
        what: `the key ring is wrapped by ${provider}, and the hub is set to ${parts.provider.id}`,
        remedy: 'set the key provider that wrapped it, or put back kek.json and ring.json from the same backup',
      })
    }
    const rootBytes = await parts.provider.unwrap(wrapped, ringFile.rootContext(id))
    const root = { provider, wrapped, ...ringFile.deriveKeys(rootBytes) }
    rootBytes.fill(0)
    const content = ringFile.verifyRing(unverified, root.mac, file)
    const ring = new KeyRing(parts, content, root)
    for (const entry of content.entries) {
      if (entry.wrapped === undefined) continue
      const key = openBytes(root.wrapping, entry.wrapped, ringFile.entryContext(id, entry))
      if (key === undefined || key.length !== KEY_BYTES) {
        throw ringFile.damaged(file, `the key of epoch ${entry.epoch} does not unwrap`)
      }
      ring.#keys.set(entry.epoch, new DataKey({ ...entry, bytes: key }))
    }
    return ring
  }

  /** The key that seals now. */
  current(purpose: KeyPurpose): DataKey {
    const entry = this.#currentEntry(purpose)
    if (entry === undefined) throw new TypeError(`a ring that is open has a ${purpose} key`)
    return this.key(entry.epoch)
  }

  /** @throws KeyError `unknown-epoch`, `dropped-epoch`. */
  key(epoch: number): DataKey {
    const key = this.#keys.get(epoch)
    if (key !== undefined) return key
    if (this.#entries.some((entry) => entry.epoch === epoch)) {
      throw new KeyError('dropped-epoch', `the key of epoch ${epoch} was dropped; what it sealed cannot be read`)
    }
    throw new KeyError('unknown-epoch', `the ring has no key of epoch ${epoch}`)
  }

  /** All keys and tombstones, oldest first. */
  list(): readonly KeyRecord[] {
    return this.#entries.map((entry) => ({
      epoch: entry.epoch,
      purpose: entry.purpose,
      state: entry.droppedTime !== undefined ? 'dropped' : entry.retiredTime !== undefined ? 'retired' : 'current',
      createdTime: entry.createdTime,
      ...(entry.retiredTime === undefined ? {} : { retiredTime: entry.retiredTime }),
      ...(entry.droppedTime === undefined ? {} : { droppedTime: entry.droppedTime }),
    }))
  }

  /** The keys of one purpose that can still open something, oldest first; the last is the current one. */
  usable(purpose: KeyPurpose): readonly DataKey[] {
    return [...this.#keys.values()].filter((key) => key.purpose === purpose)
  }

  /**
   * A new key seals from now on; the old one still opens.
   * @throws KeyError `full`, `unavailable`: then the old key stays current.
   */
  async rotate(purpose: KeyPurpose): Promise<DataKey> {
    return this.#inTurn(async () => {
      await this.#rotate([purpose])
      return this.current(purpose)
    })
  }

  /**
   * Destroys a key, and with it what it sealed (crypto-shredding). Its tombstone stays. The rest is wrapped under a new
   * root key, and what the old file held is overwritten; a copy of the key files made earlier, a backup, still opens it.
   * Does nothing where it was dropped already.
   * @param purpose what the caller means to destroy: an epoch of another purpose is then refused as unknown. To be given
   * wherever the number comes from an operator, or it may take the keys of the registry with it.
   * @throws KeyError `current-epoch`, `unknown-epoch`, `unavailable` (then the key is still there).
   */
  async drop(epoch: number, purpose?: KeyPurpose): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#entries.find((candidate) => candidate.epoch === epoch)
      if (entry === undefined || (purpose !== undefined && entry.purpose !== purpose)) {
        throw new KeyError('unknown-epoch', `the ring has no ${purpose ?? 'data'} key of epoch ${epoch}`)
      }
      if (entry.droppedTime !== undefined) return
      if (entry.retiredTime === undefined) {
        throw new KeyError('current-epoch', `epoch ${epoch} seals ${entry.purpose} now; rotate before dropping it`)
      }
      const { createdTime, retiredTime } = entry
      const tombstone = {
        epoch,
        purpose: entry.purpose,
        createdTime,
        retiredTime,
        droppedTime: this.#environment.clock.wall(),
      }
      const entries = this.#entries.map((candidate) => (candidate === entry ? tombstone : candidate))
      await this.#replaceRoot(this.#provider, entries)
      this.#keys.get(epoch)?.destroy()
      this.#keys.delete(epoch)
    })
  }

  /**
   * Wraps everything anew, by `provider`: another one (a move from file to TPM), or the same after its key changed.
   * One file is replaced in one step, so that a crash leaves the whole ring to one of the two.
   * @throws KeyError `unavailable`: then the ring is as before.
   */
  async rewrap(provider: KeyProvider): Promise<void> {
    return this.#inTurn(async () => {
      await this.#replaceRoot(provider, this.#entries)
      this.#provider = provider
    })
  }

  /**
   * Writes the same keys and tombstones into another folder, wrapped by another provider. This ring stays as it is, and
   * goes on without knowing of the copy.
   * @throws KeyError `unavailable`.
   */
  copyTo(folder: KeyFolder, provider: KeyProvider): Promise<void> {
    return this.#inTurn(async () => {
      const root = await makeRoot(provider, this.#id, this.#environment)
      try {
        const entries = this.#entries.map((entry) =>
          entry.wrapped === undefined ? entry : { ...entry, wrapped: this.#wrap(this.key(entry.epoch), root) },
        )
        const content = {
          id: this.#id,
          provider: root.provider,
          root: root.wrapped,
          nextEpoch: this.#nextEpoch,
          entries,
        }
        await replaceFile(folder, ringFile.RING_FILE, ringFile.formatRing(content, root.mac))
      } catch (cause) {
        throw new KeyError('unavailable', `${folder.path}/${ringFile.RING_FILE} could not be written`, cause)
      } finally {
        root.wrapping.fill(0)
        root.mac.fill(0)
      }
    })
  }

  /** Overwrites every key in memory; the ring cannot be used after. */
  close(): void {
    for (const key of this.#keys.values()) key.destroy()
    this.#keys.clear()
    this.#root.wrapping.fill(0)
    this.#root.mac.fill(0)
  }

  toJSON(): string {
    return `[key ring ${this.#id}]`
  }

  #currentEntry(purpose: KeyPurpose): ringFile.RingEntry | undefined {
    return this.#entries.findLast((entry) => entry.purpose === purpose && entry.retiredTime === undefined)
  }

  async #rotate(purposes: readonly KeyPurpose[]): Promise<void> {
    if (this.#entries.length + purposes.length > RING_ENTRIES_MAX || this.#nextEpoch + purposes.length > EPOCH_MAX) {
      throw new KeyError('full', `the key ring holds ${this.#entries.length} keys and tombstones and takes no more`)
    }
    const now = this.#environment.clock.wall()
    const made = purposes.map((purpose, index) => {
      const bytes = new Uint8Array(this.#environment.random(KEY_BYTES))
      return new DataKey({ epoch: this.#nextEpoch + index, purpose, createdTime: now, bytes })
    })
    const entries = [
      ...this.#entries.map((entry) =>
        purposes.includes(entry.purpose) && entry.retiredTime === undefined ? { ...entry, retiredTime: now } : entry,
      ),
      ...made.map((key) => this.#entryOf(key, this.#root)),
    ]
    await this.#write(entries, this.#nextEpoch + made.length, this.#root, false)
    for (const key of made) this.#keys.set(key.epoch, key)
  }

  async #replaceRoot(provider: KeyProvider, entries: readonly ringFile.RingEntry[]): Promise<void> {
    const root = await makeRoot(provider, this.#id, this.#environment)
    const rewrapped = entries.map((entry) =>
      entry.wrapped === undefined ? entry : { ...entry, wrapped: this.#wrap(this.key(entry.epoch), root) },
    )
    const old = this.#root
    await this.#write(rewrapped, this.#nextEpoch, root, true)
    old.wrapping.fill(0)
    old.mac.fill(0)
  }

  #entryOf(key: DataKey, root: Root): ringFile.RingEntry {
    const { epoch, purpose, createdTime } = key
    return { epoch, purpose, createdTime, wrapped: this.#wrap(key, root) }
  }

  #wrap(key: DataKey, root: Root): Uint8Array {
    return sealBytes(root.wrapping, key.bytes, ringFile.entryContext(this.#id, key), this.#environment.random)
  }

  /** On disk first, then in memory: what was not written does not exist. */
  async #write(entries: readonly ringFile.RingEntry[], nextEpoch: number, root: Root, erase: boolean): Promise<void> {
    const content = { id: this.#id, provider: root.provider, root: root.wrapped, nextEpoch, entries }
    try {
      await replaceFile(this.#folder, ringFile.RING_FILE, ringFile.formatRing(content, root.mac), erase)
    } catch (cause) {
      throw new KeyError('unavailable', `${this.#folder.path}/${ringFile.RING_FILE} could not be written`, cause)
    }
    this.#entries = entries
    this.#nextEpoch = nextEpoch
    this.#root = root
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

async function makeRoot(provider: KeyProvider, ringId: string, environment: KeyEnvironment): Promise<Root> {
  const bytes = new Uint8Array(environment.random(KEY_BYTES))
  try {
    const wrapped = await provider.wrap(bytes, ringFile.rootContext(ringId))
    return { provider: provider.id, wrapped, ...ringFile.deriveKeys(bytes) }
  } finally {
    bytes.fill(0)
  }
}

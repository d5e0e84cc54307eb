/**
 * The ring with the home of its key-encryption key: opened together, moved from one home to another, and rotated, while
 * data is sealed and read.
 *
 * A move: both homes are named (`homes.json`), the new one is made, the ring is wrapped by it (one file, replaced in one
 * step), the old one is destroyed, the new one is named alone. `ring.json` says which of the two counts; so after a crash
 * between any two steps the next start opens that one and clears the other away.
 */

import type { KeyEnvironment } from './environment.ts'
import { fileError, KeyError } from './errors.ts'
import { fileHomes, FileKeyProvider } from './file-provider.ts'
import type { KeyFolder } from './folder.ts'
import type { HomeDescription, HomeOpening, HomeWish, KeyHome, KeyHomeKind, KeyHomeKinds } from './home.ts'
import { readHomes, writeHomes } from './home-file.ts'
import { KeyRing } from './key-ring.ts'
import { HOMES_MAX, RING_BYTES_MAX } from './limits.ts'
import { whileReading } from './reading.ts'
import { parseRing, RING_FILE } from './ring-file.ts'

export interface CustodyParts {
  readonly folder: KeyFolder
  readonly environment: KeyEnvironment
  /** Beside the machine file, which is always there. */
  readonly kinds: KeyHomeKinds
  /** Where the first start makes the key; the machine file unless told. */
  readonly first?: HomeWish
}

export class KeyCustody {
  readonly ring: KeyRing
  readonly #parts: CustodyParts
  #home: KeyHome
  /** The home in use, and others that could not be cleared away yet. */
  #homes: readonly [HomeDescription, ...HomeDescription[]]
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(
    parts: CustodyParts,
    opened: { readonly ring: KeyRing; readonly home: KeyHome; readonly description: HomeDescription },
    others: readonly HomeDescription[],
  ) {
    this.#parts = parts
    this.ring = opened.ring
    this.#home = opened.home
    this.#homes = [opened.description, ...others]
  }

  /**
   * Opens the home that the ring is wrapped by, and the ring; makes both at the first start; finishes what was interrupted.
   * @throws KeyError, naming the file and what to do.
   */
  static async open(parts: CustodyParts): Promise<KeyCustody> {
    const { folder, environment } = parts
    const wrappedBy = await ringProvider(folder)
    const named = (await readHomes(folder)) ?? (await firstHomes(parts, wrappedBy))
    const found = named.find(({ id }) => wrappedBy === undefined || id === wrappedBy)
    if (found === undefined) {
      throw fileError('foreign', {
        file: `${folder.path}/${RING_FILE}`,
        what: `the key ring is wrapped by ${wrappedBy}, which is none of the homes of keys that are named here`,
        remedy: 'put back the whole keys folder from one backup',
      })
    }
    // A ring without its key-encryption key is a loss, whatever the caller knows of the rest of the folder.
    const mayCreate = environment.mayCreate && wrappedBy === undefined
    const home = await kindOf(parts, found).open(found, { mayCreate })
    try {
      const ring = await KeyRing.open(folder, home, environment)
      const others = named.filter((other) => other !== found)
      const description = { ...found, id: home.id }
      const custody = new KeyCustody(parts, { ring, home, description }, others)
      if (home.isRotating) await rotate(ring, home)
      if (others.length > 0) await custody.#clear()
      return custody
    } catch (error) {
      await home.close()
      throw error
    }
  }

  /** The home in use. */
  get home(): HomeDescription {
    return this.#homes[0]
  }

  /** Homes that hold nothing any more that is needed, and could not be cleared away: their token was not there. */
  get leftovers(): readonly HomeDescription[] {
    return this.#homes.slice(1)
  }

  /** When the key-encryption key was made. */
  get createdTime(): KeyHome['createdTime'] {
    return this.#home.createdTime
  }

  /** Whether the key-encryption key lives where it is wished to. */
  isAt(wish: HomeWish): boolean {
    return wish.kind === this.home.kind && kindOf(this.#parts, this.home).matches(this.home, wish)
  }

  /**
   * Moves the key-encryption key to a new home, with a new key. Data is read and sealed meanwhile.
   * @param opening the secret of the new home, where it is not to be asked for.
   * @throws KeyError: then the old home is in use as before, unless the new one was already (see `home`).
   */
  move(wish: HomeWish, opening: Pick<HomeOpening, 'secret'> = {}): Promise<HomeDescription> {
    return this.#inTurn(async () => {
      const { environment } = this.#parts
      await this.#clear()
      // One file of this name is all there can be.
      if (wish.kind === 'file' && this.home.kind === 'file') return this.home
      if (this.#homes.length >= HOMES_MAX) {
        throw new KeyError('unavailable', 'what is left of earlier moves of the key has to be cleared away first')
      }
      const kind = kindOf(this.#parts, wish)
      const description = describe(wish, environment)
      await this.#name([...this.#homes, description])
      let home: KeyHome | undefined
      try {
        home = await kind.open(description, { mayCreate: true, ...opening })
        await this.ring.rewrap(home)
      } catch (error) {
        await home?.close()
        await this.#clear()
        throw error
      }
      const old = this.#home
      this.#home = home
      this.#homes = [description, ...this.#homes.filter(({ id }) => id !== description.id)]
      await old.close()
      await this.#clear()
      return description
    })
  }

  /** Replaces the key-encryption key where it is. Interrupted, the next start goes on; so does calling it again. */
  rotateKeyEncryptionKey(): Promise<void> {
    return this.#inTurn(() => rotate(this.ring, this.#home))
  }

  /**
   * Writes the ring into another folder with a key-encryption key of its own in a file beside it: whoever has that folder
   * opens the ring, wherever this one's key lives. For a backup, which is sealed as a whole.
   * @throws KeyError `unavailable`.
   */
  copyTo(folder: KeyFolder): Promise<void> {
    return this.#inTurn(async () => {
      const home = await FileKeyProvider.open(folder, { ...this.#parts.environment, mayCreate: true })
      try {
        await this.ring.copyTo(folder, home)
      } finally {
        await home.close()
      }
    })
  }

  /** Tries again to clear away what is left of moves; never rejects. */
  clearLeftovers(): Promise<void> {
    return this.#inTurn(() => this.#clear())
  }

  async close(): Promise<void> {
    await this.#turn
    this.ring.close()
    await this.#home.close()
  }

  async #name(homes: readonly [HomeDescription, ...HomeDescription[]]): Promise<void> {
    await writeHomes(this.#parts.folder, homes)
    this.#homes = homes
  }

  /**
   * Destroys the homes that nothing is wrapped by. What cannot be cleared away now stays named, for the next time.
   */
  async #clear(): Promise<void> {
    const [used, ...others] = this.#homes
    if (others.length === 0 || !(await this.#isWrappedForGood())) return
    const left: HomeDescription[] = []
    for (const other of others) {
      try {
        await kindOf(this.#parts, other).destroy(other)
      } catch (error) {
        if (!(error instanceof KeyError)) throw error
        left.push(other)
      }
    }
    if (left.length === others.length) return
    try {
      await this.#name([used, ...left])
    } catch (error) {
      // Named still and destroyed already: the next time finds nothing to destroy.
      if (!(error instanceof KeyError)) throw error
    }
  }

  /**
   * Whether the ring on disk is wrapped by the home in use, also after a power cut. A move that failed half-way may have
   * left it to the other, which must not be destroyed then.
   */
  async #isWrappedForGood(): Promise<boolean> {
    const { folder } = this.#parts
    try {
      if ((await ringProvider(folder)) === this.home.id) await folder.syncFolder()
      else await this.ring.rewrap(this.#home)
      return true
    } catch {
      return false
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

/** Three steps, each of which leaves files that open: both keys are there, the ring is wrapped by the new one, the old one is gone. */
async function rotate(ring: KeyRing, home: KeyHome): Promise<void> {
  await home.beginRotation()
  await ring.rewrap(home)
  await home.endRotation()
}

async function ringProvider(folder: KeyFolder): Promise<string | undefined> {
  const file = `${folder.path}/${RING_FILE}`
  const found = await whileReading(file, () => folder.read(RING_FILE, RING_BYTES_MAX))
  // Not verified yet: a wrong name leads to a home that does not unwrap it.
  return found === undefined ? undefined : parseRing(found.bytes, file).content.provider
}

/** Of a folder that names no home: the machine file, or what the first start wants. */
async function firstHomes(
  { folder, environment, first }: CustodyParts,
  wrappedBy: string | undefined,
): Promise<readonly HomeDescription[]> {
  if (wrappedBy !== undefined) return [{ kind: 'file', id: wrappedBy, settings: {} }]
  if (first === undefined || first.kind === 'file' || !environment.mayCreate) {
    return [{ kind: 'file', id: '', settings: {} }]
  }
  const description = describe(first, environment)
  await writeHomes(folder, [description])
  return [description]
}

function describe({ kind, settings }: HomeWish, { random }: KeyEnvironment): HomeDescription {
  return { kind, id: `${kind}:${Buffer.from(random(8)).toString('hex')}`, settings }
}

function kindOf({ folder, environment, kinds }: CustodyParts, { kind }: Pick<HomeDescription, 'kind'>): KeyHomeKind {
  const found = kind === 'file' ? fileHomes(folder, environment) : kinds[kind]
  if (found === undefined) throw new KeyError('unavailable', `this program cannot keep keys in a home of kind ${kind}`)
  return found
}

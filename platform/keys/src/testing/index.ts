/** Fakes for tests, of this package and of others: a folder in memory that can lose power, and keys in it. */

import { randomBytes } from 'node:crypto'
import { type Clock, instantOf, timestampOf } from '@holdfast/base'
import type { HeldFile, KeyEnvironment, KeyFile, KeyFolder, OpenKeys } from '../index.ts'
import { openKeys } from '../index.ts'

/** What a crash keeps of what was not yet made durable. A real disk may do any of these. */
export { fuzzTargets } from './fuzz-targets.ts'

export type CrashMode =
  /** Nothing. */
  | 'lost'
  /** Everything. */
  | 'kept'
  /** Names, and half of the bytes behind them: a rename overtook the content. */
  | 'torn'

/** The power went: thrown by the step at which it did, and by every one after. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

interface Inode {
  written: Uint8Array
  durable: Uint8Array
  mode: number
}

/**
 * A folder in memory with the durability of a POSIX file system: content lasts once synced, names once the folder is.
 * `cutAfter(n)` stops it after n further steps; `recover(mode)` gives the folder a restart finds.
 */
export class MemoryFolder implements KeyFolder {
  readonly path = '/keys'
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #stepsLeft = Number.POSITIVE_INFINITY
  #failure: Error | undefined
  #failOnce: { readonly changes: number; readonly error: Error } | undefined
  /** Steps taken since it was made. */
  steps = 0

  cutAfter(steps: number): void {
    this.#stepsLeft = steps
  }

  /** From now on every change fails with this, as on a full disk; undefined ends it. */
  failWith(error: Error | undefined): void {
    this.#failure = error
  }

  recover(mode: CrashMode): MemoryFolder {
    const next = new MemoryFolder()
    for (const [name, inode] of mode === 'lost' ? this.#durableNames : this.#names) {
      const bytes = mode === 'kept' ? inode.written : mode === 'lost' ? inode.durable : torn(inode)
      next.plant(name, bytes, inode.mode)
    }
    return next
  }

  /** Puts a file there, durably, as an administrator or an attacker would. */
  plant(name: string, bytes: Uint8Array, mode = 0o600): void {
    const content = new Uint8Array(bytes)
    const inode = { written: content, durable: content, mode }
    this.#names.set(name, inode)
    this.#durableNames.set(name, inode)
  }

  unlink(name: string): void {
    this.#names.delete(name)
    this.#durableNames.delete(name)
  }

  /** Names that are there, sorted. */
  names(): readonly string[] {
    return [...this.#names.keys()].sort()
  }

  /** The next change but `changes` fails with this, once. */
  failOnce(changes: number, error: Error): void {
    this.#failOnce = { changes, error }
  }

  /** Whether what `failOnce` asked for is still to come. */
  get isFailing(): boolean {
    return this.#failOnce !== undefined
  }

  /** The content, or undefined. */
  peek(name: string): Uint8Array | undefined {
    return this.#names.get(name)?.written
  }

  async read(name: string, bytesMax: number): Promise<KeyFile | undefined> {
    this.#step()
    const inode = this.#names.get(name)
    if (inode === undefined) return undefined
    if (inode.written.length > bytesMax) throw new Error(`${name} is larger than ${bytesMax} bytes`)
    return { bytes: new Uint8Array(inode.written), mode: inode.mode, isOurs: true }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.#change()
    this.#names.set(name, { written: new Uint8Array(bytes), durable: new Uint8Array(0), mode: 0o600 })
  }

  async sync(name: string): Promise<void> {
    this.#change()
    const inode = this.#inode(name)
    inode.durable = inode.written
  }

  async rename(from: string, to: string): Promise<void> {
    this.#change()
    this.#names.set(to, this.#inode(from))
    this.#names.delete(from)
  }

  async remove(name: string): Promise<void> {
    this.#change()
    this.#names.delete(name)
  }

  async syncFolder(): Promise<void> {
    this.#change()
    this.#durableNames = new Map(this.#names)
  }

  async hold(name: string): Promise<HeldFile | undefined> {
    this.#step()
    const inode = this.#names.get(name)
    if (inode === undefined) return undefined
    return {
      erase: async () => {
        this.#change()
        inode.written = new Uint8Array(inode.written.length)
        inode.durable = inode.written
      },
      release: async () => undefined,
    }
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name)
    if (inode === undefined) throw Object.assign(new Error(`ENOENT ${name}`), { code: 'ENOENT' })
    return inode
  }

  #change(): void {
    this.#step()
    if (this.#failure !== undefined) throw this.#failure
    if (this.#failOnce === undefined) return
    const { changes, error } = this.#failOnce
    this.#failOnce = changes === 0 ? undefined : { changes: changes - 1, error }
    if (changes === 0) throw error
  }

  #step(): void {
    this.steps += 1
    if (this.#stepsLeft <= 0) throw new PowerCut('the power is gone')
    this.#stepsLeft -= 1
  }
}

/** A clock that stands until it is moved. */
export function standingClock(startMs = Date.UTC(2026, 10, 1)): Clock & { advance(ms: number): void } {
  let now = startMs
  return {
    monotonic: () => instantOf(now),
    wall: () => timestampOf(now),
    advance: (ms) => {
      now += ms
    },
  }
}

export function testEnvironment(clock: Clock = standingClock()): KeyEnvironment {
  return { clock, random: (n) => new Uint8Array(randomBytes(n)), mayCreate: true }
}

/** Keys of a folder in memory. */
export async function openTestKeys(environment: KeyEnvironment = testEnvironment()): Promise<OpenKeys> {
  return openKeys(new MemoryFolder(), environment)
}

/** Bytes that were synced stay whole; of others only the first half arrived. */
function torn(inode: Inode): Uint8Array {
  return inode.durable === inode.written ? inode.written : inode.written.subarray(0, inode.written.length >> 1)
}

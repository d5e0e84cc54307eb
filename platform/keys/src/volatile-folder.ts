/** A folder of keys that is in memory alone: a copy of them that is on its way into an archive, or out of one. */

import type { KeyFile, KeyFolder } from './folder.ts'

const MODE = 0o600

/** Nothing of it reaches a disk; `wipe` overwrites what it holds. */
export class VolatileFolder implements KeyFolder {
  readonly path: string
  readonly #files = new Map<string, Uint8Array>()

  /**
   * @param path for messages.
   * @param files by name; copied.
   */
  constructor(path: string, files: Iterable<readonly [string, Uint8Array]> = []) {
    this.path = path
    for (const [name, bytes] of files) this.#files.set(name, bytes.slice())
  }

  /** What it holds, by name; not copied. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return this.#files
  }

  async read(name: string, bytesMax: number): Promise<KeyFile | undefined> {
    const bytes = this.#files.get(name)
    if (bytes === undefined) return undefined
    if (bytes.length > bytesMax) throw new RangeError(`${name} has more than ${bytesMax} bytes`)
    return { bytes: bytes.slice(), mode: MODE, isOurs: true }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.#overwrite(name)
    this.#files.set(name, bytes.slice())
  }

  async sync(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.#files.get(from)
    if (bytes === undefined) throw new Error(`there is no ${from}`)
    this.#files.delete(from)
    this.#overwrite(to)
    this.#files.set(to, bytes)
  }

  async remove(name: string): Promise<void> {
    this.#overwrite(name)
    this.#files.delete(name)
  }

  async syncFolder(): Promise<void> {}

  /** What takes a name overwrites what had it, so that there is nothing to hold. */
  async hold(): Promise<undefined> {
    return undefined
  }

  wipe(): void {
    for (const name of this.#files.keys()) this.#overwrite(name)
    this.#files.clear()
  }

  #overwrite(name: string): void {
    this.#files.get(name)?.fill(0)
  }
}

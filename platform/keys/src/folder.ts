/**
 * What the keys need from a disk, in steps small enough that a test can stop the world between any two of them.
 * Names are plain file names inside one folder.
 */

import { KeyError } from './errors.ts'

export interface KeyFile {
  readonly bytes: Uint8Array
  /** Permission bits (0o777). */
  readonly mode: number
  /** True when the file belongs to the user of this process, or to root. */
  readonly isOurs: boolean
}

/** A file that stays reachable after another took its name. */
export interface HeldFile {
  /** Overwrites the content with zeros, durably, if no name leads to it any more; then lets go of it. */
  erase(): Promise<void>
  /** Lets go without touching the content. */
  release(): Promise<void>
}

export interface KeyFolder {
  /** For messages: where the folder is. */
  readonly path: string
  /** The whole file, or undefined where there is none. MUST refuse (throw) more than `bytesMax`. */
  read(name: string, bytesMax: number): Promise<KeyFile | undefined>
  /** Creates the file, or replaces a leftover of that name, with mode 0600. Not yet durable. */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Makes the content durable. */
  sync(name: string): Promise<void>
  /** Atomic; replaces `to`. Not yet durable. */
  rename(from: string, to: string): Promise<void>
  /** Takes the name away; does nothing where there is none. Not yet durable. */
  remove(name: string): Promise<void>
  /** Makes creations, renames and removals durable. */
  syncFolder(): Promise<void>
  hold(name: string): Promise<HeldFile | undefined>
}

/**
 * Replaces a file so that after a crash at any moment either the old content is there, whole, or the new one.
 * With `erase`, what the old file held is overwritten once the new one is durable; that is as much as a program can do
 * above a file system (a copy-on-write one, an SSD and a backup keep what they keep).
 */
export async function replaceFile(
  folder: KeyFolder,
  name: string,
  bytes: Uint8Array,
  erase: boolean = false,
): Promise<void> {
  const old = erase ? await folder.hold(name) : undefined
  try {
    const temporary = `${name}.new`
    await folder.write(temporary, bytes)
    await folder.sync(temporary)
    await folder.rename(temporary, name)
    await folder.syncFolder()
  } catch (error) {
    await old?.release()
    throw error
  }
  try {
    await old?.erase()
  } catch {
    // The new content is durable and the old has no name any more: that is done, and overwriting was an extra.
  }
}

/**
 * Removes a file, durably, and overwrites what it held, as far as a program can (see `replaceFile`). Does nothing where
 * there is none, so that it can be asked again after a crash.
 * @throws KeyError `unavailable`.
 */
export async function removeFile(folder: KeyFolder, name: string): Promise<void> {
  let old: HeldFile | undefined
  try {
    // What a write that was cut off has left.
    await folder.remove(`${name}.new`)
    old = await folder.hold(name)
    await folder.remove(name)
    await folder.syncFolder()
  } catch (cause) {
    await old?.release()
    throw new KeyError('unavailable', `${folder.path}/${name} could not be removed`, cause)
  }
  try {
    await old?.erase()
  } catch {
    // It has no name any more; overwriting was an extra.
  }
}

/** The key folder on a real disk. */

import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError } from './errors.ts'
import type { HeldFile, KeyFile, KeyFolder } from './folder.ts'

/**
 * Opens the folder, made with mode 0700 where there is none.
 * @throws KeyError `exposed` when others may change what is in it.
 */
export async function openKeyFolder(path: string): Promise<KeyFolder> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const { mode, uid } = await stat(path)
  // Who may rename files in the folder may replace the keys by their own.
  if ((mode & 0o022) !== 0 || !isTrusted(uid)) {
    throw fileError('exposed', {
      file: path,
      what: 'others may change what is in this folder',
      remedy: `make it your own: chmod 700 ${path}`,
    })
  }
  return new NodeFolder(path)
}

class NodeFolder implements KeyFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  async read(name: string, bytesMax: number): Promise<KeyFile | undefined> {
    const file = await openIfThere(join(this.path, name), constants.O_RDONLY)
    if (file === undefined) return undefined
    try {
      // Of the open file, not of the name: nobody can swap it between the look and the reading.
      const { mode, uid, size } = await file.stat()
      if (size > bytesMax) throw new Error(`${name} is larger than ${bytesMax} bytes`)
      const bytes = new Uint8Array(size)
      let filled = 0
      while (filled < size) {
        const { bytesRead } = await file.read(bytes, filled, size - filled, filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return { bytes: bytes.subarray(0, filled), mode: mode & 0o777, isOurs: isTrusted(uid) }
    } finally {
      await file.close()
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.path, name)
    // A leftover of a crash, or something planted there: a new file, never one that was already open to others.
    await rm(path, { force: true })
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
    } finally {
      await file.close()
    }
  }

  async sync(name: string): Promise<void> {
    await syncPath(join(this.path, name), constants.O_RDWR)
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(join(this.path, from), join(this.path, to))
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.path, name), { force: true })
  }

  async syncFolder(): Promise<void> {
    await syncPath(this.path, constants.O_RDONLY)
  }

  async hold(name: string): Promise<HeldFile | undefined> {
    const file = await openIfThere(join(this.path, name), constants.O_RDWR)
    return file === undefined ? undefined : new NodeHeldFile(file)
  }
}

class NodeHeldFile implements HeldFile {
  readonly #file: FileHandle

  constructor(file: FileHandle) {
    this.#file = file
  }

  async erase(): Promise<void> {
    try {
      const { size, nlink } = await this.#file.stat()
      if (nlink !== 0) return
      await this.#file.write(new Uint8Array(size), 0, size, 0)
      await this.#file.sync()
    } finally {
      await this.#file.close()
    }
  }

  async release(): Promise<void> {
    await this.#file.close()
  }
}

async function openIfThere(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function syncPath(path: string, flags: number): Promise<void> {
  const file = await open(path, flags)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Root can read everything anyway; any other owner could change a file whatever its mode. */
function isTrusted(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid() || uid === 0
}

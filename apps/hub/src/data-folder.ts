/** The data folder: everything that lasts is in it, and one hub at a time owns it. */

import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export class DataFolderError extends Error {
  readonly code: 'in-use' | 'unusable'

  constructor(code: DataFolderError['code'], message: string) {
    super(message)
    this.name = 'DataFolderError'
    this.code = code
  }
}

const LOCK = 'lock.db'
/** What may lie in a folder that becomes a data folder: an operator's settings and lists, and what a volume has of its own. */
const NOT_FOREIGN: ReadonlySet<string> = new Set([LOCK, 'config.json', 'weak-keys', 'lost+found'])

export class DataFolder {
  readonly path: string
  readonly #lock: DatabaseSync

  private constructor(path: string, lock: DatabaseSync) {
    this.path = path
    this.#lock = lock
  }

  /**
   * Makes the folder (mode 0700) and locks it until the process ends, however it ends: the lock is the kernel's, held by
   * SQLite on a file of its own, so nothing stale can be left behind.
   * @throws DataFolderError when another hub holds it, or when it cannot be used.
   */
  static open(path: string): DataFolder {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      if ((statSync(path).mode & 0o077) !== 0) closeToOthers(path)
    } catch (error) {
      if (error instanceof DataFolderError) throw error
      throw new DataFolderError(
        'unusable',
        `cannot use the data folder ${path}: ${messageOf(error)}. Choose another with --data.`,
      )
    }
    let lock: DatabaseSync | undefined
    try {
      lock = new DatabaseSync(join(path, LOCK), { timeout: 0 })
      lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
      return new DataFolder(path, lock)
    } catch (error) {
      lock?.close()
      if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) {
        throw new DataFolderError(
          'in-use',
          `another hub is running on the data folder ${path}. Stop it first, or choose another folder with --data.`,
        )
      }
      throw new DataFolderError(
        'unusable',
        `cannot lock the data folder ${path}: ${messageOf(error)}. Is it writable, and is there room?`,
      )
    }
  }

  /** Path of something inside. */
  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  close(): void {
    this.#lock.close()
  }
}

/** Takes a folder from all others; not one that has another use: with `--data /tmp`, that would be the machine's. */
function closeToOthers(path: string): void {
  if (!existsSync(join(path, LOCK))) {
    const foreign = readdirSync(path).find((name) => !NOT_FOREIGN.has(name))
    if (foreign !== undefined) {
      throw new DataFolderError(
        'unusable',
        `${path} is no data folder, is open to other users, and holds something else (${JSON.stringify(foreign)}). Choose a folder of its own with --data.`,
      )
    }
  }
  chmodSync(path, 0o700)
}

const SQLITE_BUSY = 5

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

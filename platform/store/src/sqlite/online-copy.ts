/**
 * A copy of a database that is in use, through the connection that writes it (SQLite's backup API, sqlite.org/backup.html):
 * what is written meanwhile goes into the copy too, so that it never begins anew, and it is the database as of the moment
 * in which it ends. Between two steps the thread does its other work.
 */

import { rm } from 'node:fs/promises'
import { backup, type DatabaseSync } from 'node:sqlite'
import { StoreUnavailableError } from '../damaged.ts'
import { storeErrorOf } from '../sqlite/database.ts'

/** Pages of one step: with pages of 8 KiB 2 MiB, some two milliseconds in which the connection is not free. */
const STEP_PAGES = 256

export class OnlineCopy {
  #running: Promise<void> | undefined
  #isEnded = false

  /**
   * Writes a copy to `file`, which is not there yet; one at a time. What is left of one that failed is removed.
   * @throws StoreUnavailableError `busy` where one is under way or the database is being closed, or the disk's fault.
   */
  async run(database: DatabaseSync, file: string): Promise<void> {
    if (this.#isEnded || this.#running !== undefined) {
      throw new StoreUnavailableError('busy', 'a copy is under way, or the database is being closed')
    }
    this.#running = this.#copy(database, file)
    try {
      await this.#running
    } finally {
      this.#running = undefined
    }
  }

  /** Breaks off what is under way; to be awaited before the connection is closed. */
  async end(): Promise<void> {
    this.#isEnded = true
    await this.#running?.catch(() => undefined)
  }

  async #copy(database: DatabaseSync, file: string): Promise<void> {
    try {
      await backup(database, file, {
        rate: STEP_PAGES,
        // Called between steps, and the only place from which a copy can be ended.
        progress: () => {
          if (this.#isEnded) throw new StoreUnavailableError('busy', 'the database is being closed')
        },
      })
    } catch (error) {
      await rm(file, { force: true })
      throw storeErrorOf(error, file, 'make room, or copy to another disk')
    }
  }
}

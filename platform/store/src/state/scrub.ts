/** Leaving nothing of deleted rows behind in the write-ahead log. */

import type { DatabaseSync } from 'node:sqlite'
import { StoreUnavailableError } from '../damaged.ts'

/** Turns of the event loop to wait for a transaction that is open; one takes a few. */
const TURNS_MAX = 10_000

/**
 * Copies the log into the database and cuts it to nothing (`wal_checkpoint(TRUNCATE)`).
 * @throws StoreUnavailableError `busy`, or the disk's fault.
 */
export async function truncateLog(database: DatabaseSync): Promise<void> {
  for (let turns = 0; database.isTransaction && turns < TURNS_MAX; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const row = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
  if (row?.busy !== 0)
    throw new StoreUnavailableError('busy', 'the log of the state could not be cut; try again shortly')
}

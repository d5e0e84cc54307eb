/** The folder that backups are written to: there, and writable for this process. Not made: a disk that is not mounted is none. */

import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { BackupError } from '@holdfast/backup'

/** @throws BackupError `unavailable`. */
export async function usableFolder(path: string): Promise<void> {
  try {
    if (!(await stat(path)).isDirectory()) throw new Error('it is no folder')
    await access(path, constants.W_OK | constants.X_OK)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown'
    const what = `backups cannot be written to ${path}: ${why}; make the folder, or name another`
    throw new BackupError('unavailable', what, cause)
  }
}

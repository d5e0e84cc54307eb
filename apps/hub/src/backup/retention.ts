/** Which files of a schedule may go: those beyond as many as are kept, but for the last that is known to hold. */

import { lstat, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BackupRecord } from './backup-record.ts'

type Kept = Pick<BackupRecord, 'bytes' | 'drill' | 'file'>

/**
 * Those that the schedule keeps no more. Counted are the files of its folder: what lies elsewhere was put there by another
 * schedule, and stays. The newest that was restored on trial stays as well, until a newer one was: those that came after it
 * may all be worth nothing.
 * @param records the newest first; of those whose file is gone none counts.
 */
export function removable<Record extends Kept>(
  records: readonly Record[],
  { to, keep }: { readonly to: string; readonly keep: number },
): readonly Record[] {
  const ours = records.filter(({ file }) => file !== undefined && dirname(file) === to)
  const lastProved = ours.find(({ drill }) => drill?.isProved === true)
  return ours.slice(keep).filter((record) => record !== lastProved)
}

/** What lies where a backup was written: it, nothing, or something of somebody else. */
export async function whatLies({ file, bytes }: Kept): Promise<'ours' | 'nothing' | 'another'> {
  if (file === undefined) return 'nothing'
  try {
    const found = await lstat(file)
    return found.isFile() && found.size === bytes ? 'ours' : 'another'
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'nothing'
    throw error
  }
}

/** Removes it; what somebody else has put in its place stays. */
export async function removeOurs(record: Kept): Promise<void> {
  if (record.file !== undefined && (await whatLies(record)) === 'ours') await rm(record.file, { force: true })
}

/**
 * The first start of a folder that was restored: new keys seal from now on, so that none of them seals twice under what the
 * hub may have used after the backup was taken, and the audit log says where it goes on from.
 */

import { readFile, rm, stat } from 'node:fs/promises'
import type { Clock } from '@holdfast/base'
import type { SecurityEvent } from '@holdfast/audit'
import { parseRestored, RESTORED_BYTES_MAX, RESTORED_FILE } from '@holdfast/backup'
import type { DataKeys } from '../core/data-keys.ts'
import type { DataFolder } from '../data-folder.ts'

export interface AfterRestoreParts {
  readonly folder: DataFolder
  readonly dataKeys: Pick<DataKeys, 'beginAnew'>
  readonly clock: Clock
  readonly events: {
    readonly sink: (event: SecurityEvent) => void
    durable(): Promise<void> | undefined
  }
}

/** Done again after a crash in the middle: more keys, and the entry twice. @returns whether the folder was restored. */
export async function afterRestore({ folder, dataKeys, clock, events }: AfterRestoreParts): Promise<boolean> {
  const path = folder.at(RESTORED_FILE)
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  )
  if (size === undefined || size > RESTORED_BYTES_MAX) return false
  const mark = parseRestored(await readFile(path))
  if (mark === undefined) return false
  await dataKeys.beginAnew('hub')
  const { backup, manifestDigest, takenTime, entries, checkpoint } = mark
  events.sink({
    type: 'backup.restored',
    at: clock.wall(),
    subject: `backup/${backup}`,
    actor: 'hub',
    detail: {
      digest: manifestDigest,
      takenTime,
      size: entries,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    },
  })
  await events.durable()
  await rm(path)
  return true
}

/** What the hub remembers of a backup, and of the schedule. JSON of its own making, sealed where it is kept. */

import type { BackupApi } from '@holdfast/api'
import type { Packed } from '@holdfast/backup'
import { formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import type { StoredBackup } from '@holdfast/store'

export interface DrillRecord {
  readonly at: Timestamp
  readonly isProved: boolean
  readonly seconds: number
  readonly reason?: string
  readonly messages?: number
  readonly uploads?: number
  readonly root?: string
}

export interface BackupRecord extends Packed {
  readonly id: string
  readonly takenTime: Timestamp
  readonly file?: string
  readonly recipients: readonly string[]
  /** Opens this backup and no other; for drills. */
  readonly drillIdentity?: string
  readonly drill?: DrillRecord
}

export interface ScheduleRecord extends BackupApi.BackupSchedule {
  readonly since: Timestamp
}

export function storedOf({ id, takenTime, ...rest }: BackupRecord): StoredBackup {
  return { id, takenTime, document: JSON.stringify(rest) }
}

export function recordOf({ id, takenTime, document }: StoredBackup): BackupRecord {
  // What `storedOf` wrote, and nobody else could seal.
  return { ...(JSON.parse(document) as Omit<BackupRecord, 'id' | 'takenTime'>), id, takenTime }
}

export function messagesOf({ partitions }: Packed['counts']): number {
  return partitions.reduce((sum, { first, next }) => sum + next - first, 0)
}

export function backupJson(record: BackupRecord): BackupApi.Backup {
  const { id, takenTime, file, bytes, sha256, manifestDigest, counts, recipients, drill, drillIdentity } = record
  const { devices, modules, uploads, entries } = counts
  return {
    id,
    takenTime: formatTimestamp(takenTime),
    ...(file === undefined ? {} : { file }),
    bytes,
    sha256,
    manifestSha256: manifestDigest,
    devices,
    modules,
    uploads,
    messages: messagesOf(counts),
    entries,
    recipients: [...recipients],
    ...(drill === undefined ? {} : { drill: drillJson(drill) }),
    canDrill: file !== undefined && drillIdentity !== undefined,
  }
}

function drillJson({ at, ...drill }: DrillRecord): BackupApi.BackupDrill {
  return { time: formatTimestamp(at), ...drill }
}

/** @returns undefined where there is no schedule. */
export function parseSchedule(text: string | undefined): ScheduleRecord | undefined {
  if (text === undefined || text === '') return undefined
  const { since, ...schedule } = JSON.parse(text) as ScheduleRecord
  return { ...schedule, since: timestampOf(since) }
}

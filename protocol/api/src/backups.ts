/** Backups: taken now, on a schedule, and restored on trial. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { instant, page, paging, shape } from './shape.ts'

/** As age-keygen prints it. */
const recipients = Type.Array(Type.String({ pattern: '^age1[0-9a-z]{40,3000}$' }), {
  minItems: 1,
  maxItems: 15,
  uniqueItems: true,
})

export const BackupDraft = shape('BackupDraft', {
  /** Whose identities open it; either these or a passphrase. */
  recipients: Type.Optional(recipients),
  passphrase: Type.Optional(Type.String({ minLength: 12, maxLength: 1_024 })),
})
export type BackupDraft = Type.Static<typeof BackupDraft>

/** What became of restoring it on trial. */
export const BackupDrill = shape('BackupDrill', {
  time: instant,
  isProved: Type.Boolean(),
  seconds: Type.Number(),
  /** What does not hold. */
  reason: Type.Optional(Type.String()),
  /** Messages and uploads that were opened. */
  messages: Type.Optional(Type.Integer()),
  uploads: Type.Optional(Type.Integer()),
  /** Of the audit log, base64. */
  root: Type.Optional(Type.String()),
})
export type BackupDrill = Type.Static<typeof BackupDrill>

export const Backup = shape('Backup', {
  id: Type.String(),
  /** Whatever was acknowledged before is in it. */
  takenTime: instant,
  /** Where the hub wrote it; absent where it went to who asked for it. */
  file: Type.Optional(Type.String()),
  bytes: Type.Integer(),
  /** Of the file, hex. */
  sha256: Type.String(),
  /** SHA-256 of the manifest in it, hex, as the event says it. */
  manifestSha256: Type.String(),
  devices: Type.Integer(),
  modules: Type.Integer(),
  uploads: Type.Integer(),
  messages: Type.Integer(),
  /** Of the audit log. */
  entries: Type.Integer(),
  /** Empty where a passphrase opens it. */
  recipients: Type.Array(Type.String()),
  /** Absent: it was not tried, or cannot be by the hub. */
  drill: Type.Optional(BackupDrill),
  /** Whether the hub can try it. */
  canDrill: Type.Boolean(),
})
export type Backup = Type.Static<typeof Backup>

export const BackupSchedule = shape('BackupSchedule', {
  everyHours: Type.Integer({ minimum: 1, maximum: 8_760 }),
  /** A folder on the hub's machine, outside of the data folder. */
  to: Type.String({ minLength: 1, maxLength: 1_024, pattern: '^/' }),
  recipients,
  /** How many of the schedule's backups are kept; the oldest go. */
  keep: Type.Integer({ minimum: 1, maximum: 500 }),
  /** Hours from one drill to the next; 0: none. Each backup can be opened by the hub too, then. */
  drillHours: Type.Integer({ minimum: 0, maximum: 8_760 }),
})
export type BackupSchedule = Type.Static<typeof BackupSchedule>

export const BackupScheduleState = shape('BackupScheduleState', {
  schedule: Type.Optional(BackupSchedule),
  nextTime: Type.Optional(instant),
  nextDrillTime: Type.Optional(instant),
  /** Why the last attempt failed, if it did. */
  failure: Type.Optional(Type.String()),
})
export type BackupScheduleState = Type.Static<typeof BackupScheduleState>

export const backupOperations = {
  list: operation({
    id: 'backup.list',
    method: 'GET',
    path: '/api/v1/backups',
    summary: 'Lists the backups that were taken, newest first, with what became of drills',
    action: 'backup:read',
    on: 'hub',
    query: Type.Object(paging, { additionalProperties: false }),
    answer: { kind: 'json', schema: page('Backup', Backup) },
  }),
  /** On the socket alone: whoever has that has the data folder already, and with it everything that a backup holds. */
  create: operation({
    id: 'backup.create',
    method: 'POST',
    path: '/api/v1/backups',
    summary: 'Takes a backup and gives it, sealed with age',
    action: 'backup:write',
    on: 'hub',
    body: BackupDraft,
    isLocalOnly: true,
    answer: { kind: 'bytes', contentType: 'application/octet-stream' },
  }),
  drill: operation({
    id: 'backup.drill',
    method: 'POST',
    path: '/api/v1/backups/{backup}/drill',
    summary: 'Restores a backup on trial and compares it with what was backed up',
    action: 'backup:write',
    on: 'hub',
    answer: { kind: 'json', schema: Backup },
  }),
  showSchedule: operation({
    id: 'backup.showSchedule',
    method: 'GET',
    path: '/api/v1/backup-schedule',
    summary: 'Shows when backups are taken, and why one failed',
    action: 'backup:read',
    on: 'hub',
    answer: { kind: 'json', schema: BackupScheduleState },
  }),
  schedule: operation({
    id: 'backup.schedule',
    method: 'PUT',
    path: '/api/v1/backup-schedule',
    summary: 'Takes backups on a schedule from now on',
    action: 'backup:write',
    on: 'hub',
    body: BackupSchedule,
    isLocalOnly: true,
    answer: { kind: 'json', schema: BackupScheduleState },
  }),
  unschedule: operation({
    id: 'backup.unschedule',
    method: 'DELETE',
    path: '/api/v1/backup-schedule',
    summary: 'Takes no more backups on a schedule; those that there are stay',
    action: 'backup:write',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}

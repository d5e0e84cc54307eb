/** Backups: taken, kept, proved, restored. */

import { ofHub } from './definition.ts'

export const BACKUP_EVENTS = {
  /** `digest` is the SHA-256 of the manifest, which names every file with its own; `to` is `stream` or a folder. */
  'backup.taken': ofHub({
    to: 'text',
    digest: 'text',
    bytes: 'number',
    devices: 'number',
    entries: 'number',
    messages: 'number',
    recipients: 'text',
  }),
  'backup.failed': ofHub({ to: 'text', reason: 'text' }),
  /** More were kept than the schedule asks for, or an operator said so. */
  'backup.removed': ofHub({ file: 'text', reason: 'text' }),
  'backup.scheduled': ofHub({ hours: 'number', to: 'text', recipients: 'text', keep: 'number', drills: 'flag' }),
  'backup.unscheduled': ofHub({}),
  /** None was taken for so long that the schedule is not kept. */
  'backup.overdue': ofHub({ hours: 'number' }),
  /**
   * This hub was restored: what was told between the checkpoint and here, by the hub that was backed up, is not in this log.
   * `checkpoint` is the last that was signed before, `size` the entries at the time of the backup.
   */
  'backup.restored': ofHub({ digest: 'text', takenTime: 'text', size: 'number', checkpoint: 'text?' }),
  'restore.proved': ofHub({
    digest: 'text',
    root: 'text',
    devices: 'number',
    entries: 'number',
    messages: 'number',
    uploads: 'number',
    seconds: 'number',
  }),
  'restore.failed': ofHub({ reason: 'text' }),
} as const

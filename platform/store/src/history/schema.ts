/**
 * `history.db`, the second level of telemetry: the same messages, grouped by device.
 *
 * - `partition`: what of each partition is here, [first_sequence, next_sequence). Readers take what lies below
 *   `next_sequence` from here, whatever the log still holds, and the rest from the log. A crash between the commit
 *   that moves it and the log's trimming therefore shows nothing twice.
 * - `segment`: a run of consecutive sequence numbers. `state` 0 being written, 1 in use, 2 being deleted; only those in
 *   use count, and the others are deleted at the next start.
 * - `page`: a segment's messages sorted by epoch, device and sequence number, cut into sealed pages of one epoch each.
 *   `first_*` and `last_*` speak of the first and last message in that order.
 *   Numbers of segments and pages are never used again: readers keep opened ones by number.
 * - `dropped_epoch`: epochs whose data key is destroyed and whose messages nobody may miss.
 */

import type { FileKind } from '../sqlite/database.ts'

export const HISTORY_FILE: FileKind = {
  applicationId: 0x48_46_48_31,
  format: 1,
  noun: 'telemetry history',
  remedy:
    'restore the data folder from a backup, or move log.db, history.db and their -wal files away to go on without the telemetry kept so far',
}

export const STATE_BUILDING = 0
export const STATE_IN_USE = 1
export const STATE_DELETED = 2

export function historySchema(partitions: number): string {
  const rows = Array.from({ length: partitions }, (_, id) => `INSERT INTO partition VALUES (${id}, 0, 0, 0, -1, NULL);`)
  return `
    CREATE TABLE partition (
      id INTEGER PRIMARY KEY,
      first_sequence INTEGER NOT NULL,
      next_sequence INTEGER NOT NULL,
      next_offset INTEGER NOT NULL,
      last_offset INTEGER NOT NULL,
      latest INTEGER
    ) STRICT;
    CREATE TABLE segment (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      state INTEGER NOT NULL,
      partition INTEGER NOT NULL,
      first_sequence INTEGER NOT NULL,
      next_sequence INTEGER NOT NULL,
      first_offset INTEGER NOT NULL,
      next_offset INTEGER NOT NULL,
      earliest INTEGER NOT NULL,
      latest INTEGER NOT NULL,
      messages INTEGER NOT NULL,
      plain_bytes INTEGER NOT NULL,
      sealed_bytes INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX segment_place ON segment (partition, first_sequence) WHERE state = ${STATE_IN_USE};
    CREATE INDEX segment_offset ON segment (partition, first_offset) WHERE state = ${STATE_IN_USE};
    CREATE INDEX segment_latest ON segment (latest) WHERE state = ${STATE_IN_USE};
    CREATE INDEX segment_unused ON segment (state) WHERE state <> ${STATE_IN_USE};
    CREATE TABLE page (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      segment INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      first_device TEXT NOT NULL,
      last_device TEXT NOT NULL,
      first_sequence INTEGER NOT NULL,
      last_sequence INTEGER NOT NULL,
      earliest INTEGER NOT NULL,
      latest INTEGER NOT NULL,
      messages INTEGER NOT NULL,
      plain_bytes INTEGER NOT NULL,
      sealed_bytes INTEGER NOT NULL,
      sealed BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX page_place ON page (segment, epoch, last_device, last_sequence);
    CREATE INDEX page_epoch ON page (epoch, messages);
    CREATE TABLE dropped_epoch (epoch INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE stop (clean INTEGER NOT NULL) STRICT;
    INSERT INTO stop VALUES (0);
    ${rows.join('\n')}
    PRAGMA application_id = ${HISTORY_FILE.applicationId};
    PRAGMA user_version = ${HISTORY_FILE.format};
  `
}

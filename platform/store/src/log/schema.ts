/**
 * `log.db`, the first level of telemetry: one row a sealed batch, in the order of commits.
 *
 * - `partition`: where the rows of each partition begin. What lies below the floor was trimmed.
 * - `batch`: the rows of a partition follow each other without a gap in sequence and offset. A batch whose data key
 *   was dropped keeps its row, so that the count goes on, and loses its `sealed` (empty blob).
 */

import type { FileKind } from '../sqlite/database.ts'

export const LOG_FILE: FileKind = {
  applicationId: 0x48_46_4c_31,
  format: 1,
  noun: 'telemetry log',
  // Log and history belong together: one without the other is refused, too.
  remedy:
    'restore the data folder from a backup, or move log.db, history.db and their -wal files away to go on without the telemetry kept so far',
}

export function logSchema(partitions: number): string {
  const floors = Array.from({ length: partitions }, (_, id) => `INSERT INTO partition VALUES (${id}, 0, 0, NULL);`)
  return `
    CREATE TABLE partition (
      id INTEGER PRIMARY KEY,
      floor_sequence INTEGER NOT NULL,
      floor_offset INTEGER NOT NULL,
      floor_latest INTEGER
    ) STRICT;
    CREATE TABLE batch (
      id INTEGER PRIMARY KEY,
      partition INTEGER NOT NULL,
      first_sequence INTEGER NOT NULL,
      count INTEGER NOT NULL,
      first_offset INTEGER NOT NULL,
      plain_bytes INTEGER NOT NULL,
      earliest INTEGER NOT NULL,
      latest INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      sealed BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX batch_place ON batch (partition, first_sequence);
    CREATE TABLE stop (clean INTEGER NOT NULL) STRICT;
    INSERT INTO stop VALUES (0);
    ${floors.join('\n')}
    PRAGMA application_id = ${LOG_FILE.applicationId};
    PRAGMA user_version = ${LOG_FILE.format};
  `
}

/** Which key proves whom, so that two identities never share one. */

import type { Timestamp } from '@holdfast/base'

export interface KeyUseTable {
  /** Upper-case hex of SHA-256 over the SubjectPublicKeyInfo. */
  spki_sha256: string
  device_id: string
  module_id: string
  since: Timestamp
  /** When its identity was deleted: the key is free, and known to have been used before. */
  freed_time: Timestamp | null
}

export interface KeyUseSchema {
  key_use: KeyUseTable
}

export const KEY_USE: readonly string[] = [
  // No foreign key: what a deleted identity used stays known.
  `CREATE TABLE key_use (
    spki_sha256 TEXT NOT NULL PRIMARY KEY,
    device_id   TEXT NOT NULL,
    module_id   TEXT NOT NULL,
    since       INTEGER NOT NULL,
    freed_time  INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX key_use_by_identity ON key_use (device_id, module_id)`,
  // Whatever way an identity goes (a module goes with its device), its keys are free at the same moment.
  `CREATE TRIGGER key_use_freed AFTER DELETE ON identity BEGIN
    UPDATE key_use SET freed_time = unixepoch() * 1000
      WHERE device_id = OLD.device_id AND module_id = OLD.module_id AND freed_time IS NULL;
  END`,
]

/** What shows that a device trusts the root that authorities roll over to. */

import type { Timestamp } from '@holdfast/base'

export interface MoveEvidenceTable {
  device_id: string
  /** '' always: the foreign key is of two columns. */
  module_id: string
  /** `fetched` the roots, `renewed` its certificate below the new one, `connected` while only the new chain was shown. */
  kind: 'fetched' | 'renewed' | 'connected'
  at: Timestamp
}

export interface MoveEvidenceSchema {
  move_evidence: MoveEvidenceTable
}

export const MOVE_EVIDENCE: readonly string[] = [
  `CREATE TABLE move_evidence (
    device_id TEXT NOT NULL PRIMARY KEY,
    module_id TEXT NOT NULL DEFAULT '' CHECK (module_id = ''),
    kind      TEXT NOT NULL CHECK (kind IN ('fetched', 'renewed', 'connected')),
    at        INTEGER NOT NULL,
    -- A device of the same id that is made later has shown nothing.
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID`,
]

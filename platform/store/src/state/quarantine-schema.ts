/** Tables of who is not trusted, of what was seen of identities, and of connection policies of single devices. */

import type { Timestamp } from '@holdfast/base'

/** `module_id` is '' for the device itself, here and below. */
export interface QuarantineTable {
  device_id: string
  module_id: string
  reason: string
  at: Timestamp
  actor: string
}

export interface DossierTable {
  device_id: string
  module_id: string
  /** JSON text. */
  record: string
}

export interface ConnectionPolicyTable {
  device_id: string
  module_id: ''
  /** JSON text. */
  policy: string
}

export interface QuarantineSchema {
  quarantine: QuarantineTable
  dossier: DossierTable
  connection_policy: ConnectionPolicyTable
}

/** All go with their identity: one that is created anew inherits no mistrust and no exception. */
export const QUARANTINE: readonly string[] = [
  `CREATE TABLE quarantine (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    reason    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE dossier (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    record    TEXT NOT NULL CHECK (json_valid(record)),
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE connection_policy (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL CHECK (module_id = ''),
    policy    TEXT NOT NULL CHECK (json_valid(policy)),
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID`,
]

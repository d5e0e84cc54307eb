/** Tables of attestation: certified keys and verdicts, signed reference values, policies. */

import type { Timestamp } from '@holdfast/base'

/** Of a device; `module_id` is '' always, for the foreign key. Counts of 64 bits are decimal text. */
export interface AttestationTable {
  device_id: string
  module_id: string
  generation_id: string
  endorsement_key: Uint8Array
  endorsement_name: string
  manufacturer: string | null
  attestation_key: Uint8Array
  attestation_name: string
  certified_time: Timestamp
  /** NULL, as the next four, until the TPM has signed something. */
  reset_count: number | null
  restart_count: number | null
  clock: string | null
  clock_safe: 0 | 1 | null
  firmware_version: string | null
  /** NULL, as all below, before the first evidence. */
  verdict: 'trusted' | 'failed' | null
  judged_time: Timestamp | null
  /** JSON text of a list. */
  reasons: string | null
  reasons_omitted: number | null
  reference_name: string | null
  reference_serial: number | null
}

export interface ReferenceSignerTable {
  name: string
  public_key: string
  added_time: Timestamp
}

export interface ReferenceValuesTable {
  name: string
  signer: string
  document: Uint8Array
  signature: Uint8Array
  added_time: Timestamp
}

/** `device_id` is '' for the policy of every device, which has no foreign key then. */
export interface AttestationPolicyTable {
  device_id: string
  parent_device: string | null
  module_id: string
  /** JSON text of an object. */
  policy: string
}

export interface AttestationSchema {
  attestation: AttestationTable
  reference_signer: ReferenceSignerTable
  reference_values: ReferenceValuesTable
  attestation_policy: AttestationPolicyTable
}

export const ATTESTATION: readonly string[] = [
  `CREATE TABLE attestation (
    device_id        TEXT NOT NULL,
    module_id        TEXT NOT NULL CHECK (module_id = ''),
    generation_id    TEXT NOT NULL,
    endorsement_key  BLOB NOT NULL,
    endorsement_name TEXT NOT NULL UNIQUE,
    manufacturer     TEXT,
    attestation_key  BLOB NOT NULL,
    attestation_name TEXT NOT NULL,
    certified_time   INTEGER NOT NULL,
    reset_count      INTEGER,
    restart_count    INTEGER,
    clock            TEXT,
    clock_safe       INTEGER CHECK (clock_safe IN (0, 1)),
    firmware_version TEXT,
    verdict          TEXT CHECK (verdict IN ('trusted', 'failed')),
    judged_time      INTEGER,
    reasons          TEXT CHECK (json_valid(reasons)),
    reasons_omitted  INTEGER,
    reference_name   TEXT,
    reference_serial INTEGER,
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE,
    CHECK ((reset_count IS NULL) = (restart_count IS NULL) AND (reset_count IS NULL) = (clock IS NULL)
      AND (reset_count IS NULL) = (clock_safe IS NULL) AND (reset_count IS NULL) = (firmware_version IS NULL)),
    CHECK ((verdict IS NULL) = (judged_time IS NULL) AND (verdict IS NULL) = (reasons IS NULL)
      AND (verdict IS NULL) = (reasons_omitted IS NULL)),
    CHECK ((reference_name IS NULL) = (reference_serial IS NULL))
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE reference_signer (
    name       TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL,
    added_time INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE reference_values (
    name       TEXT NOT NULL PRIMARY KEY,
    signer     TEXT NOT NULL REFERENCES reference_signer (name) ON DELETE CASCADE,
    document   BLOB NOT NULL,
    signature  BLOB NOT NULL,
    added_time INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX reference_values_by_signer ON reference_values (signer)`,
  `CREATE TABLE attestation_policy (
    device_id     TEXT NOT NULL PRIMARY KEY,
    parent_device TEXT,
    module_id     TEXT NOT NULL CHECK (module_id = ''),
    policy        TEXT NOT NULL CHECK (json_valid(policy)),
    FOREIGN KEY (parent_device, module_id) REFERENCES identity ON DELETE CASCADE,
    CHECK ((device_id = '') = (parent_device IS NULL) AND (parent_device IS NULL OR parent_device = device_id))
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX attestation_policy_by_device ON attestation_policy (parent_device) WHERE parent_device IS NOT NULL`,
]

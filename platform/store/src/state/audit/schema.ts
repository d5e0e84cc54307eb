/**
 * The tables of the audit log. They check nothing themselves: what was altered is to be found and named by the log, not to
 * keep the hub from starting.
 */

import type { Sealed } from '../schema.ts'

export interface AuditSecretTable {
  id: number
  /** Keyed hash of whose it is. */
  owner_tag: Uint8Array
  secret: Sealed
  seal_epoch: number
}

export interface AuditSchema {
  audit_secret: AuditSecretTable
}

export const AUDIT: readonly string[] = [
  `CREATE TABLE audit_entry (
    n           INTEGER NOT NULL PRIMARY KEY,
    type        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    commitment  BLOB NOT NULL,
    -- Of the leaf, as it stands in the tree.
    hash        BLOB NOT NULL,
    secret      INTEGER NOT NULL,
    -- These four are NULL when the body was destroyed.
    salt        BLOB,
    body        BLOB,
    subject_tag BLOB,
    actor_tag   BLOB
  ) STRICT`,
  `CREATE INDEX audit_by_subject ON audit_entry (subject_tag, n) WHERE subject_tag IS NOT NULL`,
  `CREATE INDEX audit_by_actor ON audit_entry (actor_tag, n) WHERE actor_tag IS NOT NULL`,
  `CREATE INDEX audit_by_type ON audit_entry (type, n)`,

  `CREATE TABLE audit_secret (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    owner_tag  BLOB NOT NULL UNIQUE,
    secret     BLOB NOT NULL,
    seal_epoch INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX audit_secret_by_seal ON audit_secret (seal_epoch)`,

  // Full tiles alone. The times are those of the entries below, so that a search in time passes over the others.
  `CREATE TABLE audit_tile (
    level    INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    earliest INTEGER,
    latest   INTEGER,
    hashes   BLOB NOT NULL,
    PRIMARY KEY (level, n)
  ) STRICT`,

  `CREATE TABLE audit_checkpoint (
    size     INTEGER NOT NULL PRIMARY KEY,
    time     INTEGER NOT NULL,
    root     BLOB NOT NULL,
    cosigned INTEGER NOT NULL,
    note     TEXT NOT NULL
  ) STRICT`,
  `CREATE INDEX audit_checkpoint_by_time ON audit_checkpoint (time)`,
]

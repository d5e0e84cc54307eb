/**
 * How `state.db` came to look as it does, one step a version. A step that was released is never changed. All steps
 * that are due run in one transaction.
 */

import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { AUDIT } from './audit/schema.ts'
import { ATTESTATION } from './attestation-schema.ts'
import { BACKUPS } from './backups-schema.ts'
import { migrateCommands } from './commands-migration.ts'
import { ENDORSEMENT } from './endorsement-schema.ts'
import { FORWARDING } from './forwarding-schema.ts'
import { KEY_USE } from './key-use-schema.ts'
import { ISSUED_CERTIFICATES } from './issued-certificates-schema.ts'
import { MOVE_EVIDENCE } from './move-evidence-schema.ts'
import { TOKENS } from './tokens-schema.ts'
import { IDEMPOTENCY } from './idempotency.ts'
import { MODELS } from './models.ts'
import { OPERATORS } from './operators-schema.ts'
import { ORGANISATIONS } from './organisations-schema.ts'
import { QUARANTINE } from './quarantine-schema.ts'
import { TAG_INDEX } from './query/tag-index.ts'
import { REVIEWS } from './reviews-schema.ts'
import { REVOCATION_LISTS } from './revocation-lists-schema.ts'
import { SUPPLY } from './supply/schema.ts'
import { migrateTwins } from './twins-migration.ts'
import { UPLOADS } from './uploads-schema.ts'

/** In the header of the file: `HFst`. */
export const STATE_APPLICATION_ID = 0x4846_7374

const FIRST: readonly string[] = [
  `PRAGMA application_id = ${STATE_APPLICATION_ID}`,

  `CREATE TABLE identity (
    device_id            TEXT NOT NULL,
    module_id            TEXT NOT NULL,
    parent_module        TEXT,
    generation_id        TEXT NOT NULL,
    etag                 TEXT NOT NULL,
    status               TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
    status_reason        TEXT,
    status_updated_time  INTEGER NOT NULL,
    created_time         INTEGER NOT NULL,
    authentication       TEXT NOT NULL CHECK (authentication IN ('sas', 'selfSigned', 'certificateAuthority', 'none')),
    primary_key          BLOB,
    secondary_key        BLOB,
    seal_epoch           INTEGER,
    primary_thumbprint   TEXT,
    secondary_thumbprint TEXT,
    iot_edge             INTEGER NOT NULL CHECK (iot_edge IN (0, 1)),
    PRIMARY KEY (device_id, module_id),
    -- A module goes with its device; a device has no parent, and a NULL is not looked up.
    FOREIGN KEY (device_id, parent_module) REFERENCES identity (device_id, module_id) ON DELETE CASCADE,
    CHECK (device_id <> ''),
    CHECK ((module_id = '') = (parent_module IS NULL) AND (parent_module IS NULL OR parent_module = '')),
    CHECK ((authentication = 'sas') = (primary_key IS NOT NULL AND secondary_key IS NOT NULL AND seal_epoch IS NOT NULL))
  ) STRICT`,
  `CREATE INDEX device_by_id ON identity (device_id) WHERE module_id = ''`,
  `CREATE INDEX device_by_status ON identity (status) WHERE module_id = ''`,
  `CREATE INDEX identity_by_seal ON identity (seal_epoch) WHERE seal_epoch IS NOT NULL`,

  `CREATE TABLE twin (
    device_id         TEXT NOT NULL,
    module_id         TEXT NOT NULL,
    version           INTEGER NOT NULL,
    tags              TEXT NOT NULL CHECK (json_valid(tags)),
    desired           TEXT NOT NULL CHECK (json_valid(desired)),
    desired_metadata  TEXT NOT NULL CHECK (json_valid(desired_metadata)),
    desired_version   INTEGER NOT NULL,
    reported          TEXT NOT NULL CHECK (json_valid(reported)),
    reported_metadata TEXT NOT NULL CHECK (json_valid(reported_metadata)),
    reported_version  INTEGER NOT NULL,
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT`,

  `CREATE TABLE session (
    device_id     TEXT NOT NULL,
    module_id     TEXT NOT NULL,
    subscriptions TEXT NOT NULL CHECK (json_valid(subscriptions)),
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE policy (
    name          TEXT NOT NULL PRIMARY KEY,
    rights        TEXT NOT NULL CHECK (json_valid(rights)),
    primary_key   BLOB NOT NULL,
    secondary_key BLOB NOT NULL,
    seal_epoch    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE authority (
    name          TEXT NOT NULL PRIMARY KEY,
    certificate   BLOB NOT NULL,
    etag          TEXT NOT NULL,
    created_time  INTEGER NOT NULL,
    nonce         TEXT,
    verified_time INTEGER,
    CHECK ((nonce IS NULL) <> (verified_time IS NULL))
  ) STRICT`,

  `CREATE TABLE enrollment (
    scope                 TEXT NOT NULL CHECK (scope IN ('individual', 'group')),
    id                    TEXT NOT NULL,
    attestation           TEXT NOT NULL CHECK (attestation IN ('symmetricKey', 'x509')),
    primary_key           BLOB,
    secondary_key         BLOB,
    seal_epoch            INTEGER,
    primary_certificate   BLOB,
    secondary_certificate BLOB,
    status                TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
    etag                  TEXT NOT NULL,
    created_time          INTEGER NOT NULL,
    updated_time          INTEGER NOT NULL,
    device_id             TEXT,
    iot_edge              INTEGER NOT NULL CHECK (iot_edge IN (0, 1)),
    update_hub_assignment INTEGER NOT NULL CHECK (update_hub_assignment IN (0, 1)),
    migrate_device_data   INTEGER NOT NULL CHECK (migrate_device_data IN (0, 1)),
    allocation            TEXT NOT NULL CHECK (allocation IN ('hashed', 'geoLatency', 'static', 'custom')),
    initial_tags          TEXT CHECK (json_valid(initial_tags)),
    initial_desired       TEXT CHECK (json_valid(initial_desired)),
    device_information    TEXT CHECK (json_valid(device_information)),
    PRIMARY KEY (scope, id),
    CHECK ((initial_tags IS NULL) = (initial_desired IS NULL)),
    CHECK ((attestation = 'symmetricKey') = (primary_key IS NOT NULL AND secondary_key IS NOT NULL AND seal_epoch IS NOT NULL)),
    CHECK ((attestation = 'x509') = (primary_certificate IS NOT NULL))
  ) STRICT`,
  `CREATE INDEX enrollment_by_seal ON enrollment (seal_epoch) WHERE seal_epoch IS NOT NULL`,

  `CREATE TABLE registration (
    registration_id TEXT NOT NULL PRIMARY KEY,
    enrollment_id   TEXT NOT NULL,
    scope           TEXT NOT NULL CHECK (scope IN ('individual', 'group')),
    device_id       TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('assigned', 'failed', 'disabled')),
    substatus       TEXT NOT NULL CHECK (substatus IN
                      ('initialAssignment', 'deviceDataMigrated', 'deviceDataReset', 'reprovisionedToInitialAssignment')),
    error_code      INTEGER,
    error_message   TEXT,
    created_time    INTEGER NOT NULL,
    updated_time    INTEGER NOT NULL,
    etag            TEXT NOT NULL
  ) STRICT`,
  `CREATE INDEX registration_by_enrollment ON registration (enrollment_id, registration_id)`,

  `CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
]

/** Which edge device stands above a device, by a scope that only existing edge devices have. */
const DEVICE_SCOPES: readonly string[] = [
  `ALTER TABLE identity ADD COLUMN device_scope TEXT`,
  `UPDATE identity SET device_scope = 'ms-azure-iot-edge://' || device_id || '-' || generation_id
    WHERE iot_edge = 1 AND module_id = ''`,
  // Whole and not of edge devices alone: a foreign key looks up only what is unique in all rows.
  `CREATE UNIQUE INDEX identity_by_scope ON identity (device_scope)`,
  `ALTER TABLE identity ADD COLUMN parent_scope TEXT REFERENCES identity (device_scope)
    ON DELETE SET NULL ON UPDATE SET NULL`,
  `CREATE INDEX identity_by_parent ON identity (parent_scope) WHERE parent_scope IS NOT NULL`,
  `ALTER TABLE identity ADD COLUMN managed_by TEXT`,
]

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first': { up: async (db) => runAll(db, FIRST) },
  '0002-twins': { up: migrateTwins },
  '0003-tag-index': { up: async (db) => runAll(db, TAG_INDEX) },
  '0004-commands': { up: migrateCommands },
  '0005-device-scopes': { up: async (db) => runAll(db, DEVICE_SCOPES) },
  '0006-uploads': { up: async (db) => runAll(db, UPLOADS) },
  '0007-key-use': { up: async (db) => runAll(db, KEY_USE) },
  '0008-crls': { up: async (db) => runAll(db, REVOCATION_LISTS) },
  '0009-hub-authority': { up: async (db) => runAll(db, MOVE_EVIDENCE) },
  '0010-issued-certificates': { up: async (db) => runAll(db, ISSUED_CERTIFICATES) },
  '0011-endorsement-roots': { up: async (db) => runAll(db, ENDORSEMENT) },
  '0012-attestation': { up: async (db) => runAll(db, ATTESTATION) },
  '0013-models': { up: async (db) => runAll(db, MODELS) },
  '0014-supply': { up: async (db) => runAll(db, SUPPLY) },
  '0015-quarantine': { up: async (db) => runAll(db, QUARANTINE) },
  '0016-audit': { up: async (db) => runAll(db, AUDIT) },
  '0017-operators': { up: async (db) => runAll(db, OPERATORS) },
  '0018-organisations': { up: async (db) => runAll(db, ORGANISATIONS) },
  '0019-forwarding': { up: async (db) => runAll(db, FORWARDING) },
  '0020-reviews': { up: async (db) => runAll(db, REVIEWS) },
  '0021-backups': { up: async (db) => runAll(db, BACKUPS) },
  '0022-tokens': { up: async (db) => runAll(db, TOKENS) },
  '0024-idempotency': { up: async (db) => runAll(db, IDEMPOTENCY) },
}

async function runAll(db: Kysely<unknown>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

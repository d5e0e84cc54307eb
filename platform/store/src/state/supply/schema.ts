/** Tables of manifests, claims, owners, lives, transfers and tombstones. */

import type { Timestamp } from '@holdfast/base'
import type { DeviceLife, EntryState, KeyDigest, KeyStorage, SupplyEntry, Transfer } from '@holdfast/supply'
import type { Generated } from 'kysely'

export interface ManufacturerTable {
  name: string
  public_key: Uint8Array
  added_time: Timestamp
}

export interface OwnerTable {
  name: string
  added_time: Timestamp
}

export interface ManifestTable {
  sha256: string
  name: string
  manufacturer: string
  imported_time: Timestamp
  actor: string
  imported: number
  duplicate: number
  conflict: number
  malformed: number
  is_complete: 0 | 1
}

export interface SupplyEntryTable {
  manufacturer: string
  serial: string
  model: string
  hardware_revision: string
  key_kind: SupplyEntry['key']['kind']
  key_digest: string
  key_bytes: Uint8Array
  key_storage: KeyStorage
  code_digest: string | null
  state: EntryState
  manifest: string
  imported_time: Timestamp
  expires: Timestamp
  owner: string | null
  claimed_time: Timestamp | null
  registration_id: string | null
}

export interface DeviceLifeTable {
  device_id: string
  generation_id: string | null
  state: DeviceLife['state']
  before: DeviceLife['state'] | null
  since: Timestamp
  reason: string | null
  model: string | null
  hardware_revision: string | null
  key_storage: KeyStorage | null
  key_kind: SupplyEntry['key']['kind'] | null
  owner: string | null
  manufacturer: string | null
  serial: string | null
}

export interface LifeHistoryTable {
  sequence: Generated<number>
  subject: string
  at: Timestamp
  actor: string
  move: string
  from_state: DeviceLife['state'] | null
  to_state: DeviceLife['state'] | null
  /** JSON text of an object of texts. */
  detail: string
}

export interface TransferTable {
  device_id: string
  generation_id: string
  from_owner: string | null
  to_owner: string
  code_digest: string
  offered_time: Timestamp
  expires: Timestamp
  clears_tags: 0 | 1
  state: Transfer['state']
}

export interface TombstoneTable {
  sequence: Generated<number>
  device_id: string
  generation_id: string
  at: Timestamp
  actor: string
  reason: string
  model: string | null
  owner: string | null
  manufacturer: string | null
  serial: string | null
}

export interface TombstoneKeyTable {
  digest: string
  kind: KeyDigest['kind']
  tombstone: number
}

export interface SupplySchema {
  manufacturer: ManufacturerTable
  owner: OwnerTable
  manifest: ManifestTable
  supply_entry: SupplyEntryTable
  device_life: DeviceLifeTable
  life_history: LifeHistoryTable
  transfer: TransferTable
  tombstone: TombstoneTable
  tombstone_key: TombstoneKeyTable
}

const STATES = `'claimed', 'provisioned', 'commissioned', 'active', 'quarantined', 'retired'`
const KEY_KINDS = `'public-key', 'certificate', 'endorsement-key'`
const STORAGES = `'software', 'secure-element', 'tpm'`

/** Evidence is added to and never changed, whoever asks. */
function appendOnly(table: string): readonly string[] {
  return ['UPDATE', 'DELETE'].map(
    (what) => `CREATE TRIGGER ${table}_keeps_${what.toLowerCase()} BEFORE ${what} ON ${table}
      BEGIN SELECT RAISE(ABORT, '${table} is only added to'); END`,
  )
}

export const SUPPLY: readonly string[] = [
  `CREATE TABLE manufacturer (
    name       TEXT NOT NULL PRIMARY KEY,
    public_key BLOB NOT NULL,
    added_time INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE owner (
    name       TEXT NOT NULL PRIMARY KEY,
    added_time INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE manifest (
    sha256        TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL,
    manufacturer  TEXT NOT NULL,
    imported_time INTEGER NOT NULL,
    actor         TEXT NOT NULL,
    imported      INTEGER NOT NULL,
    duplicate     INTEGER NOT NULL,
    conflict      INTEGER NOT NULL,
    malformed     INTEGER NOT NULL,
    is_complete   INTEGER NOT NULL CHECK (is_complete IN (0, 1))
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE supply_entry (
    manufacturer      TEXT NOT NULL,
    serial            TEXT NOT NULL,
    model             TEXT NOT NULL,
    hardware_revision TEXT NOT NULL,
    key_kind          TEXT NOT NULL CHECK (key_kind IN (${KEY_KINDS})),
    key_digest        TEXT NOT NULL,
    key_bytes         BLOB NOT NULL,
    key_storage       TEXT NOT NULL CHECK (key_storage IN (${STORAGES})),
    code_digest       TEXT,
    state             TEXT NOT NULL CHECK (state IN ('manufactured', 'expired', 'claimed', 'provisioned', 'retired')),
    manifest          TEXT NOT NULL,
    imported_time     INTEGER NOT NULL,
    expires           INTEGER NOT NULL,
    owner             TEXT,
    claimed_time      INTEGER,
    registration_id   TEXT,
    PRIMARY KEY (manufacturer, serial),
    CHECK (state NOT IN ('claimed', 'provisioned')
      OR (owner IS NOT NULL AND claimed_time IS NOT NULL AND registration_id IS NOT NULL))
  ) STRICT`,
  `CREATE UNIQUE INDEX supply_entry_by_key ON supply_entry (key_digest)`,
  `CREATE UNIQUE INDEX supply_entry_by_code ON supply_entry (code_digest) WHERE code_digest IS NOT NULL`,
  `CREATE UNIQUE INDEX supply_entry_by_registration ON supply_entry (registration_id)
    WHERE state IN ('claimed', 'provisioned')`,
  `CREATE INDEX supply_entry_by_serial ON supply_entry (serial)`,
  `CREATE INDEX supply_entry_by_expiry ON supply_entry (expires) WHERE state = 'manufactured'`,
  `CREATE INDEX supply_entry_by_model ON supply_entry (model, state)`,
  `CREATE INDEX supply_entry_by_owner ON supply_entry (owner) WHERE owner IS NOT NULL`,

  // No foreign key: a life begins before its identity is there. It ends with it, by the trigger.
  `CREATE TABLE device_life (
    device_id         TEXT NOT NULL PRIMARY KEY,
    generation_id     TEXT,
    state             TEXT NOT NULL CHECK (state IN (${STATES})),
    before            TEXT CHECK (before IN (${STATES})),
    since             INTEGER NOT NULL,
    reason            TEXT,
    model             TEXT,
    hardware_revision TEXT,
    key_storage       TEXT CHECK (key_storage IN (${STORAGES})),
    key_kind          TEXT CHECK (key_kind IN (${KEY_KINDS})),
    owner             TEXT,
    manufacturer      TEXT,
    serial            TEXT,
    CHECK ((state = 'quarantined') = (before IS NOT NULL)),
    CHECK ((manufacturer IS NULL) = (serial IS NULL))
  ) STRICT`,
  `CREATE INDEX device_life_by_model ON device_life (model) WHERE model IS NOT NULL`,
  `CREATE INDEX device_life_by_owner ON device_life (owner) WHERE owner IS NOT NULL`,
  `CREATE INDEX device_life_retired ON device_life (device_id) WHERE state = 'retired'`,
  `CREATE INDEX device_life_quarantined ON device_life (device_id) WHERE state = 'quarantined'`,
  `CREATE TABLE transfer (
    device_id     TEXT NOT NULL PRIMARY KEY,
    generation_id TEXT NOT NULL,
    from_owner    TEXT,
    to_owner      TEXT NOT NULL,
    code_digest   TEXT NOT NULL UNIQUE,
    offered_time  INTEGER NOT NULL,
    expires       INTEGER NOT NULL,
    clears_tags   INTEGER NOT NULL CHECK (clears_tags IN (0, 1)),
    state         TEXT NOT NULL CHECK (state IN ('offered', 'accepted'))
  ) STRICT`,
  `CREATE INDEX transfer_accepted ON transfer (device_id) WHERE state = 'accepted'`,
  `CREATE TRIGGER life_ends AFTER DELETE ON identity WHEN OLD.module_id = '' BEGIN
    DELETE FROM device_life WHERE device_id = OLD.device_id;
    DELETE FROM transfer WHERE device_id = OLD.device_id;
  END`,

  // How a device came, asked when it changes hands and when it goes.
  `CREATE INDEX registration_by_device ON registration (device_id)`,
  `CREATE INDEX enrollment_by_device ON enrollment (device_id) WHERE device_id IS NOT NULL`,

  `CREATE TABLE life_history (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    TEXT NOT NULL,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    move       TEXT NOT NULL,
    from_state TEXT,
    to_state   TEXT,
    detail     TEXT NOT NULL CHECK (json_valid(detail))
  ) STRICT`,
  `CREATE INDEX life_history_by_subject ON life_history (subject, sequence)`,
  `CREATE TABLE tombstone (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id     TEXT NOT NULL,
    generation_id TEXT NOT NULL,
    at            INTEGER NOT NULL,
    actor         TEXT NOT NULL,
    reason        TEXT NOT NULL,
    model         TEXT,
    owner         TEXT,
    manufacturer  TEXT,
    serial        TEXT
  ) STRICT`,
  `CREATE INDEX tombstone_by_device ON tombstone (device_id, sequence)`,
  `CREATE TABLE tombstone_key (
    digest    TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN (${KEY_KINDS}, 'symmetric-key')),
    tombstone INTEGER NOT NULL REFERENCES tombstone (sequence),
    PRIMARY KEY (digest, kind, tombstone)
  ) STRICT, WITHOUT ROWID`,
  ...appendOnly('life_history'),
  ...appendOnly('tombstone'),
  ...appendOnly('tombstone_key'),
]

/** Manufacturers of TPMs that are trusted, and what enrolments know of a device's TPM. */

import type { Timestamp } from '@holdfast/base'

export interface EndorsementRootTable {
  name: string
  certificate: Uint8Array
  added_time: Timestamp
}

export interface EndorsementSchema {
  endorsement_root: EndorsementRootTable
}

/** `enrollment` is made anew, for a CHECK cannot be changed: attestation by TPM is one of its kinds now. */
export const ENDORSEMENT: readonly string[] = [
  `CREATE TABLE endorsement_root (
    name        TEXT NOT NULL PRIMARY KEY,
    certificate BLOB NOT NULL,
    added_time  INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE enrollment_with_tpm (
    scope                    TEXT NOT NULL CHECK (scope IN ('individual', 'group')),
    id                       TEXT NOT NULL,
    attestation              TEXT NOT NULL CHECK (attestation IN ('symmetricKey', 'x509', 'tpm')),
    primary_key              BLOB,
    secondary_key            BLOB,
    seal_epoch               INTEGER,
    primary_certificate      BLOB,
    secondary_certificate    BLOB,
    status                   TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
    etag                     TEXT NOT NULL,
    created_time             INTEGER NOT NULL,
    updated_time             INTEGER NOT NULL,
    device_id                TEXT,
    iot_edge                 INTEGER NOT NULL CHECK (iot_edge IN (0, 1)),
    update_hub_assignment    INTEGER NOT NULL CHECK (update_hub_assignment IN (0, 1)),
    migrate_device_data      INTEGER NOT NULL CHECK (migrate_device_data IN (0, 1)),
    allocation               TEXT NOT NULL CHECK (allocation IN ('hashed', 'geoLatency', 'static', 'custom')),
    initial_tags             TEXT CHECK (json_valid(initial_tags)),
    initial_desired          TEXT CHECK (json_valid(initial_desired)),
    device_information       TEXT CHECK (json_valid(device_information)),
    certificate_profile      TEXT,
    endorsement_key          BLOB,
    storage_root_key         BLOB,
    endorsement_certificates BLOB,
    endorsement_required     INTEGER CHECK (endorsement_required IN (0, 1)),
    PRIMARY KEY (scope, id),
    CHECK ((initial_tags IS NULL) = (initial_desired IS NULL)),
    CHECK ((attestation = 'symmetricKey') = (primary_key IS NOT NULL AND secondary_key IS NOT NULL AND seal_epoch IS NOT NULL)),
    CHECK ((attestation = 'x509') = (primary_certificate IS NOT NULL)),
    CHECK ((attestation = 'tpm') = (endorsement_key IS NOT NULL)),
    CHECK (attestation = 'tpm' OR
      (storage_root_key IS NULL AND endorsement_certificates IS NULL AND endorsement_required IS NULL)),
    CHECK (attestation <> 'tpm' OR scope = 'individual')
  ) STRICT`,
  `INSERT INTO enrollment_with_tpm (scope, id, attestation, primary_key, secondary_key, seal_epoch, primary_certificate,
      secondary_certificate, status, etag, created_time, updated_time, device_id, iot_edge, update_hub_assignment,
      migrate_device_data, allocation, initial_tags, initial_desired, device_information, certificate_profile)
    SELECT scope, id, attestation, primary_key, secondary_key, seal_epoch, primary_certificate,
      secondary_certificate, status, etag, created_time, updated_time, device_id, iot_edge, update_hub_assignment,
      migrate_device_data, allocation, initial_tags, initial_desired, device_information, certificate_profile
    FROM enrollment`,
  `DROP TABLE enrollment`,
  `ALTER TABLE enrollment_with_tpm RENAME TO enrollment`,
  `CREATE INDEX enrollment_by_seal ON enrollment (seal_epoch) WHERE seal_epoch IS NOT NULL`,
]

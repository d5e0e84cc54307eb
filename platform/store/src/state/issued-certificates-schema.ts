/** Certificates that the hub issued, and which profile was chosen for whom. */

import type { CertificateState, RevocationReason } from '@holdfast/credentials'
import type { Timestamp } from '@holdfast/base'

export interface IssuedCertificateTable {
  sha256: string
  serial_number: string
  spki_sha256: string
  device_id: string
  module_id: string
  generation_id: string
  profile: string
  issuer_sha256: string
  not_before: Timestamp
  not_after: Timestamp
  renewal_time: Timestamp
  issued_time: Timestamp
  state: CertificateState
  state_time: Timestamp
  /** With state `revoked` alone. */
  reason: RevocationReason | null
  replaces_keys: 0 | 1
  seen_time: Timestamp | null
  certificate: Uint8Array
}

export interface CertificateProfileTable {
  device_id: string
  module_id: string
  profile: string
}

export interface IssuedCertificatesSchema {
  issued_certificate: IssuedCertificateTable
  certificate_profile: CertificateProfileTable
}

/**
 * No foreign key from a certificate to its identity: a revoked one has to be known as revoked until it ends, whatever
 * became of the identity. The choice of a profile goes with it.
 */
export const ISSUED_CERTIFICATES: readonly string[] = [
  `CREATE TABLE issued_certificate (
    sha256        TEXT NOT NULL PRIMARY KEY,
    serial_number TEXT NOT NULL UNIQUE,
    spki_sha256   TEXT NOT NULL,
    device_id     TEXT NOT NULL,
    module_id     TEXT NOT NULL,
    generation_id TEXT NOT NULL,
    profile       TEXT NOT NULL,
    issuer_sha256 TEXT NOT NULL,
    not_before    INTEGER NOT NULL,
    not_after     INTEGER NOT NULL,
    renewal_time  INTEGER NOT NULL,
    issued_time   INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('current', 'next', 'retired', 'revoked')),
    state_time    INTEGER NOT NULL,
    reason        TEXT CHECK (reason IN ('unspecified', 'keyCompromise', 'affiliationChanged', 'superseded',
                    'cessationOfOperation', 'certificateHold', 'privilegeWithdrawn')),
    replaces_keys INTEGER NOT NULL CHECK (replaces_keys IN (0, 1)),
    seen_time     INTEGER,
    certificate   BLOB NOT NULL,
    CHECK (not_before < not_after),
    CHECK ((state = 'revoked') = (reason IS NOT NULL))
  ) STRICT`,
  `CREATE INDEX issued_certificate_by_identity ON issued_certificate (device_id, module_id, issued_time)`,
  `CREATE INDEX issued_certificate_by_key ON issued_certificate (spki_sha256)`,
  // The calendar: what lapses when. It serves the sweep too.
  `CREATE INDEX issued_certificate_by_end ON issued_certificate (not_after, sha256)`,
  `CREATE INDEX issued_certificate_due ON issued_certificate (renewal_time, sha256) WHERE state = 'current'`,
  `CREATE INDEX issued_certificate_revoked ON issued_certificate (state_time, sha256) WHERE state = 'revoked'`,
  `CREATE INDEX issued_certificate_by_issuer ON issued_certificate (issuer_sha256) WHERE state IN ('current', 'next')`,
  `CREATE TABLE certificate_profile (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    profile   TEXT NOT NULL,
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID`,
  `ALTER TABLE enrollment ADD COLUMN certificate_profile TEXT`,
]

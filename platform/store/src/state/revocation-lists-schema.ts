/** Revocation lists of customers' authorities, and where they come from. */

import type { Timestamp } from '@holdfast/base'

export interface RevocationListTable {
  authority: string
  /** Upper-case hex of SHA-256 over the issuer's SubjectPublicKeyInfo. */
  issuer_key: string
  /** DER of the certificate of the CA that signs the list: the authority's own, or one below it. */
  issuer: Uint8Array
  /** DER; NULL while none has come from `url`. */
  list: Uint8Array | null
  taken_time: Timestamp | null
  url: string | null
  when_stale: 'accept' | 'refuse'
}

export interface RevocationListsSchema {
  revocation_list: RevocationListTable
}

export const REVOCATION_LISTS: readonly string[] = [
  `CREATE TABLE revocation_list (
    authority  TEXT NOT NULL REFERENCES authority (name) ON DELETE CASCADE,
    issuer_key TEXT NOT NULL,
    issuer     BLOB NOT NULL,
    list       BLOB,
    taken_time INTEGER,
    url        TEXT,
    when_stale TEXT NOT NULL CHECK (when_stale IN ('accept', 'refuse')),
    PRIMARY KEY (authority, issuer_key),
    CHECK ((list IS NULL) = (taken_time IS NULL)),
    CHECK (list IS NOT NULL OR url IS NOT NULL)
  ) STRICT`,
]

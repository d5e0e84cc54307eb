/** Tables of file uploads. */

import type { Timestamp } from '@holdfast/base'

export interface UploadTable {
  id: string
  device_id: string
  generation_id: string
  blob_name: string
  state: 'open' | 'uploaded' | 'completed'
  created_time: Timestamp
  expires: Timestamp
  /** NULL, as all below, while the upload is open. */
  file: string | null
  content_key: Uint8Array | null
  seal_epoch: number | null
  manifest_at: number | null
  blocks: number | null
  bytes: number | null
  etag: string | null
  uploaded_time: Timestamp | null
  list_hash: string | null
  content_type: string | null
}

/** Keys of the hub's own, by what they are for. */
export interface HubKeyTable {
  name: string
  value: Uint8Array
  seal_epoch: number
}

export interface UploadsSchema {
  upload: UploadTable
  hub_key: HubKeyTable
}

/**
 * No foreign key: a file outlives its device, for it may be what is wanted of a device that is gone. Ids begin with the
 * time, so that their order is that of the grants.
 */
export const UPLOADS: readonly string[] = [
  `CREATE TABLE upload (
    id            TEXT NOT NULL PRIMARY KEY,
    device_id     TEXT NOT NULL,
    generation_id TEXT NOT NULL,
    blob_name     TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('open', 'uploaded', 'completed')),
    created_time  INTEGER NOT NULL,
    expires       INTEGER NOT NULL,
    file          TEXT UNIQUE,
    content_key   BLOB,
    seal_epoch    INTEGER,
    manifest_at   INTEGER,
    blocks        INTEGER,
    bytes         INTEGER,
    etag          TEXT,
    uploaded_time INTEGER,
    list_hash     TEXT,
    content_type  TEXT,
    CHECK ((state = 'open') = (file IS NULL)),
    CHECK ((file IS NULL) = (content_key IS NULL) AND (file IS NULL) = (seal_epoch IS NULL)),
    CHECK ((file IS NULL) = (manifest_at IS NULL) AND (file IS NULL) = (blocks IS NULL) AND (file IS NULL) = (bytes IS NULL)),
    CHECK ((file IS NULL) = (etag IS NULL) AND (file IS NULL) = (uploaded_time IS NULL) AND (file IS NULL) = (list_hash IS NULL))
  ) STRICT`,
  `CREATE INDEX upload_by_device ON upload (device_id, id)`,
  `CREATE INDEX upload_by_expiry ON upload (state, expires)`,
  `CREATE INDEX upload_by_time ON upload (uploaded_time) WHERE uploaded_time IS NOT NULL`,
  `CREATE INDEX upload_by_seal ON upload (seal_epoch) WHERE seal_epoch IS NOT NULL`,
  `CREATE TABLE hub_key (
    name       TEXT NOT NULL PRIMARY KEY,
    value      BLOB NOT NULL,
    seal_epoch INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
]

/** Sinks of events, how far each got, and what their receivers refused. */

import type { Timestamp } from '@holdfast/base'
import type { Generated } from 'kysely'

export interface SinkTable {
  name: string
  created_time: Timestamp
  etag: string
  /** The sink whole, sealed: whoever can write the file cannot turn events to themselves. */
  document: Uint8Array
  seal_epoch: number
  /** The first entry of the log that was not dealt with. */
  cursor: number
}

export interface SinkSetAsideTable {
  sequence: Generated<number>
  sink: string
  first: number
  last: number
  count: number
  reason: string
  at: Timestamp
}

export interface ForwardingSchema {
  sink: SinkTable
  sink_set_aside: SinkSetAsideTable
}

export const FORWARDING: readonly string[] = [
  `CREATE TABLE sink (
    name         TEXT NOT NULL PRIMARY KEY,
    created_time INTEGER NOT NULL,
    etag         TEXT NOT NULL,
    document     BLOB NOT NULL,
    seal_epoch   INTEGER NOT NULL,
    cursor       INTEGER NOT NULL CHECK (cursor >= 0)
  ) STRICT`,
  `CREATE INDEX sink_by_seal ON sink (seal_epoch)`,
  `CREATE TABLE sink_set_aside (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    sink     TEXT NOT NULL REFERENCES sink (name) ON DELETE CASCADE,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL CHECK (last >= first),
    count    INTEGER NOT NULL CHECK (count > 0),
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX sink_set_aside_by_sink ON sink_set_aside (sink, sequence)`,
]

/** The table of people, their passkeys, links, sessions, recoveries and workstations. */

import type { Sealed } from './schema.ts'

export interface PeopleRecordTable {
  kind: string
  id: string
  /** JSON text, sealed. */
  document: Sealed
  seal_epoch: number
}

export interface OperatorsSchema {
  people_record: PeopleRecordTable
}

export const OPERATORS: readonly string[] = [
  `CREATE TABLE people_record (
    kind       TEXT NOT NULL
                 CHECK (kind IN ('operator', 'passkey', 'link', 'session', 'recovery', 'workstation', 'policy', 'proposal')),
    id         TEXT NOT NULL CHECK (id <> ''),
    document   BLOB NOT NULL,
    seal_epoch INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX people_record_by_seal ON people_record (seal_epoch)`,
]

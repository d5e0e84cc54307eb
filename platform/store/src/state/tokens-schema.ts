/** Tokens of machines: a document each, sealed whole, so that whoever can write the file cannot make one. */

import type { Sealed } from './schema.ts'

export interface TokenTable {
  id: string
  document: Sealed
  seal_epoch: number
}

export interface TokensSchema {
  access_token: TokenTable
}

export const TOKENS: readonly string[] = [
  `CREATE TABLE access_token (
    id         TEXT NOT NULL PRIMARY KEY,
    document   BLOB NOT NULL,
    seal_epoch INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `ALTER TABLE policy ADD COLUMN rotation TEXT CHECK (json_valid(rotation))`,
  `CREATE INDEX access_token_by_seal ON access_token (seal_epoch)`,
]

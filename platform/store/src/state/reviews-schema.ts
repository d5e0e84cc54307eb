/** Views, plans, reviews and findings. */

export interface ReviewRecordTable {
  kind: string
  id: string
  is_open: 0 | 1
  /** Sealed: findings tell what is wrong, and a signature that was written into the file is none. */
  document: Uint8Array
  seal_epoch: number
}

export interface ReviewsSchema {
  review_record: ReviewRecordTable
}

export const REVIEWS: readonly string[] = [
  `CREATE TABLE review_record (
    kind       TEXT NOT NULL CHECK (kind IN ('view', 'plan', 'review', 'finding')),
    id         TEXT NOT NULL,
    is_open    INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    document   BLOB NOT NULL,
    seal_epoch INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT`,
  `CREATE INDEX review_record_open ON review_record (kind, is_open, id)`,
  `CREATE INDEX review_record_by_seal ON review_record (seal_epoch)`,
]

/**
 * What makes stored telemetry tamper-evident, kept in `history.db` beside the pages:
 *
 * - `page_digest`: SHA-256 of each sealed page, by the page's number. It stays when the page goes with its epoch, so that
 *   the segment's digest can still be made.
 * - `segment_digest`: since when a segment is in use. The digest itself follows from its pages.
 * - `telling`: what the audit log has to hear and has not confirmed: it is written in the transaction of what it tells, and
 *   deleted when it is on disk there. So a crash loses none, and may tell one twice.
 *
 * The tables came later than the file: a history of an earlier version gets them when it is opened, and one of an earlier
 * version opens a file that has them.
 */

export const DIGEST_TABLES = `
  CREATE TABLE IF NOT EXISTS page_digest (
    page INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    sealed_bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS page_digest_segment ON page_digest (segment, page);
  CREATE TABLE IF NOT EXISTS segment_digest (
    segment INTEGER PRIMARY KEY,
    in_use_since INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS telling (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT NOT NULL CHECK (json_valid(what))
  ) STRICT;
`

/** What the audit log hears of stored telemetry: see the events `telemetry.paged` and `telemetry.retired`. */
export type Telling =
  | {
      readonly kind: 'paged'
      readonly partition: number
      readonly firstSequence: number
      readonly lastSequence: number
      readonly messages: number
      readonly pages: number
      /** Sealed bytes of the pages together. */
      readonly bytes: number
      /** SHA-256, hex, over the 32-byte SHA-256 digests of the segment's sealed pages in the order of their numbers. */
      readonly sha256: string
      /** SHA-256, hex, over the sealed batches of the log that were regrouped, one after the other. */
      readonly batches?: string
      /** How many segments this one took the place of. */
      readonly merged?: number
      /** It was there before digests were kept, and is vouched for as it was found. */
      readonly adopted?: true
    }
  | {
      readonly kind: 'retired'
      readonly partition: number
      readonly reason: 'age' | 'size'
      readonly messages: number
      readonly firstSequence: number
      readonly lastSequence: number
    }

/** A telling with the number under which it is confirmed. */
export interface Told {
  readonly id: number
  readonly what: Telling
}

/** Tables of messages to devices, of the feedback on them, and of the hub-wide queues. */

import { type Kysely, sql } from 'kysely'

const COMMANDS: readonly string[] = [
  // AUTOINCREMENT: a number is never given twice, for receivers may still name the old one.
  `CREATE TABLE command (
    sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id      TEXT NOT NULL,
    module_id      TEXT NOT NULL,
    generation_id  TEXT NOT NULL,
    ack            TEXT NOT NULL CHECK (ack IN ('none', 'positive', 'negative', 'full')),
    enqueued_time  INTEGER NOT NULL,
    expires_time   INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    content        BLOB NOT NULL,
    seal_epoch     INTEGER NOT NULL,
    FOREIGN KEY (device_id, module_id) REFERENCES identity ON DELETE CASCADE
  ) STRICT`,
  `CREATE INDEX command_by_identity ON command (device_id, module_id, sequence)`,
  `CREATE INDEX command_by_expiry ON command (expires_time, sequence)`,
  `CREATE INDEX command_by_seal ON command (seal_epoch)`,

  // No foreign key: what became of a message is told also when its device is gone.
  `CREATE TABLE feedback_record (
    sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
    written_time INTEGER NOT NULL,
    content      BLOB NOT NULL,
    seal_epoch   INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX feedback_record_by_seal ON feedback_record (seal_epoch)`,

  `CREATE TABLE service_message (
    sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
    queue          TEXT NOT NULL CHECK (queue IN ('feedback', 'file-notifications')),
    enqueued_time  INTEGER NOT NULL,
    expires_time   INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    content        BLOB NOT NULL,
    seal_epoch     INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX service_message_by_queue ON service_message (queue, sequence)`,
  `CREATE INDEX service_message_by_expiry ON service_message (expires_time)`,
  `CREATE INDEX service_message_by_seal ON service_message (seal_epoch)`,
]

export async function migrateCommands(db: Kysely<unknown>): Promise<void> {
  for (const statement of COMMANDS) await sql.raw(statement).execute(db)
}

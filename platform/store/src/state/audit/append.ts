/** Appending events, once a group of writes and within its transaction: rows, and the tiles that became full. */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  commitTo,
  EVENTS,
  encodeBody,
  encodeLeaf,
  entryKeys,
  keepable,
  ownerOf,
  type RecordedEvent,
  SALT_BYTES,
  type SecurityEvent,
  sealBody,
  sealOwnerOf,
} from '@holdfast/audit'
import type { Random } from '@holdfast/keys'
import { leafHash, TILE_WIDTH, type TileBuilder } from '@holdfast/tlog'
import type { AuditSecrets } from './secrets.ts'

export class AuditAppender {
  readonly #database: DatabaseSync
  readonly #secrets: AuditSecrets
  readonly #random: Random
  #entry: StatementSync | undefined
  #tile: StatementSync | undefined

  constructor(database: DatabaseSync, secrets: AuditSecrets, random: Random) {
    this.#database = database
    this.#secrets = secrets
    this.#random = random
  }

  /** @param builder goes on from the log as it is; it is the caller's to throw away when the transaction is undone. */
  append(events: readonly SecurityEvent[], builder: TileBuilder): readonly RecordedEvent[] {
    const salts = this.#random(SALT_BYTES * events.length)
    return events.map((event, at) => this.#one(event, salts.slice(at * SALT_BYTES, (at + 1) * SALT_BYTES), builder))
  }

  #one(told: SecurityEvent, salt: Uint8Array, builder: TileBuilder): RecordedEvent {
    const event = keepable(told)
    const { type, at: time, subject, actor } = event
    const index = builder.size
    const { version } = EVENTS[type]
    const { id, secret } = this.#secrets.of(sealOwnerOf(event))
    const { key, opening } = entryKeys(secret, salt)
    const body = encodeBody(event)
    const commitment = commitTo(body, opening)
    const leaf = encodeLeaf({ index, type, version, time, commitment })
    const hash = leafHash(leaf)
    const subjectTag = this.#secrets.tag('subject', ownerOf(subject))
    const actorTag = this.#secrets.tag('actor', ownerOf(actor))
    const sealed = sealBody(body, key, leaf)
    this.#entry ??= this.#database.prepare(
      `INSERT INTO audit_entry (n, type, version, time, commitment, hash, secret, salt, body, subject_tag, actor_tag)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#entry.run(index, type, version, time, commitment, hash, id, salt, sealed, subjectTag, actorTag)
    for (const tile of builder.append(hash)) this.#keepTile(tile)
    return { ...event, index }
  }

  #keepTile({
    level,
    index,
    bytes,
  }: {
    readonly level: number
    readonly index: number
    readonly bytes: Uint8Array
  }): void {
    this.#tile ??= this.#database.prepare(
      `INSERT INTO audit_tile (level, n, earliest, latest, hashes)
       VALUES (?1, ?2, (SELECT min(time) FROM audit_entry WHERE n >= ?3 AND n < ?4),
               (SELECT max(time) FROM audit_entry WHERE n >= ?3 AND n < ?4), ?5)
       ON CONFLICT (level, n) DO NOTHING`,
    )
    const first = level === 0 ? index * TILE_WIDTH : -1
    this.#tile.run(level, index, first, level === 0 ? first + TILE_WIDTH : -1, bytes)
  }
}

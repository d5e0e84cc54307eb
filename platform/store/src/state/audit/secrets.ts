/**
 * Whose bodies are whose: a secret for each owner, sealed like every secret of `state.db`, and the tags by which entries are
 * found without their names standing anywhere.
 */

import { createHmac } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { SECRET_BYTES } from '@holdfast/audit'
import { LruMap } from '@holdfast/base'
import type { Random } from '@holdfast/keys'
import { hubKeyPlace } from '../uploads.ts'
import type { Place, ValueSealer } from '../value-sealer.ts'
import { SECRETS_CACHED_MAX, TAGS_CACHED_MAX } from './limits.ts'

export const TAG_BYTES = 16
const TAG_KEY = 'audit-tags'

export interface OwnedSecret {
  readonly id: number
  readonly secret: Uint8Array
}

export class AuditSecrets {
  readonly #database: DatabaseSync
  readonly #sealer: ValueSealer
  readonly #random: Random
  readonly #cache = new LruMap<string, OwnedSecret>(SECRETS_CACHED_MAX)
  readonly #tags = new LruMap<string, Uint8Array>(TAGS_CACHED_MAX)
  /** Made in the transaction that is open; the cache's once that is on disk. */
  #made = new Map<string, OwnedSecret>()
  #tagKey: Uint8Array | undefined
  #isTagKeyKept = false
  #findById: StatementSync | undefined
  #find: StatementSync | undefined
  #insert: StatementSync | undefined

  constructor(database: DatabaseSync, sealer: ValueSealer, random: Random) {
    this.#database = database
    this.#sealer = sealer
    this.#random = random
  }

  /** Before entries are appended, within their transaction: what an undone one made is not there. */
  begin(): void {
    this.#made = new Map()
    if (!this.#isTagKeyKept) {
      this.#tags.clear()
      this.#tagKey = this.#readTagKey() ?? this.#makeTagKey()
    }
  }

  /** The secret of an owner, made where there is none; after `begin`. */
  of(owner: string): OwnedSecret {
    let known = this.#cache.get(owner) ?? this.#made.get(owner)
    if (known !== undefined) return known
    known = this.#read(owner)
    if (known !== undefined) {
      this.#cache.set(owner, known)
      return known
    }
    const ownerTag = this.tag('owner', owner)
    const secret = this.#random(SECRET_BYTES)
    this.#insert ??= this.#database.prepare(
      'INSERT INTO audit_secret (owner_tag, secret, seal_epoch) VALUES (?, ?, ?) RETURNING id',
    )
    const sealed = this.#sealer.sealBytes(secret, secretPlace(ownerTag))
    const made = { id: Number(this.#insert.get(ownerTag, sealed, this.#sealer.epoch)?.['id']), secret }
    this.#made.set(owner, made)
    return made
  }

  /** What an entry was sealed under, by the id in its row; undefined where it was destroyed. */
  byId(id: number): Uint8Array | undefined {
    this.#findById ??= this.#database.prepare('SELECT owner_tag, secret, seal_epoch FROM audit_secret WHERE id = ?')
    const row = this.#findById.get(id)
    if (row === undefined) return undefined
    const { owner_tag: ownerTag, secret, seal_epoch: epoch } = row
    if (!(ownerTag instanceof Uint8Array) || !(secret instanceof Uint8Array)) return undefined
    return this.#sealer.openBytes(secret, Number(epoch), secretPlace(ownerTag))
  }

  /** Keyed, so that the file does not show names to whoever guesses them. @param of what it is a tag of. */
  tag(of: 'owner' | 'subject' | 'actor', name: string): Uint8Array {
    const text = `${of} ${name}`
    const known = this.#tags.get(text)
    if (known !== undefined) return known
    // Nothing is found under a key that nobody keeps: there is no entry yet.
    const key = this.#tagKey ?? this.#readTagKey() ?? this.#random(SECRET_BYTES)
    const tag = createHmac('sha256', key).update(text).digest().subarray(0, TAG_BYTES)
    if (this.#tagKey !== undefined) this.#tags.set(text, tag)
    return tag
  }

  /** Destroys an owner's, within a transaction. @returns whether there was one. */
  destroy(owner: string): boolean {
    this.#cache.delete(owner)
    return (
      this.#database.prepare('DELETE FROM audit_secret WHERE owner_tag = ?').run(this.tag('owner', owner)).changes > 0
    )
  }

  /** What was appended is on disk. */
  committed(): void {
    for (const [owner, secret] of this.#made) this.#cache.set(owner, secret)
    this.#made = new Map()
    this.#isTagKeyKept = true
  }

  #read(owner: string): OwnedSecret | undefined {
    this.#find ??= this.#database.prepare('SELECT id, secret, seal_epoch FROM audit_secret WHERE owner_tag = ?')
    const ownerTag = this.tag('owner', owner)
    const row = this.#find.get(ownerTag)
    if (row === undefined || !(row['secret'] instanceof Uint8Array)) return undefined
    const { id, secret, seal_epoch: epoch } = row
    return { id: Number(id), secret: this.#sealer.openBytes(secret, Number(epoch), secretPlace(ownerTag)) }
  }

  /** As text, for whatever seals the keys of this table anew reads them so. */
  #readTagKey(): Uint8Array | undefined {
    const row = this.#database.prepare('SELECT value, seal_epoch FROM hub_key WHERE name = ?').get(TAG_KEY)
    if (row === undefined || !(row['value'] instanceof Uint8Array)) return undefined
    const text = this.#sealer.open(row['value'], Number(row['seal_epoch']), hubKeyPlace(TAG_KEY))
    return Buffer.from(text, 'base64')
  }

  /** Part of the first transaction that appends; until that is on disk, each begins by looking again. */
  #makeTagKey(): Uint8Array {
    const key = this.#random(SECRET_BYTES)
    const value = this.#sealer.seal(Buffer.from(key).toString('base64'), hubKeyPlace(TAG_KEY))
    this.#database
      .prepare('INSERT INTO hub_key (name, value, seal_epoch) VALUES (?, ?, ?)')
      .run(TAG_KEY, value, this.#sealer.epoch)
    return key
  }
}

export function secretPlace(ownerTag: Uint8Array): Place {
  return { table: 'audit_secret', row: [Buffer.from(ownerTag).toString('hex')], column: 'secret' }
}

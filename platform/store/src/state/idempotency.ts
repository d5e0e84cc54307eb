/** Answers to requests that bore an Idempotency-Key, kept for a day, so that the same request again does nothing twice. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import type { WriteGroup } from './write-group.ts'

/** How long one is kept, in milliseconds. */
export const ANSWER_LIFE_MS = 86_400_000
/** Kept at once, of all callers: 400 MB if each were as long as it may be, a tenth of that as they are. */
export const ANSWERS_MAX = 50_000
/** Of one caller, so that none takes the room of the others. */
export const ANSWERS_OF_CALLER_MAX = 20_000

export interface KeptAnswer {
  readonly status: number
  readonly etag?: string
  /** JSON; empty where there was none. */
  readonly body: string
}

/** A request that is about to be done. */
export interface Reservation {
  /** Of caller, operation and key, as a hash: keys are not kept. */
  readonly id: string
  readonly caller: string
  /** Of what is asked for, as a hash. */
  readonly digest: string
  readonly at: Timestamp
}

export type Reserved =
  | { readonly kind: 'reserved' }
  /** Without an answer: it was begun, and nobody wrote down how it ended. */
  | { readonly kind: 'known'; readonly digest: string; readonly answer?: KeptAnswer }
  | { readonly kind: 'full' }

export interface IdempotencyStore {
  /** Keeps it unless it is known; what is older than a day is forgotten. */
  reserveAnswer(reservation: Reservation): Promise<Reserved>
  keepAnswer(id: string, answer: KeptAnswer): Promise<void>
  /** Nothing was done: the request may come again. */
  releaseAnswer(id: string): Promise<void>
}

export interface IdempotencyTable {
  id: string
  caller: string
  digest: string
  begun_time: Timestamp
  status: number | null
  etag: string | null
  body: string | null
}

export interface IdempotencySchema {
  idempotency: IdempotencyTable
}

export const IDEMPOTENCY: readonly string[] = [
  `CREATE TABLE idempotency (
    id         TEXT NOT NULL PRIMARY KEY,
    caller     TEXT NOT NULL,
    digest     TEXT NOT NULL,
    begun_time INTEGER NOT NULL,
    status     INTEGER,
    etag       TEXT,
    body       TEXT
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX idempotency_by_time ON idempotency (begun_time)`,
  `CREATE INDEX idempotency_by_caller ON idempotency (caller)`,
]

export class SqlIdempotency implements IdempotencyStore {
  readonly #writes: WriteGroup
  readonly #max: number
  readonly #ofCallerMax: number

  constructor(writes: WriteGroup, max = ANSWERS_MAX, ofCallerMax = ANSWERS_OF_CALLER_MAX) {
    this.#writes = writes
    this.#max = max
    this.#ofCallerMax = ofCallerMax
  }

  async reserveAnswer({ id, caller, digest, at }: Reservation): Promise<Reserved> {
    return this.#writes.run(async (transaction): Promise<Reserved> => {
      await transaction
        .deleteFrom('idempotency')
        .where('begun_time', '<=', timestampOf(at - ANSWER_LIFE_MS))
        .execute()
      const known = await transaction.selectFrom('idempotency').selectAll().where('id', '=', id).executeTakeFirst()
      if (known !== undefined) {
        const { status, etag, body } = known
        const answer = { ...(etag !== null && { etag }), body: body ?? '' }
        return { kind: 'known', digest: known.digest, ...(status !== null && { answer: { status, ...answer } }) }
      }
      const all = transaction.selectFrom('idempotency').select((of) => of.fn.countAll<number>().as('count'))
      const [total, own] = await Promise.all([
        all.executeTakeFirstOrThrow(),
        all.where('caller', '=', caller).executeTakeFirstOrThrow(),
      ])
      if (total.count >= this.#max || own.count >= this.#ofCallerMax) return { kind: 'full' }
      await transaction.insertInto('idempotency').values({ id, caller, digest, begun_time: at }).execute()
      return { kind: 'reserved' }
    })
  }

  async keepAnswer(id: string, { status, etag, body }: KeptAnswer): Promise<void> {
    await this.#writes.run(async (transaction) => {
      await transaction
        .updateTable('idempotency')
        .set({ status, etag: etag ?? null, body })
        .where('id', '=', id)
        .execute()
    })
  }

  async releaseAnswer(id: string): Promise<void> {
    await this.#writes.run(async (transaction) => {
      await transaction.deleteFrom('idempotency').where('id', '=', id).execute()
    })
  }
}

/** Writes that arrive together share one transaction, and so one wait for the disk. */

import { type Because, eventsOf, type SecurityEvent } from '@holdfast/audit'
import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import { StoreDamagedError, StoreUnavailableError } from '../damaged.ts'
import { currentSource } from './call-source.ts'
import { GROUP_WRITES_MAX, WAITING_WRITES_MAX } from './limits.ts'
import type { StateSchema } from './schema.ts'

export type StateTransaction = Transaction<StateSchema>

/** Takes the events of a write that does what was asked; a write that refuses does not call it. */
export type Recorder = (because: Because | undefined) => void

/**
 * Keeps the events of a group, in its order, as part of its transaction.
 * Returns what is to be called once the group is on disk; it MUST NOT throw. When the group fails it is not called.
 */
export type KeepEvents = (transaction: StateTransaction, events: readonly SecurityEvent[]) => Promise<() => void>

interface Write {
  work(transaction: StateTransaction, record: Recorder): Promise<unknown>
  /** How the call came in that asks for it. */
  readonly source: string | undefined
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** Answers of a group, held back until it is on disk. */
type Answer = () => void

const SAVEPOINT = CompiledQuery.raw('SAVEPOINT one_write')
const RELEASE = CompiledQuery.raw('RELEASE one_write')
const ROLLBACK = CompiledQuery.raw('ROLLBACK TO one_write')

export class WriteGroup {
  readonly #db: Kysely<StateSchema>
  readonly #keepEvents: KeepEvents
  readonly #waitingMax: number
  #waiting: Write[] = []
  #running: Promise<void> | undefined

  constructor(db: Kysely<StateSchema>, keepEvents: KeepEvents, waitingMax: number = WAITING_WRITES_MAX) {
    this.#db = db
    this.#keepEvents = keepEvents
    this.#waitingMax = waitingMax
  }

  /**
   * Runs `work` in a transaction; resolves when that is durable. Work sees the writes that came before it. When it
   * throws, what it did is undone, and the others of the group go on; when the disk fails, all of the group are undone.
   * `work` must touch nothing but the transaction: a fault of the disk can come after it ran. What it records is kept
   * with what it did.
   * @throws StoreUnavailableError, StoreDamagedError, or what `work` threw.
   */
  async run<T>(work: (transaction: StateTransaction, record: Recorder) => Promise<T>): Promise<T> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new StoreUnavailableError('busy', `${this.#waitingMax} writes are waiting`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    // The one place where the type is lost: `resolve` gets what this same `work` answered.
    this.#waiting.push({ work, source: currentSource(), resolve: resolve as (value: unknown) => void, reject })
    this.#running ??= this.#drain()
    return promise
  }

  /** Resolves when no write is waiting or running. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #drain(): Promise<void> {
    // One turn of the event loop, so that calls that came in together go together, and reads get in between groups.
    do {
      await new Promise((resolve) => setImmediate(resolve))
      const group = this.#waiting.slice(0, GROUP_WRITES_MAX)
      this.#waiting = this.#waiting.slice(GROUP_WRITES_MAX)
      await this.#commit(group)
    } while (this.#waiting.length > 0)
    this.#running = undefined
  }

  async #commit(group: readonly Write[]): Promise<void> {
    try {
      const answers = await this.#db.transaction().execute(async (transaction) => {
        const inOrder: Answer[] = []
        const events: SecurityEvent[] = []
        for (const write of group) inOrder.push(await attempt(write, transaction, events))
        if (events.length > 0) inOrder.unshift(await this.#keepEvents(transaction, events))
        return inOrder
      })
      for (const answer of answers) answer()
    } catch (error) {
      for (const write of group) write.reject(error)
    }
  }
}

async function attempt(write: Write, transaction: StateTransaction, events: SecurityEvent[]): Promise<Answer> {
  await transaction.executeQuery(SAVEPOINT)
  try {
    const recorded: SecurityEvent[] = []
    const value = await write.work(transaction, (because) => {
      for (const event of eventsOf(because)) {
        recorded.push(event.source === undefined ? { ...event, source: write.source ?? 'hub' } : event)
      }
    })
    await transaction.executeQuery(RELEASE)
    events.push(...recorded)
    return () => write.resolve(value)
  } catch (error) {
    // A value that does not open is that record's trouble; a page that does not read is everybody's.
    if (error instanceof StoreUnavailableError || isOfTheFile(error)) throw error
    await transaction.executeQuery(ROLLBACK)
    await transaction.executeQuery(RELEASE)
    return () => write.reject(error)
  }
}

function isOfTheFile(error: unknown): boolean {
  return error instanceof StoreDamagedError && error.cause !== undefined
}

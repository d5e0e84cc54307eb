/** Writes that arrive together share one transaction, and so one wait for the disk. */

import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import { StoreDamagedError, StoreUnavailableError } from '../damaged.ts'
import { GROUP_WRITES_MAX, WAITING_WRITES_MAX } from './limits.ts'
import type { StateSchema } from './schema.ts'

export type StateTransaction = Transaction<StateSchema>

interface Write {
  work(transaction: StateTransaction): Promise<unknown>
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
  readonly #waitingMax: number
  #waiting: Write[] = []
  #running: Promise<void> | undefined

  constructor(db: Kysely<StateSchema>, waitingMax: number = WAITING_WRITES_MAX) {
    this.#db = db
    this.#waitingMax = waitingMax
  }

  /**
   * Runs `work` in a transaction; resolves when that is durable. Work sees the writes that came before it. When it
   * throws, what it did is undone, and the others of the group go on; when the disk fails, all of the group are undone.
   * `work` must touch nothing but the transaction: a fault of the disk can come after it ran.
   * @throws StoreUnavailableError, StoreDamagedError, or what `work` threw.
   */
  async run<T>(work: (transaction: StateTransaction) => Promise<T>): Promise<T> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new StoreUnavailableError('busy', `${this.#waitingMax} writes are waiting`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    // The one place where the type is lost: `resolve` gets what this same `work` answered.
    this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject })
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
        for (const write of group) inOrder.push(await attempt(write, transaction))
        return inOrder
      })
      for (const answer of answers) answer()
    } catch (error) {
      for (const write of group) write.reject(error)
    }
  }
}

async function attempt(write: Write, transaction: StateTransaction): Promise<Answer> {
  await transaction.executeQuery(SAVEPOINT)
  try {
    const value = await write.work(transaction)
    await transaction.executeQuery(RELEASE)
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

/**
 * What the witness has seen, in one file that is replaced whole and brought to disk: after a crash at any moment it is what
 * it was before an answer, or what it is after. One process at a time: two would cosign two pasts.
 */

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type KeyFolder, openKeyFolder, replaceFile } from '@holdfast/keys'
import { type Note, VerifierKey, encodeNote, formatNote, parseNote } from '@holdfast/tlog'
import { EVIDENCE_MAX, LOGS_MAX, STATE_BYTES_MAX } from './limits.ts'

const STATE = 'state.json'
const LOCK = 'lock.db'

/** A log that is known, and the last that was seen of it. */
export interface KnownLog {
  readonly key: VerifierKey
  readonly note: Note | undefined
}

export class WitnessFolder {
  readonly keys: KeyFolder
  readonly #lock: DatabaseSync
  readonly #logs: Map<string, KnownLog>
  #evidence: number
  /** Writes come one after the other, for each replaces the file whole. */
  #turn: Promise<void> = Promise.resolve()

  private constructor(keys: KeyFolder, lock: DatabaseSync, logs: Map<string, KnownLog>, evidence: number) {
    this.keys = keys
    this.#lock = lock
    this.#logs = logs
    this.#evidence = evidence
  }

  /** @throws Error when another process has it, or what is in it is damaged: it must not begin anew as if it had seen nothing. */
  static async open(path: string): Promise<WitnessFolder> {
    const keys = await openKeyFolder(path)
    const lock = lockOn(path)
    try {
      const { logs, evidence } = await readState(keys)
      return new WitnessFolder(keys, lock, logs, evidence)
    } catch (error) {
      lock.close()
      throw error
    }
  }

  get logs(): readonly KnownLog[] {
    return [...this.#logs.values()]
  }

  /** Knows logs from now on. @throws Error on another key for a known log, and beyond `LOGS_MAX`. */
  async add(keys: readonly VerifierKey[]): Promise<void> {
    const logs = new Map(this.#logs)
    for (const key of keys) {
      const known = logs.get(key.name)
      if (known !== undefined && !known.key.isSameAs(key)) {
        throw new Error(
          `the log ${key.name} is known by another key; a witness that changed it would vouch for two logs`,
        )
      }
      if (known === undefined) logs.set(key.name, { key, note: undefined })
    }
    if (logs.size > LOGS_MAX) throw new Error(`a witness knows ${LOGS_MAX} logs at most`)
    if (logs.size > this.#logs.size) await this.#write(() => logs)
  }

  /** Resolves when it is on disk that this was seen last of a log. */
  persist(origin: string, note: Note): Promise<void> {
    return this.#write((logs) => {
      const known = logs.get(origin)
      if (known === undefined) throw new TypeError('this log is not known')
      return new Map(logs).set(origin, { ...known, note })
    })
  }

  /**
   * Keeps what shows that a log contradicts itself, in a file of its own.
   * @returns its path; undefined if it was kept already, or as many were.
   */
  async keepEvidence(text: string): Promise<string | undefined> {
    if (this.#evidence >= EVIDENCE_MAX) return undefined
    const name = `evidence-${createHash('sha256').update(text).digest('hex').slice(0, 32)}.txt`
    if ((await this.keys.read(name, STATE_BYTES_MAX)) !== undefined) return undefined
    await replaceFile(this.keys, name, Buffer.from(text))
    this.#evidence += 1
    await this.#write((logs) => logs)
    return join(this.keys.path, name)
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#turn
    this.#lock.close()
  }

  async #write(change: (logs: ReadonlyMap<string, KnownLog>) => ReadonlyMap<string, KnownLog>): Promise<void> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    await before
    try {
      const logs = change(this.#logs)
      const state = {
        version: 1,
        evidence: this.#evidence,
        logs: [...logs.values()].map(({ key, note }) => ({
          key: key.toString(),
          note: note === undefined ? null : formatNote(note),
        })),
      }
      await replaceFile(this.keys, STATE, Buffer.from(`${JSON.stringify(state, undefined, 1)}\n`))
      // Kept only now: what is not on disk was not seen.
      for (const [origin, log] of logs) this.#logs.set(origin, log)
    } finally {
      resolve()
    }
  }
}

function lockOn(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined
  try {
    // The kernel's lock, held by SQLite on a file of its own: nothing stale is left behind.
    lock = new DatabaseSync(join(path, LOCK), { timeout: 0 })
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock?.close()
    throw new Error(`another witness runs on ${path}, or the folder cannot be written`, { cause })
  }
}

async function readState(keys: KeyFolder): Promise<{ logs: Map<string, KnownLog>; evidence: number }> {
  const file = await keys.read(STATE, STATE_BYTES_MAX)
  if (file === undefined) return { logs: new Map(), evidence: 0 }
  try {
    const value: unknown = JSON.parse(Buffer.from(file.bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null && 'logs' in value && Array.isArray(value.logs)) {
      const logs = new Map<string, KnownLog>()
      for (const log of value.logs) {
        const known = knownLog(log)
        logs.set(known.key.name, known)
      }
      const evidence = 'evidence' in value && typeof value.evidence === 'number' ? value.evidence : 0
      return { logs, evidence }
    }
  } catch {
    // Told below.
  }
  throw new Error(
    `${keys.path}/${STATE} is damaged; bring it back from a backup. Without it the witness would forget what it has cosigned`,
  )
}

function knownLog(value: unknown): KnownLog {
  if (typeof value !== 'object' || value === null || !('key' in value) || !('note' in value))
    throw new TypeError('no log')
  const { key, note } = value
  if (typeof key !== 'string' || (note !== null && typeof note !== 'string')) throw new TypeError('no log')
  return { key: VerifierKey.parse(key), note: note === null ? undefined : parseNote(Buffer.from(note)) }
}

/** What is kept as evidence: what was asked, and what had been seen before. */
export function evidenceText(reason: string, request: string, seen: Note | undefined): string {
  const before = seen === undefined ? 'nothing\n' : Buffer.from(encodeNote(seen)).toString('utf8')
  return `${reason}\n\n=== request ===\n${request}\n=== seen before ===\n${before}`
}

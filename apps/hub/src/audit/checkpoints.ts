/**
 * Signs for the log as it grows, once a second at most. A log that contradicts itself, or what was signed of it, is told of
 * and not signed over: the hub goes on, and so does the log, which anybody sees to be broken from there on.
 */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { AuditStore, Contradiction } from '@holdfast/store'
import { encodeNote, formatCheckpoint, openCheckpoint, signText, TlogError, type VerifierKey } from '@holdfast/tlog'
import type { LogKey } from './log-key.ts'

/** The condition that stands for as long as nothing is signed for. */
export const CONTRADICTED = 'audit-contradicted'

/** Between two steps of looking at every entry, in milliseconds: others need the store meanwhile. */
const STEP_PAUSE_MS = 50
/** From one look at all of the log to the next, in milliseconds. */
const CHECK_EVERY_MS = 24 * 3_600_000

export interface CheckpointsParts {
  readonly key: Pick<LogKey, 'verifier' | 'sign'>
  readonly store: Pick<AuditStore, 'auditHead' | 'writeAuditCheckpoint' | 'checkAuditLog'>
  readonly clock: Clock
  readonly events: EventSink
  /** Told of the log that no longer agrees with itself. */
  readonly setCondition: (code: string, detail: string | undefined) => void
  readonly fault: (error: unknown) => void
}

export class Checkpoints {
  readonly #parts: CheckpointsParts
  #grown = true
  #signing: Promise<void> | undefined
  #checking: Promise<void> | undefined
  #pause: { readonly timer: NodeJS.Timeout; over(): void } | undefined
  #nextCheck = 0
  #isContradicted = false
  #isEnding = false

  constructor(parts: CheckpointsParts) {
    this.#parts = parts
  }

  /** As vkey. */
  get key(): VerifierKey {
    return this.#parts.key.verifier
  }

  /** The log has new entries. */
  grew(): void {
    this.#grown = true
  }

  /** To be called every second. */
  tick(): void {
    if (this.#grown && this.#signing === undefined) {
      this.#signing = this.#sign().finally(() => (this.#signing = undefined))
    }
    const now = this.#parts.clock.monotonic()
    if (this.#checking === undefined && now >= this.#nextCheck && !this.#isContradicted) {
      this.#nextCheck = now + CHECK_EVERY_MS
      this.#checking = this.#check().finally(() => (this.#checking = undefined))
    }
  }

  /** Signs for what there is. Resolves when nothing is under way. */
  async end(): Promise<void> {
    this.#isEnding = true
    this.#pause?.over()
    await this.#checking
    await this.#signing
    await this.#sign()
  }

  async #sign(): Promise<void> {
    if (this.#isContradicted) return
    const { key, store, clock, fault } = this.#parts
    this.#grown = false
    try {
      const { size, root, checkpoint, contradiction } = await store.auditHead()
      if (contradiction !== undefined) return this.#contradicted(contradiction, size)
      if (checkpoint !== undefined && !this.#isOurs(checkpoint.note)) {
        return this.#contradicted({ what: 'its last checkpoint was not signed with the key of this hub' }, size)
      }
      if (size === 0 || size === checkpoint?.size) return
      const text = formatCheckpoint({ origin: key.verifier.name, size, root, extensions: [] })
      const note = encodeNote({ text, signatures: [signText(text, key.verifier, key.sign)] })
      await store.writeAuditCheckpoint({ size, root, time: clock.wall(), note: Buffer.from(note).toString('utf8') })
    } catch (error) {
      // Tried again in a second. A disk that is full is told of where events are kept.
      this.#grown = true
      if (!this.#isEnding) fault(error)
    }
  }

  /** Looks at every entry, once after the start and then daily. */
  async #check(): Promise<void> {
    const { store, fault } = this.#parts
    try {
      for (let from: number | undefined = 0; from !== undefined && !this.#isEnding; ) {
        const step: Awaited<ReturnType<AuditStore['checkAuditLog']>> = await store.checkAuditLog(from)
        if (step.contradiction !== undefined) {
          const { size } = await store.auditHead()
          return this.#contradicted(step.contradiction, size)
        }
        from = step.next
        if (from !== undefined) await this.#rest()
      }
    } catch (error) {
      if (!this.#isEnding) fault(error)
    }
  }

  #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, STEP_PAUSE_MS)
    const over = (): void => {
      clearTimeout(timer)
      resolve()
    }
    this.#pause = { timer, over }
    return promise
  }

  #isOurs(note: string): boolean {
    try {
      openCheckpoint(Buffer.from(note, 'utf8'), { log: this.key })
      return true
    } catch (error) {
      if (error instanceof TlogError) return false
      throw error
    }
  }

  #contradicted({ what, entry }: Contradiction, size: number): void {
    if (this.#isContradicted) return
    this.#isContradicted = true
    const { events, clock, setCondition } = this.#parts
    const where = entry === undefined ? '' : ` (first at entry ${entry})`
    setCondition(
      CONTRADICTED,
      `the audit log does not agree with itself: ${what}${where}; nothing more is signed for it`,
    )
    events({
      type: 'audit.contradicted',
      at: clock.wall(),
      subject: 'hub',
      actor: 'hub',
      detail: { what, size, ...(entry === undefined ? {} : { entry }) },
    })
  }
}

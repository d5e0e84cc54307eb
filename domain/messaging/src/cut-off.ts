/** Cut-offs under way (who is still to be closed) and just made (who may have slipped past them while authenticating). */

import { type Instant, later } from '@holdfast/base'
import type { CloseReason } from './front-messages.ts'
import type { Session } from './session-basis.ts'

export interface CutOffReport {
  readonly reason: CloseReason
  /** How many sessions rested on what was cut off. */
  readonly sessions: number
  /** From the call to the last session's `closed`, in milliseconds. */
  readonly durationMs: number
}

interface CutOff {
  readonly reason: CloseReason
  readonly startedAt: Instant
  readonly sessions: number
  readonly done: (report: CutOffReport) => void
  remaining: number
}

interface Recent {
  readonly serial: number
  readonly until: Instant
  readonly matches: (session: Session) => boolean
}

/** Cut-offs remembered; a flood of them (deleting a fleet) makes older attempts authenticate again, unasked. */
const RECENT_MAX = 1_024

export class CutOffRegister {
  readonly #rememberMs: number
  readonly #pending = new Map<Session, CutOff[]>()
  #recent: Recent[] = []
  #serial = 0
  /** Attempts from before this serial cannot be checked any more. */
  #forgotten = 0

  /** @param rememberMs the longest an authentication takes. */
  constructor(rememberMs: number) {
    this.#rememberMs = rememberMs
  }

  /** Serial of the latest cut-off. */
  get serial(): number {
    return this.#serial
  }

  begin(
    cut: {
      readonly matches: (session: Session) => boolean
      readonly reason: CloseReason
      readonly sessions: readonly Session[]
    },
    now: Instant,
    done: (report: CutOffReport) => void,
  ): void {
    this.prune(now)
    this.#serial += 1
    this.#recent.push({ serial: this.#serial, until: later(now, this.#rememberMs), matches: cut.matches })
    if (this.#recent.length > RECENT_MAX) this.#forgotten = this.#recent.shift()?.serial ?? this.#serial
    const sessions = cut.sessions.length
    if (sessions === 0) {
      done({ reason: cut.reason, sessions, durationMs: 0 })
      return
    }
    const cutOff: CutOff = { reason: cut.reason, startedAt: now, sessions, done, remaining: sessions }
    for (const session of cut.sessions) {
      const others = this.#pending.get(session)
      if (others === undefined) this.#pending.set(session, [cutOff])
      else others.push(cutOff)
    }
  }

  /** True if a cut-off later than `since` is, or may be, about this session. */
  touched(since: number, session: Session): boolean {
    if (since < this.#forgotten) return true
    return this.#recent.some((recent) => recent.serial > since && recent.matches(session))
  }

  closed(session: Session, now: Instant): void {
    const cutOffs = this.#pending.get(session)
    if (cutOffs === undefined) return
    this.#pending.delete(session)
    for (const cutOff of cutOffs) {
      cutOff.remaining -= 1
      if (cutOff.remaining > 0) continue
      cutOff.done({ reason: cutOff.reason, sessions: cutOff.sessions, durationMs: now - cutOff.startedAt })
    }
  }

  prune(now: Instant): void {
    while (this.#recent[0] !== undefined && this.#recent[0].until < now) this.#recent.shift()
  }
}

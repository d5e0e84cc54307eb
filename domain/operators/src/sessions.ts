/** Sessions of people: opened by a proof, short, revocable at once. */

import type { SecurityEvent } from '@holdfast/audit'
import { type Clock, type Timestamp, timestampOf } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import {
  AGENT_CHARACTERS_MAX,
  ENDED_SESSION_LIFE_MS,
  ENDED_SESSIONS_MAX,
  PRESENCE_LIFE_MS,
  SESSION_WRITE_MS,
  SESSIONS_PER_OPERATOR_MAX,
} from './limits.ts'
import { actorOf, type Operator } from './operator.ts'
import type { Proof } from './proof.ts'
import type { PeopleEntry, SessionEnd, SessionKind, SessionRecord } from './records.ts'
import type { Roll } from './roll.ts'
import { makeId, digestOf, isSessionToken, makeSessionToken, type RandomBytes } from './secret.ts'

export interface SessionLimits {
  /** Without a request, in milliseconds. */
  readonly idleMs: number
  /** In all, in milliseconds. */
  readonly lifeMs: number
}

export interface SessionsParts {
  readonly roll: Roll
  readonly clock: Clock
  readonly random: RandomBytes
  readonly limits: SessionLimits
  /** A session counts no longer: what is open for it is to be closed. MUST NOT throw. */
  readonly ended: (session: SessionRecord) => void
}

export interface LiveSession {
  readonly session: SessionRecord
  readonly operator: Operator
}

/** Facts of where a session comes from. */
export interface Origin {
  readonly kind: SessionKind
  readonly agent: string
  readonly address: string
  readonly workstationId?: string
}

export class Sessions {
  readonly #parts: SessionsParts
  /** Sessions that last, by the digest of their token. */
  readonly #live = new Map<string, SessionRecord>()
  /** Those whose last use is not written yet. */
  readonly #touched = new Set<string>()

  constructor(parts: SessionsParts) {
    this.#parts = parts
    for (const session of parts.roll.all('session'))
      if (session.ended === undefined) this.#live.set(session.tokenDigest, session)
  }

  get limits(): SessionLimits {
    return this.#parts.limits
  }

  /** @throws OperatorError `not-allowed` where the person is gone meanwhile. */
  async open(proof: Proof, origin: Origin): Promise<{ readonly token: string; readonly session: SessionRecord }> {
    const { roll, clock, random, limits } = this.#parts
    const token = makeSessionToken(random)
    const surplus: SessionRecord[] = []
    const session = await roll.change(() => {
      const operator = roll.get('operator', proof.operatorId)
      if (operator?.state !== 'active' || roll.get('passkey', proof.credentialId) === undefined) {
        throw new OperatorError('not-allowed', 'this person or passkey is gone')
      }
      const now = clock.wall()
      const opened: SessionRecord = {
        id: makeId(random),
        tokenDigest: digestOf(token),
        operatorId: operator.id,
        passkeyId: proof.credentialId,
        kind: origin.kind,
        agent: agentOf(origin.agent),
        address: origin.address,
        createdTime: now,
        lastUsedTime: now,
        presenceTime: now,
        expires: timestampOf(now + limits.lifeMs),
        ...(origin.workstationId !== undefined && { workstationId: origin.workstationId }),
      }
      const own = this.liveOf(operator.id).sort((a, b) => a.lastUsedTime - b.lastUsedTime)
      surplus.push(...own.slice(0, Math.max(0, own.length - SESSIONS_PER_OPERATOR_MAX + 1)))
      const ended = surplus.map((one) => endedSession(one, 'too-many', 'hub', now))
      const detail = { session: opened.id, kind: opened.kind, address: opened.address, agent: opened.agent }
      const because: SecurityEvent[] = [
        { type: 'operator.signed-in', at: now, subject: actorOf(operator), actor: actorOf(operator), detail },
        ...ended.map((one) => this.#endEvent(one)),
      ]
      const put: PeopleEntry[] = [opened, ...ended].map((value) => ({ kind: 'session', value }))
      return { put, because, result: opened }
    })
    for (const one of surplus) this.#drop(one)
    this.#live.set(session.tokenDigest, session)
    return { token, session }
  }

  /**
   * The session of a token, which counts as used by that. Undefined for every reason alike: unknown, ended, idle too
   * long, past its time, of another kind, of a person who may not come any more.
   */
  identify(token: string, kind: SessionKind): LiveSession | undefined {
    if (!isSessionToken(token)) return undefined
    const { roll, clock } = this.#parts
    const session = this.#live.get(digestOf(token))
    if (session === undefined || session.kind !== kind || this.#isOver(session, clock.wall()) !== undefined)
      return undefined
    const operator = roll.get('operator', session.operatorId)
    if (operator?.state !== 'active') return undefined
    const used = { ...session, lastUsedTime: clock.wall() }
    this.#live.set(session.tokenDigest, used)
    this.#touched.add(session.tokenDigest)
    return { session: used, operator }
  }

  /** Whether a session still lasts, without using it: for what goes on after its request. */
  isLive(id: string): boolean {
    return this.find(id) !== undefined
  }

  find(id: string): SessionRecord | undefined {
    const stored = this.#parts.roll.get('session', id)
    const live = stored && this.#live.get(stored.tokenDigest)
    return live !== undefined && this.#isOver(live, this.#parts.clock.wall()) === undefined ? live : undefined
  }

  liveOf(operatorId: string): SessionRecord[] {
    return [...this.#live.values()].filter((session) => session.operatorId === operatorId)
  }

  /** All that are kept, those that ended too; newest first. */
  list(): readonly SessionRecord[] {
    const all = [...this.#parts.roll.all('session')].map((one) => this.#live.get(one.tokenDigest) ?? one)
    return all.sort((a, b) => b.createdTime - a.createdTime)
  }

  wasPresent(session: SessionRecord): boolean {
    return this.#parts.clock.wall() - session.presenceTime <= PRESENCE_LIFE_MS
  }

  /** The person of a session has proved to be there. @throws OperatorError `not-allowed` for somebody else's proof. */
  async present(id: string, proof: Proof): Promise<SessionRecord> {
    const { roll, clock } = this.#parts
    return roll.change(() => {
      const session = this.find(id)
      const operator = roll.get('operator', proof.operatorId)
      if (session === undefined || operator === undefined || session.operatorId !== operator.id) {
        throw new OperatorError('not-allowed', 'this session is over')
      }
      const now = clock.wall()
      const present = { ...session, presenceTime: now, lastUsedTime: now }
      const detail = { session: id, address: session.address }
      const actor = actorOf(operator)
      this.#live.set(session.tokenDigest, present)
      return {
        put: [{ kind: 'session', value: present }],
        because: { type: 'operator.stepped-up', at: now, subject: actor, actor, detail },
        result: present,
      }
    })
  }

  /** A workstation vouches for a session from now on. */
  async bind(id: string, workstationId: string, event: (session: SessionRecord) => SecurityEvent): Promise<void> {
    await this.#parts.roll.change(() => {
      const session = this.find(id)
      if (session === undefined) throw new OperatorError('not-allowed', 'this session is over')
      const bound = { ...session, workstationId }
      this.#live.set(session.tokenDigest, bound)
      return { put: [{ kind: 'session', value: bound }], because: event(bound), result: undefined }
    })
  }

  /**
   * Ends sessions. In memory at once, so that no request that comes later gets through, whatever the disk does.
   * @returns those that were live.
   */
  async end(
    which: (session: SessionRecord) => boolean,
    reason: SessionEnd,
    by: string,
  ): Promise<readonly SessionRecord[]> {
    const { roll, clock } = this.#parts
    const ending = [...this.#live.values()].filter(which)
    if (ending.length === 0) return []
    for (const session of ending) this.#drop(session)
    const ended = ending.map((session) => endedSession(session, reason, by, clock.wall()))
    await roll.change(() => ({
      put: ended.map((value) => ({ kind: 'session' as const, value })),
      because: ended.map((session) => this.#endEvent(session)),
      result: undefined,
    }))
    return ended
  }

  /** Ends what is over, writes when sessions were used, forgets what ended long ago; to be called every few seconds. */
  async sweep(): Promise<void> {
    const now = this.#parts.clock.wall()
    for (const reason of ['idle', 'expired'] as const) {
      await this.end((session) => this.#isOver(session, now) === reason, reason, 'hub')
    }
    await this.#write(now)
    await this.#forget(now)
  }

  async #write(now: Timestamp): Promise<void> {
    const due: PeopleEntry[] = []
    for (const digest of this.#touched) {
      const session = this.#live.get(digest)
      const stored = session && this.#parts.roll.get('session', session.id)
      if (session !== undefined && stored !== undefined && now - stored.lastUsedTime >= SESSION_WRITE_MS) {
        due.push({ kind: 'session', value: session })
      } else if (session !== undefined) continue
      this.#touched.delete(digest)
    }
    if (due.length > 0) {
      // What ended while this waited for its turn must not be written as live again.
      await this.#parts.roll.change(() => ({
        put: due.filter(
          ({ value }) => this.#parts.roll.get('session', value.id) !== undefined && this.isLive(value.id),
        ),
        result: undefined,
      }))
    }
  }

  async #forget(now: Timestamp): Promise<void> {
    const ended = [...this.#parts.roll.all('session')].filter((one) => one.ended !== undefined)
    const kept = ended
      .filter(({ ended: end }) => now - (end?.time ?? 0) < ENDED_SESSION_LIFE_MS)
      .sort((a, b) => (b.ended?.time ?? 0) - (a.ended?.time ?? 0))
      .slice(0, ENDED_SESSIONS_MAX)
    const gone = ended.filter((one) => !kept.includes(one))
    if (gone.length === 0) return
    await this.#parts.roll.change(() => ({
      remove: gone.map(({ id }) => ({ kind: 'session', id })),
      result: undefined,
    }))
  }

  #isOver({ expires, lastUsedTime }: SessionRecord, now: Timestamp): 'idle' | 'expired' | undefined {
    if (now >= expires) return 'expired'
    return now - lastUsedTime >= this.#parts.limits.idleMs ? 'idle' : undefined
  }

  #drop(session: SessionRecord): void {
    this.#live.delete(session.tokenDigest)
    this.#touched.delete(session.tokenDigest)
    this.#parts.ended(session)
  }

  #endEvent({ id, operatorId, ended, address }: SessionRecord): SecurityEvent {
    const name = this.#parts.roll.get('operator', operatorId)?.name ?? 'unknown'
    const detail = { session: id, reason: ended?.reason ?? 'revoked', address }
    const at = ended?.time ?? this.#parts.clock.wall()
    return { type: 'operator.session-ended', at, subject: `operator/${name}`, actor: ended?.by ?? 'hub', detail }
  }
}

function endedSession(session: SessionRecord, reason: SessionEnd, by: string, time: Timestamp): SessionRecord {
  return { ...session, ended: { reason, by, time } }
}

/** What a program says of itself, as one short line. */
function agentOf(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, AGENT_CHARACTERS_MAX)
}

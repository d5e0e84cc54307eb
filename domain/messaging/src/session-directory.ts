/**
 * Who is connected where: the core's machine for sessions. It admits, takes over, cuts off, keeps the subscriptions of
 * persistent sessions, and knows who is there.
 *
 * A connection's life here: `arrived` (its CONNECT is being authenticated) → `admit` → waiting for its seat → opening
 * (its stored session is read) → live → closing → `closed` by its front. An identity has one seat. A newer connection
 * waits for it until the older one's front has said `closed`: then nothing of the older is on its way to the log, and
 * the order of the device's messages holds (MQTT 3.1.1 [MQTT-3.1.4-2] for the take-over itself).
 *
 * Sans-IO: inputs are methods, outputs go to `effects`; `deadline` says when to call `tick`.
 */

import { type Instant, later, type Timestamp } from '@holdfast/base'
import type { IdentityKey, Standing } from '@holdfast/identity'
import { CutOffRegister, type CutOffReport } from './cut-off.ts'
import type {
  Admission,
  CloseReason,
  CoreToFront,
  FrontToCore,
  RefusalCode,
  Subscription,
  Unacknowledged,
} from './front-messages.ts'
import type { Session } from './session-basis.ts'
import type { SessionAnswer, SessionRequest } from './session-requests.ts'

export interface SessionLimits {
  /** How long a newer connection waits for the older one to be gone, in milliseconds. */
  readonly takeoverMs: number
  /** How long authentication, and then the reading of a stored session, may take, in milliseconds. */
  readonly admissionMs: number
}

export const SESSION_LIMITS: SessionLimits = { takeoverMs: 5_000, admissionMs: 10_000 }

export interface SessionEffects {
  toFront(front: number, message: CoreToFront): void
  /** To be answered with `stored`; requests of one identity never overlap, those of different ones may. */
  store(request: SessionRequest): void
  /** An identity or registration is in. */
  opened(session: Session): void
  /** Its subscriptions are kept, and its front has been told: what is published from now on reaches it by them. */
  subscribed(session: Session): void
  /** What was `opened` is gone; `connectedMs` is how long it was in. */
  ended(session: Session, end: SessionEnd): void
}

export interface SessionEnd {
  readonly reason: CloseReason
  readonly detail: string
  readonly connectedMs: number
  /** Publications with a ticket that it was sent at QoS 1 and has not acknowledged. */
  readonly unacknowledged: readonly Unacknowledged[]
}

/** What `deliver` of `CoreToFront` carries, for a session that is found by its identity. */
export type Publication = Omit<Extract<CoreToFront, { readonly kind: 'deliver' }>, 'kind' | 'connection'>

/** What the authenticator found of a hub connection. */
export interface Credentials {
  readonly standing: Standing
  readonly authMethod: string
  readonly cleanSession: boolean
  /** DTDL model the device says it is of. */
  readonly modelId?: string
  /** When the credential ends, in civil time. */
  readonly expires?: Timestamp
}

/** How an identity is connected, as queries see it. Both times are of the clock that the inputs carry. */
export interface ConnectionState {
  readonly front: number
  readonly connection: number
  readonly since: Instant
  readonly lastActivity: Instant
}

/** How a front says that a connection has ended. */
type Ending = Pick<Extract<FrontToCore, { readonly kind: 'closed' }>, 'reason' | 'detail' | 'unacknowledged'>

interface Attempt {
  readonly state: 'arrived'
  readonly front: number
  readonly connection: number
  /** Serial of the last cut-off before it arrived. */
  readonly cutOffs: number
  readonly deadline: Instant
}

interface Seated extends Session {
  readonly seat: Seat | undefined
  readonly credentials: Credentials | undefined
  state: 'waiting' | 'opening' | 'live' | 'closing'
  deadline: Instant
  since: Instant
  active: Instant
  subscriptions: readonly Subscription[]
  isResumed: boolean
  /** Tickets to be answered when `subscriptions` has been written. */
  unkept: number[]
}

/** The one place of an identity. */
interface Seat {
  readonly name: string
  readonly key: IdentityKey
  holder: Seated | undefined
  waiting: Seated | undefined
  /** What the store is doing for this seat; nobody moves into it before the answer. */
  request: { readonly ticket: number; readonly for: Seated; readonly tickets: readonly number[] } | undefined
}

export class SessionDirectory {
  readonly #effects: SessionEffects
  readonly #limits: SessionLimits
  readonly #fronts = new Map<number, Map<number, Attempt | Seated>>()
  readonly #seats = new Map<string, Seat>()
  readonly #requests = new Map<number, Seat>()
  // Each of these has one duration, so the order of joining is the order of deadlines.
  readonly #attempts = new Set<Attempt>()
  readonly #waiting = new Set<Seated>()
  readonly #opening = new Set<Seated>()
  readonly #cutOffs: CutOffRegister
  #requestCount = 0
  #connected = 0

  constructor(effects: SessionEffects, limits: SessionLimits = SESSION_LIMITS) {
    this.#effects = effects
    this.#limits = limits
    this.#cutOffs = new CutOffRegister(limits.admissionMs)
  }

  /** Sessions admitted and not closed, registrations included. */
  get connected(): number {
    return this.#connected
  }

  /** When to call `tick` if nothing happens before. */
  get deadline(): Instant | undefined {
    let earliest: Instant | undefined
    for (const queue of [this.#attempts, this.#waiting, this.#opening]) {
      for (const first of queue) {
        if (earliest === undefined || first.deadline < earliest) earliest = first.deadline
        break
      }
    }
    return earliest
  }

  /** A front says `connect`. Call before authenticating, so that a cut-off in the meantime is not missed. */
  arrived(front: number, connection: number, now: Instant): void {
    const attempt: Attempt = {
      state: 'arrived',
      front,
      connection,
      cutOffs: this.#cutOffs.serial,
      deadline: later(now, this.#limits.admissionMs),
    }
    this.#entries(front).set(connection, attempt)
    this.#attempts.add(attempt)
  }

  /** True while the connection waits for a verdict: authenticating it is still of use. */
  isAwaited(front: number, connection: number): boolean {
    return this.#fronts.get(front)?.get(connection)?.state === 'arrived'
  }

  /** The authenticator refused. Ignored when the connection has gone meanwhile. */
  refuse(front: number, connection: number, refusal: { readonly code: RefusalCode; readonly reason: string }): void {
    if (this.#takeAttempt(front, connection) === undefined) return
    this.#effects.toFront(front, { kind: 'refuse', connection, ...refusal })
  }

  /** The authenticator admits a device or module. Ignored when the connection has gone meanwhile. */
  admit(front: number, connection: number, credentials: Credentials, now: Instant): void {
    const attempt = this.#takeAttempt(front, connection)
    if (attempt === undefined) return
    const seat = this.#seat(keyOf(credentials.standing))
    const seated: Seated = {
      front,
      connection,
      subject: {
        kind: 'identity',
        standing: credentials.standing,
        ...(credentials.modelId === undefined ? {} : { modelId: credentials.modelId }),
      },
      seat,
      credentials,
      state: 'waiting',
      deadline: later(now, this.#limits.takeoverMs),
      since: now,
      active: now,
      subscriptions: [],
      isResumed: false,
      unkept: [],
    }
    if (this.#cutOffs.touched(attempt.cutOffs, seated)) {
      this.#refuseLate(seated)
      this.#vacate(seat)
      return
    }
    this.#entries(front).set(connection, seated)
    if (seat.waiting !== undefined) this.#turnAway(seat.waiting, 'a newer connection of the same identity came')
    seat.waiting = seated
    this.#waiting.add(seated)
    const { holder } = seat
    if (holder?.state === 'live') {
      holder.state = 'closing'
      this.#effects.toFront(holder.front, { kind: 'close', connection: holder.connection, reason: 'taken-over' })
    } else if (holder?.state === 'opening') {
      // Not admitted yet, so it has sent nothing: it goes at once.
      this.#turnAway(holder, 'a newer connection of the same identity came')
    }
    this.#promote(seat, now)
  }

  /** The authenticator admits a connection to provisioning. Registrations have no seat: two may ask at once. */
  admitProvisioning(
    front: number,
    connection: number,
    registration: { readonly registrationId: string; readonly expires?: Timestamp },
    now: Instant,
  ): void {
    const attempt = this.#takeAttempt(front, connection)
    if (attempt === undefined) return
    const { registrationId, expires } = registration
    const seated: Seated = {
      front,
      connection,
      subject: { kind: 'registration', registrationId },
      seat: undefined,
      credentials: undefined,
      state: 'live',
      deadline: now,
      since: now,
      active: now,
      subscriptions: [],
      isResumed: false,
      unkept: [],
    }
    if (this.#cutOffs.touched(attempt.cutOffs, seated)) {
      this.#refuseLate(seated)
      return
    }
    this.#entries(front).set(connection, seated)
    this.#connected += 1
    this.#effects.toFront(front, {
      kind: 'admit-provisioning',
      connection,
      registrationId,
      ...(expires === undefined ? {} : { expires }),
    })
    this.#effects.opened(seated)
  }

  /** A front says `closed`: nothing of the connection is on its way any more. */
  closed(front: number, connection: number, end: Ending, now: Instant): void {
    const entry = this.#fronts.get(front)?.get(connection)
    if (entry === undefined) return // Refused before; the front closes what it was told to refuse.
    if (entry.state === 'arrived') this.#takeAttempt(front, connection)
    else this.#remove(entry, end, now)
  }

  /** A front thread has ended. Its connections are gone. */
  frontLost(front: number, now: Instant): void {
    const entries = this.#fronts.get(front)
    if (entries === undefined) return
    for (const connection of entries.keys()) {
      this.closed(front, connection, { reason: 'unavailable', detail: 'the front has ended' }, now)
    }
    this.#fronts.delete(front)
  }

  /** A front says `subscriptions`; answered by `subscriptions-kept` once they are kept as the session asks. */
  subscriptions(
    front: number,
    connection: number,
    change: { readonly ticket: number; readonly subscriptions: readonly Subscription[] },
    now: Instant,
  ): void {
    const seated = this.#live(front, connection)
    if (seated === undefined) return
    seated.active = now
    seated.subscriptions = change.subscriptions
    if (seated.seat === undefined || seated.credentials?.cleanSession !== false) {
      this.#effects.toFront(front, { kind: 'subscriptions-kept', connection, ticket: change.ticket })
      this.#effects.subscribed(seated)
      return
    }
    seated.unkept.push(change.ticket)
    this.#write(seated.seat)
  }

  /** A front says that these connections have sent something lately. */
  activity(front: number, connections: readonly number[], now: Instant): void {
    for (const connection of connections) {
      const seated = this.#live(front, connection)
      if (seated !== undefined) seated.active = now
    }
  }

  /** The store's answer to a request. */
  stored(answer: SessionAnswer, now: Instant): void {
    const seat = this.#requests.get(answer.ticket)
    const request = seat?.request
    if (seat === undefined || request === undefined) throw new TypeError('an answer to a request that was not made')
    this.#requests.delete(answer.ticket)
    seat.request = undefined
    const seated = request.for
    if (seated.state === 'opening' && seat.holder === seated) {
      if (answer.kind === 'done') this.#enter(seated, answer.stored, now)
      else this.#turnAway(seated, 'the stored session could not be read')
    } else if (seated.state === 'live' && seat.holder === seated) {
      if (answer.kind === 'done') {
        for (const ticket of request.tickets) {
          this.#effects.toFront(seated.front, { kind: 'subscriptions-kept', connection: seated.connection, ticket })
        }
        this.#effects.subscribed(seated)
        this.#write(seat)
      } else {
        // Its subscriptions would be lost at the next reconnect; a closed connection makes the device say them again.
        this.#close(seated, 'unavailable')
      }
    }
    this.#promote(seat, now)
  }

  /** Refuses what has waited too long. */
  tick(now: Instant): void {
    for (const attempt of this.#attempts) {
      if (attempt.deadline > now) break
      this.refuse(attempt.front, attempt.connection, { code: 3, reason: 'the verdict took too long' })
    }
    for (const seated of this.#waiting) {
      if (seated.deadline > now) break
      this.#turnAway(seated, 'the older connection is not gone yet')
    }
    for (const seated of this.#opening) {
      if (seated.deadline > now) break
      const { seat } = seated
      this.#turnAway(seated, 'the session store did not answer')
      if (seat !== undefined) this.#promote(seat, now)
    }
    this.#cutOffs.prune(now)
  }

  /**
   * Closes every session that `matches`, on every front, and refuses those under way to be admitted: what is verified
   * before the cut-off and admitted after it is matched as well, and sent away to be verified anew.
   * Call it when what is cut off has been durably written, so that authentications from now on see it.
   *
   * @param done is called once, when the last of them is closed; at once (before the return) when there are none.
   * @returns how many sessions are being closed.
   */
  cutOff(
    cut: { readonly matches: (session: Session) => boolean; readonly reason: CloseReason },
    now: Instant,
    done: (report: CutOffReport) => void,
  ): number {
    const live: Seated[] = []
    const under: Seated[] = []
    for (const entries of this.#fronts.values()) {
      for (const entry of entries.values()) {
        if (entry.state === 'arrived' || !cut.matches(entry)) continue
        if (entry.state === 'live' || entry.state === 'closing') live.push(entry)
        else under.push(entry)
      }
    }
    this.#cutOffs.begin({ ...cut, sessions: live }, now, done)
    for (const seated of live) if (seated.state === 'live') this.#close(seated, cut.reason)
    for (const seated of under) {
      this.#turnAway(seated, 'its credential has changed meanwhile')
      if (seated.seat !== undefined) this.#promote(seated.seat, now)
    }
    return live.length
  }

  /** How an identity is connected now, or undefined. */
  connectionOf(identity: IdentityKey): ConnectionState | undefined {
    const holder = this.#seats.get(seatName(identity))?.holder
    if (holder?.state !== 'live') return undefined
    return { front: holder.front, connection: holder.connection, since: holder.since, lastActivity: holder.active }
  }

  /** Publishes to the identity's live session, which takes it if it is subscribed. False when there is none. */
  publish(identity: IdentityKey, publication: Publication): boolean {
    const holder = this.#seats.get(seatName(identity))?.holder
    if (holder?.state !== 'live') return false
    this.#effects.toFront(holder.front, { kind: 'deliver', connection: holder.connection, ...publication })
    return true
  }

  /** The live session of a connection, e.g. to know which registration a `provision` comes from. */
  sessionOf(front: number, connection: number): Session | undefined {
    return this.#live(front, connection)
  }

  /** All live sessions. */
  *sessions(): Generator<Session> {
    for (const entries of this.#fronts.values()) {
      for (const entry of entries.values()) if (entry.state === 'live') yield entry
    }
  }

  #entries(front: number): Map<number, Attempt | Seated> {
    let entries = this.#fronts.get(front)
    if (entries === undefined) {
      entries = new Map()
      this.#fronts.set(front, entries)
    }
    return entries
  }

  #live(front: number, connection: number): Seated | undefined {
    const entry = this.#fronts.get(front)?.get(connection)
    return entry?.state === 'live' ? entry : undefined
  }

  #takeAttempt(front: number, connection: number): Attempt | undefined {
    const entry = this.#fronts.get(front)?.get(connection)
    if (entry?.state !== 'arrived') return undefined
    this.#entries(front).delete(connection)
    this.#attempts.delete(entry)
    return entry
  }

  #seat(key: IdentityKey): Seat {
    const name = seatName(key)
    let seat = this.#seats.get(name)
    if (seat === undefined) {
      seat = { name, key, holder: undefined, waiting: undefined, request: undefined }
      this.#seats.set(name, seat)
    }
    return seat
  }

  /** Forgets a seat that nobody has, wants or is served on. */
  #vacate(seat: Seat): void {
    if (seat.holder === undefined && seat.waiting === undefined && seat.request === undefined) {
      this.#seats.delete(seat.name)
    }
  }

  /** Moves who waits into a free seat. */
  #promote(seat: Seat, now: Instant): void {
    const next = seat.waiting
    if (seat.holder === undefined && seat.request === undefined && next?.credentials !== undefined) {
      seat.waiting = undefined
      this.#waiting.delete(next)
      seat.holder = next
      next.state = 'opening'
      next.deadline = later(now, this.#limits.admissionMs)
      this.#opening.add(next)
      const kind = next.credentials.cleanSession ? 'discard' : 'resume'
      const ticket = this.#request(seat, next, [])
      this.#effects.store({ kind, ticket, key: seat.key })
      return
    }
    this.#vacate(seat)
  }

  #request(seat: Seat, seated: Seated, tickets: readonly number[]): number {
    const ticket = this.#requestCount++
    seat.request = { ticket, for: seated, tickets }
    this.#requests.set(ticket, seat)
    return ticket
  }

  #write(seat: Seat): void {
    const { holder } = seat
    if (seat.request !== undefined || holder?.state !== 'live' || holder.unkept.length === 0) return
    const tickets = holder.unkept
    holder.unkept = []
    const ticket = this.#request(seat, holder, tickets)
    this.#effects.store({ kind: 'write', ticket, key: seat.key, subscriptions: holder.subscriptions })
  }

  #enter(seated: Seated, stored: readonly Subscription[] | undefined, now: Instant): void {
    const { credentials } = seated
    if (credentials === undefined) return
    this.#opening.delete(seated)
    seated.state = 'live'
    seated.since = now
    seated.active = now
    seated.subscriptions = stored ?? []
    seated.isResumed = stored !== undefined
    this.#connected += 1
    const { standing, authMethod, expires } = credentials
    const admission: Admission = {
      ...keyOf(standing),
      generationId: standing.generationId,
      authMethod,
      sessionPresent: stored !== undefined,
      subscriptions: seated.subscriptions,
      ...(expires === undefined ? {} : { expires }),
    }
    this.#effects.toFront(seated.front, { kind: 'admit', connection: seated.connection, admission })
    this.#effects.opened(seated)
    if (seated.subscriptions.length > 0) this.#effects.subscribed(seated)
  }

  #close(seated: Seated, reason: CloseReason): void {
    seated.state = 'closing'
    this.#effects.toFront(seated.front, { kind: 'close', connection: seated.connection, reason })
  }

  #refuseLate(seated: Seated): void {
    const reason = 'its credential has changed meanwhile'
    this.#effects.toFront(seated.front, { kind: 'refuse', connection: seated.connection, code: 3, reason })
  }

  /** Refuses who was never admitted, to come again later. The seat's next is not moved up. */
  #turnAway(seated: Seated, reason: string): void {
    this.#effects.toFront(seated.front, { kind: 'refuse', connection: seated.connection, code: 3, reason })
    this.#forget(seated)
  }

  #remove(seated: Seated, end: Ending, now: Instant): void {
    const wasIn = seated.state === 'live' || seated.state === 'closing'
    this.#forget(seated)
    if (wasIn) {
      this.#connected -= 1
      const connectedMs = now - seated.since
      const { reason, detail = '', unacknowledged = [] } = end
      this.#effects.ended(seated, { reason, detail, connectedMs, unacknowledged })
      this.#cutOffs.closed(seated, now)
    }
    if (seated.seat !== undefined) this.#promote(seated.seat, now)
  }

  #forget(seated: Seated): void {
    this.#fronts.get(seated.front)?.delete(seated.connection)
    this.#waiting.delete(seated)
    this.#opening.delete(seated)
    const { seat } = seated
    if (seat === undefined) return
    if (seat.holder === seated) seat.holder = undefined
    if (seat.waiting === seated) seat.waiting = undefined
  }
}

function seatName(key: IdentityKey): string {
  // A device id holds no slash.
  return key.moduleId === undefined ? key.deviceId : `${key.deviceId}/${key.moduleId}`
}

function keyOf({ deviceId, moduleId }: IdentityKey): IdentityKey {
  return moduleId === undefined ? { deviceId } : { deviceId, moduleId }
}

/**
 * The core's desk: what fronts say of connections comes in, is authenticated, seated and told to the log. Nothing is
 * decided here; `Authenticator`, `Provisioning` and `SessionDirectory` do.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { AdmissionGates } from '@holdfast/admission'
import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { assertNever, type Clock, type Instant } from '@holdfast/base'
import {
  type Authenticator,
  type Cut,
  closeReasonOf,
  cuts,
  type IdentityKey,
  identitySubject,
  type Lane,
} from '@holdfast/identity'
import { parseSubscription } from '@holdfast/iothub'
import {
  type CoreToFront,
  type CutOffReport,
  type FrontToCore,
  type HubClaim,
  type PeerFacts,
  type ProvisioningClaim,
  type Publication,
  runSessionRequest,
  type Session,
  SessionDirectory,
  type SessionStore,
} from '@holdfast/messaging'
import type { Credentials as ProvisioningCredentials, Provisioning } from '@holdfast/provisioning'
import type { MqttProvisioning } from '../http/provisioning/index.ts'
import { actFrom, byItself, sourceOf } from './act-context.ts'
import { attemptOf } from './attempt.ts'
import type { DeviceHandlers } from './device-handlers.ts'
import { HeldAnswers } from './held-answers.ts'
import { type LaneChange, Lanes, type Standing } from './lanes.ts'
import { isHeard, mayReceive } from './lane-rules.ts'

export interface DeskParts {
  readonly authenticator: Authenticator
  readonly provisioning: Provisioning
  readonly answerProvisioning: MqttProvisioning
  /** Asked of every device that has proved itself. */
  readonly gates: AdmissionGates
  readonly sessions: SessionStore
  readonly clock: Clock
  /** Bounds their rate. */
  readonly events: EventSink
  /** Resolves when what was told is on disk: before that nobody is let in or sent away. */
  readonly durable: () => Promise<void> | undefined
  readonly toFront: (front: number, message: CoreToFront) => void
  /** Who is told of devices, in this order. May be filled after the desk is made. */
  readonly handlers: readonly DeviceHandlers[]
  /** A fault of ours or of the disk's, for the log. */
  readonly fault: (error: unknown) => void
}

type Connect = Extract<FrontToCore, { kind: 'connect' }>
type Provision = Extract<FrontToCore, { kind: 'provision' }>

/** How often a decision is made anew because something was taken away meanwhile, before the device is sent away. */
const DECISIONS_MAX = 3
/** CONNACK codes (MQTT 3.1.1 §3.2.2.3): every denial looks alike; what is ours to mend may be tried again. */
const NOT_AUTHORIZED = 5
const UNAVAILABLE = 3
/**
 * How long whoever cuts off waits to be told, in milliseconds. Fronts close sockets at once, but a session is over only
 * when what it sent is on disk or given up: on a full disk that is never.
 */
const CUT_OFF_WAIT_MS = 3_000
/** How often deadlines are looked at, in milliseconds: they are of seconds. */
const TICK_MS = 250

export interface DeskCounters {
  readonly refused: number
  readonly opened: number
  readonly turnedAway: number
}

export class Desk {
  readonly #parts: DeskParts
  readonly #directory: SessionDirectory
  readonly #lanes: Lanes
  /** What a provisioning connection showed for itself, for the requests that follow on it. */
  readonly #registrants = new Map<
    string,
    { readonly claim: ProvisioningClaim; readonly credentials: ProvisioningCredentials }
  >()
  /** How connections came in, from their `connect` to their `closed`. */
  readonly #sources = new Map<string, string>()
  readonly #answers: HeldAnswers
  readonly #timer: NodeJS.Timeout
  #refused = 0
  #opened = 0
  #turnedAway = 0

  constructor(parts: DeskParts) {
    this.#parts = parts
    this.#answers = new HeldAnswers({ send: parts.toFront, durable: () => byItself(parts.durable) })
    this.#directory = new SessionDirectory({
      toFront: (front, message) => this.#answers.send(front, message),
      store: (request) => {
        void runSessionRequest(parts.sessions, request, parts.fault).then((answer) =>
          this.#directory.stored(answer, parts.clock.monotonic()),
        )
      },
      opened: (session) => this.#onOpened(session),
      subscribed: (session) => this.#tellListening(session),
      ended: (session, end) => {
        const { subject } = session
        if (subject.kind === 'identity') {
          for (const handler of parts.handlers) handler.gone?.(keyOf(subject.standing), end.unacknowledged)
        }
        this.#registrants.delete(nameOf(session.front, session.connection))
        this.#emitOf(session, 'session.closed', subjectOf(session), {
          reason: end.reason,
          seconds: Math.round(end.connectedMs / 1000),
          ...(end.detail === '' ? {} : { detail: end.detail }),
        })
      },
    })
    this.#lanes = new Lanes({
      gates: parts.gates,
      changed: (change) => this.#onLane(change),
      refused: (front, connection, { gate, code, detail }) => {
        // Before it is closed: then it is nobody's any more.
        const key = this.#identityOf(front, connection)
        const matches = (session: Session): boolean => session.front === front && session.connection === connection
        this.#directory.cutOff({ matches, reason: 'not-admitted' }, parts.clock.monotonic(), () => undefined)
        if (key !== undefined) {
          this.#emitOf({ front, connection }, 'session.not-admitted', identitySubject(key), { gate, code, detail })
        }
      },
      fault: parts.fault,
    })
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  get connected(): number {
    return this.#directory.connected
  }

  get counters(): DeskCounters {
    return { refused: this.#refused, opened: this.#opened, turnedAway: this.#turnedAway }
  }

  received(front: number, messages: readonly FrontToCore[]): void {
    for (const message of messages) {
      const source = this.#sourceOf(front, message)
      if (source === undefined) this.#receive(front, message)
      else actFrom(source, () => this.#receive(front, message))
    }
  }

  /** Publishes to the identity's live connection, which takes it if it is subscribed. False when there is none. */
  publish(key: IdentityKey, publication: Publication): boolean {
    if (!mayReceive(this.laneOf(key), publication.topic)) return false
    return this.#directory.publish(key, publication)
  }

  /** What the identity's live connection may do; `full` while it has none. */
  laneOf(key: IdentityKey): Lane {
    return this.#lanes.standingOf(key)?.lane ?? 'full'
  }

  /** How the identity is connected; undefined while it is not. */
  standingOf(key: IdentityKey): Standing | undefined {
    return this.#lanes.standingOf(key)
  }

  connectionOf(key: IdentityKey): { readonly since: number; readonly lastActivity: number } | undefined {
    return this.#directory.connectionOf(key)
  }

  /** Closes every session that rests on what was taken away; resolves when the last is over, within seconds. */
  async cutOff(taken: readonly Cut[]): Promise<{ readonly sessions: number; readonly milliseconds: number }> {
    for (const cut of taken) {
      if (cut.kind !== 'identity' || cut.reason !== 'identity-deleted') continue
      for (const handler of this.#parts.handlers) handler.deleted?.(keyOf(cut))
    }
    const reports = await Promise.all(taken.map((cut) => this.#cutOff(cut)))
    return {
      sessions: reports.reduce((sum, report) => sum + report.sessions, 0),
      milliseconds: Math.max(0, ...reports.map((report) => report.durationMs)),
    }
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #cutOff(cut: Cut): Promise<CutOffReport> {
    const matches = ({ subject }: Session): boolean => subject.kind === 'identity' && cuts(cut, subject.standing)
    const { clock } = this.#parts
    const startedAt = clock.monotonic()
    const reason = closeReasonOf(cut)
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => resolve({ reason, sessions, durationMs: clock.monotonic() - startedAt }),
        CUT_OFF_WAIT_MS,
      )
      timer.unref()
      // The last connection to go is not whose act this was.
      const done = AsyncLocalStorage.bind((report: CutOffReport): void => {
        clearTimeout(timer)
        if (report.sessions > 0) {
          this.#emit('session.cut-off', 'hub', {
            reason: report.reason,
            sessions: report.sessions,
            milliseconds: Math.round(report.durationMs),
          })
        }
        resolve(report)
      })
      const sessions = this.#directory.cutOff({ matches, reason }, startedAt, done)
    })
  }

  #receive(front: number, message: FrontToCore): void {
    const now = this.#parts.clock.monotonic()
    switch (message.kind) {
      case 'connect':
        this.#directory.arrived(front, message.connection, now)
        this.#authenticate(front, message).catch((error: unknown) => {
          this.#parts.fault(error)
          this.#refuse(front, message, UNAVAILABLE, 'the credential could not be checked')
        })
        return
      case 'closed':
        this.#lanes.leave(front, message.connection, message.reason)
        this.#registrants.delete(nameOf(front, message.connection))
        this.#directory.closed(front, message.connection, message, now)
        this.#sources.delete(nameOf(front, message.connection))
        return
      case 'subscriptions':
        this.#directory.subscriptions(front, message.connection, message, now)
        return
      case 'request': {
        const key = this.#identityOf(front, message.connection)
        if (key === undefined) return
        this.#active(front, [message.connection], now)
        const lane = this.#lanes.laneOf(front, message.connection)
        for (const handler of this.#parts.handlers) handler.request?.(key, message.request, message.payload, lane)
        return
      }
      case 'delivered': {
        const key = this.#identityOf(front, message.connection)
        if (key === undefined) return
        this.#active(front, [message.connection], now)
        for (const ticket of message.tickets) {
          for (const handler of this.#parts.handlers) handler.delivered?.(key, ticket)
        }
        return
      }
      case 'withheld': {
        const key = this.#identityOf(front, message.connection)
        if (key === undefined) return
        this.#emit('session.telemetry-withheld', identitySubject(key), {
          lane: this.#lanes.laneOf(front, message.connection),
        })
        return
      }
      case 'activity':
        this.#active(front, message.connections, now)
        return
      case 'provision':
        this.#provision(front, message).catch((error: unknown) => this.#parts.fault(error))
        return
      case 'turned-away':
        this.#turnedAway += message.count
        this.#parts.events({
          type: 'connection.turned-away',
          at: this.#parts.clock.wall(),
          subject: 'hub',
          actor: `address/${message.address}`,
          detail: { reason: message.reason, detail: message.detail, count: message.count },
        })
        return
      default:
        assertNever(message)
    }
  }

  #active(front: number, connections: readonly number[], now: Instant): void {
    this.#directory.activity(front, connections, now)
    for (const connection of connections) {
      const key = this.#identityOf(front, connection)
      if (key === undefined) continue
      for (const handler of this.#parts.handlers) handler.active?.(key)
    }
  }

  #authenticate(front: number, message: Connect): Promise<void> {
    return message.claim.service === 'hub'
      ? this.#authenticateDevice(front, message, message.claim)
      : this.#authenticateRegistration(front, message, message.claim)
  }

  async #authenticateDevice(front: number, message: Connect, claim: HubClaim): Promise<void> {
    const { authenticator, clock } = this.#parts
    const key =
      claim.moduleId === undefined
        ? { deviceId: claim.deviceId }
        : { deviceId: claim.deviceId, moduleId: claim.moduleId }
    const attempt = attemptOf(key, message.peer, claim, clock.wall())
    for (let decisions = 0; decisions < DECISIONS_MAX; decisions += 1) {
      const decision = await authenticator.authenticate({
        key,
        hostName: claim.hostName,
        address: message.peer.address,
        ...(message.token === undefined ? {} : { token: message.token }),
        ...(message.peer.certificate === undefined ? {} : { certificate: message.peer.certificate }),
      })
      if (!this.#directory.isAwaited(front, message.connection)) return
      if (decision.kind === 'denied') {
        for (const gate of this.#parts.gates.gates) gate.denied?.(attempt, decision.code)
        this.#emitRefusal(message.peer, identitySubject(key), decision)
        this.#refuse(front, message, NOT_AUTHORIZED, decision.code)
        return
      }
      const { identity, basis, lane, authMethod, expires } = decision
      const { generationId } = identity
      const verdict = await this.#lanes.enter(front, message.connection, { ...attempt, generationId, basis, lane })
      if (!this.#directory.isAwaited(front, message.connection)) {
        this.#lanes.leave(front, message.connection)
        return
      }
      if (verdict.kind === 'refused') {
        const { gate, code, detail, isTemporary } = verdict
        this.#emitRefusal(message.peer, identitySubject(key), { code, detail: `${gate}: ${detail}` })
        this.#refuse(front, message, isTemporary === true ? UNAVAILABLE : NOT_AUTHORIZED, code)
        return
      }
      if (!authenticator.isCurrent(decision)) continue
      this.#directory.admit(
        front,
        message.connection,
        {
          standing: { ...key, generationId, basis },
          authMethod,
          cleanSession: claim.cleanSession,
          ...(claim.modelId === undefined ? {} : { modelId: claim.modelId }),
          ...(expires === undefined ? {} : { expires }),
        },
        clock.monotonic(),
      )
      return
    }
    this.#refuse(front, message, UNAVAILABLE, 'credentials are being changed just now')
  }

  async #authenticateRegistration(front: number, message: Connect, claim: ProvisioningClaim): Promise<void> {
    const credentials = {
      address: message.peer.address,
      ...(message.token === undefined ? {} : { token: message.token }),
      ...(message.peer.certificate === undefined ? {} : { certificate: message.peer.certificate }),
    }
    const verdict = await this.#parts.provisioning.authenticate(claim, credentials)
    if (!this.#directory.isAwaited(front, message.connection)) return
    if (verdict.kind === 'denied') {
      this.#refused += 1
      this.#refuse(front, message, NOT_AUTHORIZED, verdict.code)
      return
    }
    this.#registrants.set(nameOf(front, message.connection), { claim, credentials })
    this.#directory.admitProvisioning(
      front,
      message.connection,
      { registrationId: claim.registrationId, expires: verdict.expires },
      this.#parts.clock.monotonic(),
    )
  }

  async #provision(front: number, message: Provision): Promise<void> {
    const registrant = this.#registrants.get(nameOf(front, message.connection))
    if (registrant === undefined) return
    const { topic, payload } = await this.#parts.answerProvisioning(message, registrant.claim, registrant.credentials)
    this.#parts.toFront(front, { kind: 'deliver', connection: message.connection, topic, payload, qos: 1 })
  }

  #refuse(front: number, message: Connect, code: 3 | 5, reason: string): void {
    this.#lanes.leave(front, message.connection)
    this.#directory.refuse(front, message.connection, { code, reason })
  }

  #emitRefusal(peer: PeerFacts, subject: string, denial: { readonly code: string; readonly detail: string }): void {
    this.#refused += 1
    const { address, transport } = peer
    this.#parts.events({
      type: 'session.refused',
      at: this.#parts.clock.wall(),
      subject,
      actor: `address/${address}`,
      detail: { code: denial.code, detail: denial.detail, transport },
    })
  }

  #identityOf(front: number, connection: number): IdentityKey | undefined {
    const subject = this.#directory.sessionOf(front, connection)?.subject
    return subject?.kind === 'identity' ? keyOf(subject.standing) : undefined
  }

  #onOpened(session: Session): void {
    this.#opened += 1
    this.#lanes.opened(session.front, session.connection)
    const { subject } = session
    if (subject.kind === 'identity') {
      const { modelId, standing } = subject
      const facts = { generationId: standing.generationId, ...(modelId === undefined ? {} : { modelId }) }
      for (const handler of this.#parts.handlers) handler.opened?.(keyOf(subject.standing), facts)
    }
    this.#emitOf(session, 'session.opened', subjectOf(session), {
      credential: subject.kind === 'identity' ? subject.standing.basis.kind : 'enrollment',
    })
  }

  #tellListening({ front, connection, subject, subscriptions, isResumed }: Session): void {
    if (subject.kind !== 'identity') return
    const key = keyOf(subject.standing)
    const lane = this.#lanes.laneOf(front, connection)
    const topics = subscriptions
      .map(({ filter }) => parseSubscription(filter, key))
      .filter((topic) => isHeard(lane, topic))
    for (const handler of this.#parts.handlers) handler.listening?.(key, topics, { isResumed })
  }

  #onLane({ front, connection, facts, verdict }: LaneChange): void {
    this.#parts.toFront(front, { kind: 'lane', connection, lane: verdict.lane })
    this.#emitOf({ front, connection }, 'session.lane-changed', identitySubject(facts.key), {
      lane: verdict.lane,
      reasons: verdict.reasons.map(({ gate, code, detail }) => `${gate}/${code}: ${detail}`).join('; '),
    })
    const session = this.#directory.sessionOf(front, connection)
    if (session !== undefined) this.#tellListening(session)
  }

  /** How what a front says came in; undefined for what is of many connections, or of none. */
  #sourceOf(front: number, message: FrontToCore): string | undefined {
    if (message.kind === 'connect') {
      const source = sourceOf(message.peer)
      this.#sources.set(nameOf(front, message.connection), source)
      return source
    }
    if (message.kind === 'turned-away') return `address/${message.address}`
    return 'connection' in message ? this.#sources.get(nameOf(front, message.connection)) : undefined
  }

  /** Of a connection, whoever's act it is that makes it known: one that leaves its seat lets another in. */
  #emitOf(
    { front, connection }: { readonly front: number; readonly connection: number },
    type: SecurityEvent['type'],
    subject: string,
    detail: SecurityEvent['detail'],
  ): void {
    const source = this.#sources.get(nameOf(front, connection))
    if (source === undefined) this.#emit(type, subject, detail)
    else actFrom(source, () => this.#emit(type, subject, detail))
  }

  #emit(type: SecurityEvent['type'], subject: string, detail: SecurityEvent['detail']): void {
    this.#parts.events({ type, at: this.#parts.clock.wall(), subject, actor: subject, detail })
  }

  #tick(): void {
    this.#directory.tick(this.#parts.clock.monotonic())
  }
}

function keyOf({ deviceId, moduleId }: IdentityKey): IdentityKey {
  return moduleId === undefined ? { deviceId } : { deviceId, moduleId }
}

function nameOf(front: number, connection: number): string {
  return `${front} ${connection}`
}

function subjectOf({ subject }: Session): string {
  return subject.kind === 'identity' ? identitySubject(subject.standing) : `registration/${subject.registrationId}`
}

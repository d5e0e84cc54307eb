/**
 * One connection of a front: the rules of azure-iot.md section 3 between an MQTT machine and the core.
 * There is one such object a connection and no closure; thousands of idle ones must cost little.
 */

import { type Instant, instantOf, later, type Timestamp } from '@holdfast/base'
import type { Lane } from '@holdfast/identity'
import { DEVICE_BODY_BYTES_MAX, parseRequestTopic } from '@holdfast/dps'
import {
  HubFormatError,
  parsePublishTopic,
  parseUserName,
  type PublishTopic,
  SUBSCRIPTIONS_MAX,
  telemetryBag,
  TOPIC_CHARACTERS_MAX,
} from '@holdfast/iothub'
import {
  type Connect,
  isTopicName,
  matches,
  type Publish,
  type ServerCloseReason,
  ServerConnection,
  type ServerEvents,
  type SubackCode,
  type Subscribe,
  type Unsubscribe,
  type Will,
} from '@holdfast/mqtt'
import type { Timed } from './deadline-wheel.ts'
import type { FrontInside, PeerSource } from './front-inside.ts'
import type {
  Admission,
  CloseReason,
  CoreToFront,
  RefusalCode,
  Subscription,
  Unacknowledged,
} from './front-messages.ts'
import { HubRole, ProvisioningRole, type Role } from './front-role.ts'
import {
  areSameSubscriptions,
  bagBytes,
  eventsBag,
  isDocumentedFilter,
  isWillDue,
  isWithinSize,
  tokenOf,
  willBytes,
} from './front-rules.ts'
import { MESSAGE_BYTES_MAX, REQUEST_BYTES_MAX } from './limits.ts'
import { Pace, type Pacing, TOO_MANY } from './pace.ts'
import { FLAG_RETAINED, FLAG_WILL } from './record.ts'
import type { Sender } from './telemetry-outbox.ts'
import { type UnansweredSubscribe, UnansweredSubscribes } from './unanswered-subscribes.ts'

const NEVER = instantOf(Number.POSITIVE_INFINITY)
/** Longest topic that a connection remembers with its bag, in characters. */
const REMEMBERED_TOPIC_CHARACTERS_MAX = 512

export class FrontConnection implements ServerEvents, Sender, Timed {
  readonly id: number
  readonly machine: ServerConnection
  readonly #front: FrontInside
  /** Until the verdict; then nobody needs it, and the driver may forget the certificate. */
  #peer: PeerSource | undefined
  #stage: 'opening' | 'asked' | 'admitted' | 'ended' = 'opening'
  /** From CONNECT, until the role has them. */
  #modelId: string | undefined
  #will: Will | undefined
  #willBytes = 0
  #role: Role | undefined
  #lane: Lane = 'full'
  #hasWithheld = false
  #expiresAt: Instant = NEVER
  #unsettled = 0
  /** Bytes of those in the outbox. */
  #unsettledBytes = 0
  #acks: number[] | undefined
  #subscribes: UnansweredSubscribes | undefined
  #pace: Pace | undefined
  /** Tickets of publications at QoS 1 that are not acknowledged, by packet id. */
  #tickets: Map<number, number> | undefined
  #endReason: CloseReason = 'peer-closed'
  #endDetail = ''
  isPaused = false
  /** Has sent telemetry since activity was last told. */
  isActive = false
  bucket = -1
  /** What the wheel was set for; the true deadline may be later. */
  timedFor: Instant = NEVER

  constructor(id: number, peer: PeerSource, front: FrontInside) {
    this.id = id
    this.#peer = peer
    this.#front = front
    this.machine = new ServerConnection(front.now, front.limits.mqtt, this)
    front.time(this)
  }

  get hasEnded(): boolean {
    return this.#stage === 'ended'
  }

  get isAsked(): boolean {
    return this.#stage === 'asked'
  }

  get isAdmitted(): boolean {
    return this.#stage === 'admitted'
  }

  /** Messages on their way to the log. */
  get unsettled(): number {
    return this.#unsettled
  }

  get deadline(): Instant {
    const { deadline } = this.machine
    return this.#expiresAt < deadline ? this.#expiresAt : deadline
  }

  // From the driver and the clock.

  receive(bytes: Uint8Array): void {
    if (this.#stage === 'admitted' && !this.isPaused && this.#front.outbox.isFull) this.#pause()
    this.machine.receive(bytes, this.#front.now)
    if (this.#stage !== 'ended') this.#front.time(this)
  }

  timeUp(): void {
    const { now } = this.#front
    if (now >= this.#expiresAt) {
      this.#setExpiry(this.#role?.expires)
      // Civil time decides; the wheel only said when to look.
      if (now >= this.#expiresAt) {
        this.end('token-expired', 'the credential has expired')
        return
      }
    }
    this.machine.tick(now)
    if (!this.hasEnded) this.#front.time(this)
  }

  // From the core.

  admit(admission: Admission): void {
    const { partitions, now } = this.#front
    if (this.#refuseExpired(admission.expires)) return
    this.#role = new HubRole(admission, { modelId: this.#modelId, will: this.#will, partitions })
    this.#setExpiry(admission.expires)
    this.#enter()
    this.machine.accept({ sessionPresent: admission.sessionPresent }, now)
    if (!this.hasEnded) this.#front.time(this)
  }

  admitProvisioning(registrationId: string, expires: Timestamp | undefined): void {
    if (this.#refuseExpired(expires)) return
    this.#role = new ProvisioningRole(registrationId, expires)
    this.#setExpiry(expires)
    this.#enter()
    this.machine.accept({ sessionPresent: false }, this.#front.now)
    if (!this.hasEnded) this.#front.time(this)
  }

  /** From now on. What it sent before and what is under way stays. */
  keepTo(lane: Lane): void {
    this.#lane = lane
    this.#hasWithheld = false
  }

  refuse(code: RefusalCode, reason: string): void {
    // Not blamed on the address: others behind it may have good credentials. The core throttles guessing by address
    // and identity together.
    this.machine.refuse(code)
    this.end('refused', reason)
  }

  /** Publishes to the client if it is subscribed; at most at the QoS that was granted. */
  deliver(publication: Omit<Extract<CoreToFront, { kind: 'deliver' }>, 'kind' | 'connection'>): void {
    const { topic, payload, ticket, againAs } = publication
    let granted = -1
    for (const { filter, qos } of this.#role?.subscriptions ?? []) {
      if (qos > granted && matches(filter, topic)) granted = qos
    }
    if (granted < 0) return
    if (!isTopicName(topic) || Buffer.byteLength(topic) > TOPIC_CHARACTERS_MAX) {
      // Whoever made it was wrong. This device pays, and not everybody on this thread.
      this.end('unavailable', 'a publication to it has a topic that MQTT does not carry')
      return
    }
    if (publication.qos === 0 || granted === 0) {
      this.machine.publish({ topic, payload, qos: 0 })
      if (ticket !== undefined && !this.hasEnded) this.#front.delivered(this, ticket)
      return
    }
    if (!this.machine.canPublish) {
      this.end('slow-reader', 'publications to it are not acknowledged')
      return
    }
    const isFree = againAs !== undefined && this.#tickets?.has(againAs) !== true
    const packetId = this.machine.publish({ topic, payload, qos: 1, ...(isFree ? { againAs } : {}) })
    if (ticket === undefined || packetId === 0) return
    this.#tickets ??= new Map()
    this.#tickets.set(packetId, ticket)
  }

  subscriptionsKept(ticket: number): void {
    for (const packet of this.#subscribes?.kept(ticket) ?? []) this.#answerSubscribe(packet)
  }

  /** Stops listening, and ends once nothing of it is on its way to the log. */
  drain(): void {
    if (this.#unsettled === 0) this.end('shutdown', '')
    else this.#pause()
  }

  /** Ends the connection; the core hears of it when nothing of it is on its way to the log. */
  end(reason: CloseReason, detail: string): void {
    const stage = this.#stage
    if (stage === 'ended') return
    this.#stage = 'ended'
    this.#endReason = reason
    this.#endDetail = detail
    this.machine.close()
    this.#front.closing(this)
    if (this.#willBytes > 0) this.#front.releaseWill(this.#willBytes)
    if (stage === 'opening') {
      if (reason !== 'shutdown') this.#blame()
      if (this.#peer !== undefined) this.#front.turnedAway(this.#peer.address, reason, detail)
      this.#front.gone(this, undefined)
      return
    }
    if (this.#role?.kind === 'hub') this.#publishWill(this.#role, reason)
    this.#acks = undefined
    this.#subscribes = undefined
    this.#peer = undefined
    this.#will = undefined
    if (this.#unsettled === 0) this.#sayClosed()
  }

  // From the outbox.

  settle(packetId: number, bytes: number): void {
    this.#unsettled -= 1
    this.#unsettledBytes -= bytes
    if (packetId === 0 || this.#stage === 'ended') return
    if (this.#acks === undefined) this.#acks = [packetId]
    else this.#acks.push(packetId)
  }

  settled(): void {
    if (this.#stage === 'ended') {
      if (this.#unsettled === 0) this.#sayClosed()
      return
    }
    const acks = this.#acks
    if (acks !== undefined) {
      this.#acks = undefined
      this.machine.puback(acks)
    }
    if (this.isPaused) this.tryResume()
  }

  /** Goes on reading if there is room again. */
  tryResume(): void {
    if (!this.isPaused || this.hasEnded) return
    if (this.#front.isDraining) {
      if (this.#unsettled === 0) this.end('shutdown', '')
      return
    }
    if (this.#unsettled > this.#front.limits.unacknowledgedMax / 2) return
    if (this.#front.outbox.isFull) {
      this.#front.stalled.add(this)
      return
    }
    // Something of it is on its way then, and it is tried again when that is settled.
    if (this.#unsettledBytes > this.#front.outbox.share) return
    this.isPaused = false
    this.machine.resume(this.#front.now)
    if (this.isPaused || this.hasEnded) return
    this.#front.resumeReading(this)
    this.#front.time(this)
  }

  // From the MQTT machine.

  send(bytes: Uint8Array): void {
    const backlog = this.#front.write(this, bytes)
    if (backlog > this.#front.limits.backlogBytesMax) this.end('slow-reader', 'what was sent to it is not read')
  }

  onConnect(connect: Connect): void {
    const peer = this.#peer
    if (peer === undefined) return
    let user: ReturnType<typeof parseUserName>
    try {
      user = parseUserName(connect.username ?? '', connect.clientId)
    } catch (error) {
      if (!(error instanceof HubFormatError)) throw error
      const isId = error.code === 'bad-client-id' || error.code === 'client-id-mismatch'
      this.#refuseUnasked(isId ? 2 : 4, error.message)
      return
    }
    const token = tokenOf(connect.password)
    if (token === null) {
      this.#refuseUnasked(4, 'the password is no text')
      return
    }
    const claim = user.service === 'hub' ? { ...user, cleanSession: connect.cleanSession } : user
    const { will } = connect
    if (will !== undefined) {
      if (will.qos === 2) {
        this.end('protocol-violation', 'QoS 2 is not offered')
        return
      }
      if (claim.service !== 'hub' || eventsBag(will.topic, claim) === undefined) {
        this.end('topic-refused', 'the will goes to no topic of the client')
        return
      }
      if (!this.#front.reserveWill(willBytes(will))) {
        this.#refuseUnasked(3, 'too many wills are held')
        return
      }
      this.#willBytes = willBytes(will)
      this.#will = will
    }
    if (claim.service === 'hub') this.#modelId = claim.modelId
    this.#stage = 'asked'
    this.#front.toCore({
      kind: 'connect',
      connection: this.id,
      claim,
      ...(token === undefined ? {} : { token }),
      peer: peer.facts(),
    })
  }

  onPublish(publish: Publish): void {
    const role = this.#role
    if (role === undefined) return
    if (role.kind === 'provisioning') {
      this.#onProvisioningPublish(publish)
      return
    }
    const { topic, payload } = publish
    let bag = topic === role.lastTopic ? role.lastBag : undefined
    if (bag === undefined) {
      const text = telemetryBag(topic, role.eventsPrefix) ?? this.#otherTopic(role, publish)
      if (text === undefined) return
      bag = bagBytes(text)
      if (bag === undefined) {
        this.end('malformed', 'the property bag is malformed')
        return
      }
      if (topic.length <= REMEMBERED_TOPIC_CHARACTERS_MAX) {
        role.lastTopic = topic
        role.lastBag = bag
      }
    }
    if (bag.length + payload.length > MESSAGE_BYTES_MAX && !isWithinSize(bag, payload)) {
      this.end('too-large', 'body and properties exceed 256 KB')
      return
    }
    if (this.#lane !== 'full') {
      this.#withhold()
      return
    }
    this.#append(role, { bag, body: payload, flags: publish.retain ? FLAG_RETAINED : 0, packetId: publish.packetId })
    this.#front.counted(this, payload.length)
    this.#pauseIfFull()
  }

  onSubscribe(subscribe: Subscribe): void {
    const role = this.#role
    if (role === undefined || !this.#may('subscribeRate')) return
    const codes: SubackCode[] = []
    const next = new Map(role.subscriptions.map((subscription) => [subscription.filter, subscription]))
    for (const { filter, qos } of subscribe.requests) {
      if (!isDocumentedFilter(role, filter)) {
        // Not SUBACK 0x80, which Node's client takes for success.
        this.end('topic-refused', 'a subscription to no topic of the client')
        return
      }
      const granted = qos === 0 ? 0 : 1
      next.set(filter, { filter, qos: granted })
      codes.push(granted)
    }
    if (next.size > SUBSCRIPTIONS_MAX) {
      this.end('throttled', 'too many subscriptions')
      return
    }
    this.#keepSubscriptions(role, [...next.values()], { packetId: subscribe.packetId, codes })
  }

  onUnsubscribe(unsubscribe: Unsubscribe): void {
    const role = this.#role
    if (role === undefined || !this.#may('subscribeRate')) return
    const gone = new Set(unsubscribe.filters)
    const next = role.subscriptions.filter(({ filter }) => !gone.has(filter))
    this.#keepSubscriptions(role, next, { packetId: unsubscribe.packetId, codes: undefined })
  }

  onPuback(packetId: number): void {
    const ticket = this.#tickets?.get(packetId)
    if (ticket === undefined) return
    this.#tickets?.delete(packetId)
    this.#front.delivered(this, ticket)
  }

  onClose(reason: ServerCloseReason, detail: string): void {
    this.end(reason, detail)
  }

  #enter(): void {
    this.#stage = 'admitted'
    this.#peer = undefined
    this.#modelId = undefined
    this.#will = undefined
  }

  #blame(): void {
    if (this.#peer !== undefined) this.#front.blame(this.#peer.address)
  }

  #refuseUnasked(code: RefusalCode, detail: string): void {
    this.machine.refuse(code)
    this.end('refused', detail)
  }

  /** The credential may have expired while the connection waited for an older one to go. */
  #refuseExpired(expires: Timestamp | undefined): boolean {
    if (expires === undefined || expires > this.#front.wall()) return false
    this.machine.refuse(5)
    this.end('token-expired', 'the credential has expired')
    return true
  }

  #setExpiry(expires: Timestamp | undefined): void {
    if (expires !== undefined) this.#expiresAt = later(this.#front.now, expires - this.#front.wall())
  }

  #pauseIfFull(): void {
    const { outbox, limits } = this.#front
    // Above the share, and not full only: who sends a lot is held up, whoever sends little is not.
    if (this.#unsettled >= limits.unacknowledgedMax || this.#unsettledBytes > outbox.share) this.#pause()
  }

  #pause(): void {
    if (this.isPaused || this.hasEnded) return
    this.isPaused = true
    this.machine.pause()
    this.#front.pauseReading(this)
    if (this.#front.outbox.isFull) this.#front.stalled.add(this)
  }

  #append(
    role: HubRole,
    message: {
      readonly bag: Uint8Array
      readonly body: Uint8Array
      readonly flags: number
      readonly packetId: number
    },
  ): void {
    const { record } = this.#front
    record.prefix = role.prefix
    record.enqueued = this.#front.wall()
    record.flags = message.flags
    record.bag = message.bag
    record.body = message.body
    this.#unsettled += 1
    const bytes = this.#front.outbox.add(role.partition, record, this, message.packetId)
    this.#unsettledBytes += bytes
  }

  /** Acknowledges what is not telemetry, behind the telemetry that is not acknowledged yet. */
  #acknowledge(packetId: number): void {
    if (packetId === 0) return
    if (this.#unsettled === 0) {
      this.machine.puback([packetId])
      return
    }
    this.#unsettled += 1
    this.#front.outbox.acknowledgeBehind(this, packetId)
    this.#pauseIfFull()
  }

  /** A topic that does not begin as the identity's telemetry does. Gives the bag if it is telemetry all the same. */
  #otherTopic(role: HubRole, publish: Publish): string | undefined {
    try {
      const topic = parsePublishTopic(publish.topic, role.identity)
      if (topic.kind === 'telemetry') return topic.bag
      this.#onRequest(topic, publish)
    } catch (error) {
      if (!(error instanceof HubFormatError)) throw error
      this.end('topic-refused', error.message)
    }
    return undefined
  }

  #onRequest(request: Exclude<PublishTopic, { kind: 'telemetry' }>, publish: Publish): void {
    if (!this.#may(request.kind === 'method-response' ? 'methodAnswerRate' : 'requestRate')) return
    if (publish.payload.length > REQUEST_BYTES_MAX) {
      this.end('too-large', 'the body of a request is too large')
      return
    }
    this.#acknowledge(publish.packetId)
    // A copy: the payload is a view of what was received.
    const payload = Uint8Array.from(publish.payload)
    this.#front.toCore({ kind: 'request', connection: this.id, request, payload })
  }

  #onProvisioningPublish(publish: Publish): void {
    const request = parseRequestTopic(publish.topic)
    if (request === undefined) {
      this.end('topic-refused', 'the topic is no request of provisioning')
      return
    }
    if (publish.payload.length > DEVICE_BODY_BYTES_MAX) {
      this.end('too-large', 'the body of a provisioning request is too large')
      return
    }
    if (!this.#may('requestRate')) return
    this.#front.toCore({
      kind: 'provision',
      connection: this.id,
      requestId: request.requestId,
      operation:
        request.kind === 'register'
          ? // A copy: the payload is a view of what was received.
            { kind: 'register', body: Uint8Array.from(publish.payload), force: request.force }
          : { kind: 'poll', operationId: request.operationId },
    })
    this.#acknowledge(publish.packetId)
  }

  #may(pacing: Pacing): boolean {
    const { now, limits } = this.#front
    this.#pace ??= new Pace()
    const hasRoom = pacing !== 'subscribeRate' || (this.#subscribes?.size ?? 0) < limits.subscribesMax
    if (this.#pace.take(pacing, now, limits) && hasRoom) return true
    this.end('throttled', TOO_MANY[pacing])
    return false
  }

  #keepSubscriptions(role: Role, next: readonly Subscription[], packet: UnansweredSubscribe): void {
    const isKept = (this.#subscribes?.size ?? 0) === 0 && areSameSubscriptions(role.subscriptions, next)
    role.subscriptions = next
    // Clients that subscribe again after every connect cost nothing; registrations have no session to keep.
    if (isKept || role.kind === 'provisioning') {
      this.#answerSubscribe(packet)
      return
    }
    this.#subscribes ??= new UnansweredSubscribes()
    const ticket = this.#subscribes.add(packet)
    this.#front.toCore({ kind: 'subscriptions', connection: this.id, ticket, subscriptions: next })
  }

  #answerSubscribe(packet: UnansweredSubscribe): void {
    if (packet.codes === undefined) this.machine.unsuback(packet.packetId)
    else this.machine.suback(packet.packetId, packet.codes)
  }

  /** Neither taken nor acknowledged, so that the device keeps it; and not disconnected, so that it can be mended. */
  #withhold(): void {
    if (this.#hasWithheld) return
    this.#hasWithheld = true
    this.#front.toCore({ kind: 'withheld', connection: this.id })
  }

  #publishWill(role: HubRole, reason: CloseReason): void {
    const { will } = role
    role.will = undefined
    if (will === undefined || this.#lane !== 'full' || !isWillDue(reason)) return
    const bag = bagBytes(eventsBag(will.topic, role.identity) ?? '')
    if (bag === undefined) return
    const flags = FLAG_WILL | (will.retain ? FLAG_RETAINED : 0)
    this.#append(role, { bag, body: will.payload, flags, packetId: 0 })
  }

  #unacknowledged(): readonly Unacknowledged[] {
    return [...(this.#tickets ?? [])].map(([packetId, ticket]) => ({ ticket, packetId }))
  }

  #sayClosed(): void {
    const detail = this.#endDetail === '' ? {} : { detail: this.#endDetail }
    const unacknowledged = this.#unacknowledged()
    this.#front.gone(this, {
      kind: 'closed',
      connection: this.id,
      reason: this.#endReason,
      ...detail,
      ...(unacknowledged.length === 0 ? {} : { unacknowledged }),
    })
  }
}

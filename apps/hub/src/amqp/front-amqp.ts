/**
 * AMQP in a front thread: the server of links, the connections, and the ports to the core and to the history. Loaded when
 * the first AMQP connection comes.
 */

import {
  type AmqpApplication,
  type AmqpRefusal,
  AmqpServer,
  type OutgoingHandler,
  type OutgoingLink,
} from '@holdfast/amqp'
import type { Clock } from '@holdfast/base'
import type { KeySlot } from '@holdfast/identity'
import type { PartitionState, Position, TelemetryReader } from '@holdfast/messaging'
import type { Remote } from '@holdfast/node/threads'
import type { AmqpAbout, AmqpDesk, AmqpFront, AmqpNote, Judgement, ServiceQueueName } from './contract.ts'
import { EventEncoder, type LastEnqueued } from './event-encoder.ts'
import { EventReader } from './event-reader.ts'
import { Followers } from './followers.ts'
import { HubConnection } from './hub-connection.ts'
import { notFound } from './not-found.ts'
import { QueueLink } from './queue-link.ts'
import { startPositionOf } from './start-position.ts'

export interface FrontAmqpParts {
  readonly desk: Remote<AmqpDesk>
  readonly history: Remote<TelemetryReader>
  readonly clock: Clock
  /** A fault of ours or of the disk's. */
  readonly failed: (error: unknown) => void
}

const EXPIRY_LOOK_MS = 1_000
/** How old what is known of the ends of partitions may be, in milliseconds. */
const ENDS_AGE_MS = 1_000
/** How often a judgement is asked for anew because a key was taken away meanwhile. */
const JUDGEMENTS_MAX = 3
const EPOCH = 'com.microsoft:epoch'
const RECEIVER_NAME = 'com.microsoft:receiver-name'
const RUNTIME_METRIC = 'com.microsoft:enable-receiver-runtime-metric'
const NAME_CHARACTERS_MAX = 64
const FORCED: AmqpRefusal = { condition: 'amqp:connection:forced', description: 'the hub stops' }

export class FrontAmqp implements AmqpFront {
  readonly desk: Remote<AmqpDesk>
  readonly failed: (error: unknown) => void
  readonly server: AmqpServer
  readonly #parts: FrontAmqpParts
  readonly #connections = new Set<HubConnection>()
  readonly #readers = new Map<number, { readonly link: OutgoingLink; readonly reader: EventReader }>()
  readonly #queues = new Map<number, QueueLink>()
  readonly #encoder = new EventEncoder()
  readonly #followers: Followers
  readonly #timer: NodeJS.Timeout
  #about: AmqpAbout
  #ends: readonly PartitionState[] = []
  #endsAt = 0
  #isAskingEnds = false
  #nextNumber = 0
  #cutSerial = 0

  private constructor(parts: FrontAmqpParts, about: AmqpAbout) {
    this.#parts = parts
    this.#about = about
    this.desk = parts.desk
    this.failed = parts.failed
    const application: AmqpApplication = {
      connected: (connection, peer) => {
        const own = new HubConnection(connection, peer, this)
        this.#connections.add(own)
        return own
      },
    }
    this.server = new AmqpServer({
      containerId: about.hostName,
      application,
      clock: parts.clock,
      fault: parts.failed,
    })
    this.#followers = new Followers((isWanted) => {
      const told = isWanted ? parts.desk.follow() : parts.desk.unfollow()
      told.catch(parts.failed)
    })
    this.#timer = setInterval(() => this.#expire(), EXPIRY_LOOK_MS)
    this.#timer.unref()
  }

  static async open(parts: FrontAmqpParts): Promise<FrontAmqp> {
    return new FrontAmqp(parts, await parts.desk.about())
  }

  get about(): AmqpAbout {
    return this.#about
  }

  // What the core calls.

  cut(policy: string, slot: KeySlot, serial: number): number {
    this.#cutSerial = Math.max(this.#cutSerial, serial)
    let closed = 0
    for (const connection of this.#connections) {
      if (!connection.restsOn(policy, slot)) continue
      closed += 1
      connection.close({ condition: 'amqp:unauthorized-access', description: 'the key of the policy was taken away' })
    }
    return closed
  }

  changed(about: AmqpAbout): void {
    this.#about = about
  }

  stolen(reader: number, detail: string): void {
    const open = this.#readers.get(reader)
    if (open === undefined) return
    open.link.close({ condition: 'amqp:link:stolen', description: detail })
    // The connection must not rest on it any more: its token is not renewed.
    open.reader.closed()
  }

  committed(): void {
    this.#followers.committed()
  }

  queueReady(receiver: number): void {
    this.#queues.get(receiver)?.woken()
  }

  shutdown(): void {
    this.server.closeAll(FORCED)
  }

  // What connections call.

  gone(connection: HubConnection): void {
    this.#connections.delete(connection)
  }

  note(note: AmqpNote): void {
    this.desk.note(note).catch(this.failed)
  }

  /** As `note`, for what must be on disk before it is answered. */
  noted(note: AmqpNote): Promise<void> {
    return this.desk.note(note)
  }

  partitions(): Promise<readonly PartitionState[]> {
    return this.#parts.history.partitions()
  }

  /** What a token is worth, as of a moment after the last key that was taken away. */
  async judge(token: string, address: string): Promise<Judgement> {
    for (let attempt = 0; attempt < JUDGEMENTS_MAX; attempt += 1) {
      const judgement = await this.desk.judge(token, address)
      if (judgement.kind === 'denied' || judgement.asOf >= this.#cutSerial) return judgement
    }
    return { kind: 'denied', code: 'keys-changing', detail: 'keys are being changed just now' }
  }

  openQueue(queue: ServiceQueueName, link: OutgoingLink, closed: () => void): OutgoingHandler {
    const receiver = this.#nextNumber++
    const handler = new QueueLink({
      link,
      receiver,
      desk: this.desk,
      failed: this.failed,
      closed: () => {
        this.#queues.delete(receiver)
        closed()
      },
    })
    this.#queues.set(receiver, handler)
    this.desk.openQueue(queue, receiver).catch((error: unknown) => {
      this.failed(error)
      link.close({ condition: 'amqp:internal-error', description: 'the queue cannot be read just now' })
      handler.closed()
    })
    return handler
  }

  openReader(
    link: OutgoingLink,
    { group, partition }: { readonly group: string; readonly partition: number | undefined },
    closed: () => void,
  ): OutgoingHandler | AmqpRefusal {
    const { groups } = this.#about
    const known = groups.find((one) => one.toLowerCase() === group.toLowerCase())
    if (known === undefined) {
      return {
        condition: 'amqp:not-found',
        description: notFound('of this consumer group', 'holdfast consumer-group list'),
      }
    }
    if (partition === undefined)
      return {
        condition: 'amqp:not-found',
        description: notFound('of this partition', `there are ${this.#about.partitions}`),
      }
    const start = startPositionOf(link.filter)
    if (start === undefined) {
      return { condition: 'com.microsoft:argument-error', description: 'the filter of the source is not known' }
    }
    const epoch = link.properties.get(EPOCH)
    if (epoch !== undefined && epoch !== null && !(typeof epoch === 'number' && Number.isSafeInteger(epoch))) {
      return { condition: 'com.microsoft:argument-error', description: 'the epoch is a whole number' }
    }
    const number = this.#nextNumber++
    const reader = new EventReader({
      link,
      partition,
      reader: this.#parts.history,
      encoder: this.#encoder,
      followers: this.#followers,
      lastEnqueued: link.desiredCapabilities.includes(RUNTIME_METRIC) ? () => this.#lastOf(partition) : undefined,
      failed: this.failed,
      closed: () => {
        closed()
        this.#readers.delete(number)
        this.desk.closeReader(number).catch(this.failed)
      },
    })
    this.#readers.set(number, { link, reader })
    const name = link.properties.get(RECEIVER_NAME)
    const request = {
      reader: number,
      group: known,
      partition,
      name: typeof name === 'string' ? name.slice(0, NAME_CHARACTERS_MAX) : 'nil',
      ...(typeof epoch === 'number' ? { epoch } : {}),
    }
    this.#admit(number, request, start).catch((error: unknown) => {
      this.failed(error)
      this.#end(number, { condition: 'amqp:internal-error', description: 'the partition cannot be read just now' })
    })
    return reader
  }

  async #admit(
    number: number,
    request: Parameters<AmqpDesk['openReader']>[0],
    start: Position | { readonly kind: 'latest' },
  ): Promise<void> {
    const verdict = await this.desk.openReader(request)
    if (verdict.kind === 'refused') {
      this.#end(number, { condition: verdict.condition, description: verdict.detail })
      return
    }
    const states = await this.partitions()
    this.#learn(states)
    const state = states.find(({ partition }) => partition === request.partition)
    if (state === undefined) throw new TypeError('the partition is there')
    if (isBehind(start, state)) {
      this.#end(number, {
        condition: 'com.microsoft:argument-error',
        description: `the partition ends at sequence number ${state.nextSequence - 1}, offset ${state.lastOffset}`,
      })
      return
    }
    const position: Position = start.kind === 'latest' ? { kind: 'sequence', from: state.nextSequence } : start
    this.#readers.get(number)?.reader.start(position)
  }

  #end(number: number, error: AmqpRefusal): void {
    const open = this.#readers.get(number)
    if (open === undefined) return
    open.link.close(error)
    open.reader.closed()
  }

  /** What is known of a partition's end; asks for more when that is old. */
  #lastOf(partition: number): LastEnqueued | undefined {
    const now = this.#parts.clock.monotonic()
    if (now - this.#endsAt > ENDS_AGE_MS && !this.#isAskingEnds) {
      this.#isAskingEnds = true
      this.partitions().then(
        (states) => {
          this.#isAskingEnds = false
          this.#learn(states)
        },
        (error: unknown) => {
          this.#isAskingEnds = false
          this.failed(error)
        },
      )
    }
    const state = this.#ends.find((one) => one.partition === partition)
    if (state === undefined) return undefined
    return {
      sequenceNumber: state.nextSequence - 1,
      offset: state.lastOffset,
      enqueuedTime: state.lastEnqueued ?? 0,
      retrievedAt: Math.round(this.#parts.clock.wall() - (now - this.#endsAt)),
    }
  }

  #learn(states: readonly PartitionState[]): void {
    this.#ends = states
    this.#endsAt = this.#parts.clock.monotonic()
  }

  #expire(): void {
    const now = this.#parts.clock.wall()
    for (const connection of this.#connections) connection.tick(now)
  }
}

/** Whether a reader asks for what lies behind the end: its memory is of another hub, or of what a restored one lost. */
function isBehind(start: Position | { readonly kind: 'latest' }, state: PartitionState): boolean {
  if (start.kind === 'sequence') return start.from > state.nextSequence
  return start.kind === 'offset' && start.after > Math.max(0, state.lastOffset)
}

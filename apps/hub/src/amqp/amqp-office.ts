/** The core's side of AMQP: a desk for each front, over what the whole hub has in common. */

import type { MessagePort } from 'node:worker_threads'
import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, timestampOf } from '@holdfast/base'
import { type CommandDraft, CommandError, type Outcome, type ServiceDelivery } from '@holdfast/commands'
import type { Cut, Policies } from '@holdfast/identity'
import { connect, type Remote, serve } from '@holdfast/node/threads'
import { EXPIRY_SKEW_MS } from '@holdfast/tokens'
import { actFrom } from '../core/act-context.ts'
import type { Throttling } from '../core/throttling.ts'
import type { ConsumerGroups } from './consumer-groups.ts'
import type {
  AmqpAbout,
  AmqpDesk,
  AmqpFront,
  AmqpNote,
  CommandOutcome,
  Judgement,
  QueueMessage,
  ReaderRequest,
  ReaderVerdict,
  ServiceQueueName,
} from './contract.ts'
import { ReaderRegistry } from './reader-registry.ts'

/** A hub-wide queue as back ends take part in it; `ServiceQueue.listen` gives it. */
export interface OfficeReceiver {
  receive(): Promise<ServiceDelivery<Uint8Array> | undefined>
  settle(lockToken: string, outcome: Outcome): Promise<unknown>
  release(lockToken: string): void
  close(): void
}

export interface OfficeQueue {
  readonly contentType: string
  listen(ready: () => void): OfficeReceiver
}

export interface AmqpOfficeParts {
  readonly about: Omit<AmqpAbout, 'groups'>
  readonly groups: ConsumerGroups
  readonly policies: Policies
  readonly clock: Clock
  /** Bounds their rate. */
  readonly events: EventSink
  /** Resolves when what was told is on disk; a claim is answered then. */
  readonly durable?: () => Promise<void> | undefined
  readonly commands: { send(draft: CommandDraft, actor: string): Promise<unknown> } | undefined
  readonly throttling: Pick<Throttling, 'take'>
  readonly queues: Partial<Readonly<Record<ServiceQueueName, OfficeQueue>>>
  /** Calls `listener` after each commit of telemetry; returns what ends it. */
  readonly follow: (listener: () => void) => () => void
  readonly nextSequences: () => readonly number[]
  readonly fronts: readonly { readonly amqpDesk: MessagePort; readonly amqpFront: MessagePort }[]
  readonly failed: (error: unknown) => void
}

/** Receivers of queues in one front. */
const RECEIVERS_MAX = 1_000
const PORT_ENDED = /the other thread has ended/

export class AmqpOffice {
  readonly #parts: AmqpOfficeParts
  readonly #readers = new ReaderRegistry()
  readonly #fronts: readonly Remote<AmqpFront>[]

  constructor(parts: AmqpOfficeParts) {
    this.#parts = parts
    this.#fronts = parts.fronts.map(({ amqpFront }) => connect<AmqpFront>(amqpFront))
    for (const [index, { amqpDesk }] of parts.fronts.entries()) serve(amqpDesk, this.#deskOf(index))
    parts.groups.subscribe(() => {
      for (const front of this.#fronts) this.#tell(front.changed(this.#about()))
    })
  }

  /** Closes every connection that rests on what was taken away; how many those were. */
  async cutOff(cuts: readonly Cut[]): Promise<number> {
    const serial = this.#parts.policies.cutsMade
    const closed = cuts.flatMap((cut) =>
      cut.kind === 'policy' ? this.#fronts.map((front) => front.cut(cut.name, cut.slot, serial)) : [],
    )
    const counts = await Promise.all(closed)
    const connections = counts.reduce((sum, count) => sum + count, 0)
    if (connections > 0) {
      this.#emit('session.cut-off', 'hub', 'hub', {
        reason: 'credential-revoked',
        sessions: connections,
        transport: 'amqp',
      })
    }
    return connections
  }

  shutdown(): void {
    for (const front of this.#fronts) this.#tell(front.shutdown())
  }

  #about(): AmqpAbout {
    return { ...this.#parts.about, groups: this.#parts.groups.list() }
  }

  #deskOf(front: number): AmqpDesk {
    const { commands, throttling, nextSequences, failed } = this.#parts
    const receivers = new Map<number, OfficeReceiver & { readonly contentType: string }>()
    let unfollow: (() => void) | undefined
    return {
      about: () => this.#about(),
      judge: (token, address) => this.#judge(token, address),
      note: (note) =>
        actFrom(`amqp/${note.address}`, async () => {
          this.#note(note)
          await this.#parts.durable?.()
        }),
      fault: ({ name, message, stack }) => failed(Object.assign(new Error(message), { name, stack })),
      sendCommand: async (draft, policy): Promise<CommandOutcome> => {
        if (commands === undefined) return { kind: 'refused', code: 'unavailable', detail: 'not served here' }
        const verdict = throttling.take('command.send', `policy/${policy}`)
        if (verdict.kind === 'refused') {
          return {
            kind: 'refused',
            code: 'throttled',
            detail: `try again in ${verdict.retryAfterSeconds} s, and slower`,
          }
        }
        try {
          await actFrom('amqp', () => commands.send(draft, `policy/${policy}`))
          return { kind: 'sent' }
        } catch (error) {
          if (error instanceof CommandError) return { kind: 'refused', code: error.code, detail: error.message }
          failed(error)
          return { kind: 'refused', code: 'unavailable', detail: 'the message could not be stored' }
        }
      },
      openReader: (request) => this.#openReader({ ...request, front }),
      closeReader: (reader) => this.#readers.close(front, reader),
      follow: () => {
        unfollow ??= this.#parts.follow(this.#committed(front))
        return nextSequences()
      },
      unfollow: () => {
        unfollow?.()
        unfollow = undefined
      },
      openQueue: (name, receiver) => {
        const queue = this.#parts.queues[name]
        if (queue === undefined || receivers.size >= RECEIVERS_MAX) throw new TypeError(`no room at the queue ${name}`)
        const ready = (): void => this.#tell(this.#fronts[front]?.queueReady(receiver))
        receivers.set(receiver, { ...queue.listen(ready), contentType: queue.contentType })
        ready()
      },
      receiveFromQueue: async (receiver): Promise<QueueMessage | undefined> => {
        const own = receivers.get(receiver)
        const delivery = await own?.receive()
        if (own === undefined || delivery === undefined) return undefined
        const { value, ...rest } = delivery
        return { body: value, contentType: own.contentType, ...rest }
      },
      settleInQueue: async (receiver, lockToken, outcome) => {
        await receivers.get(receiver)?.settle(lockToken, outcome)
      },
      releaseInQueue: (receiver, lockToken) => receivers.get(receiver)?.release(lockToken),
      closeQueue: (receiver) => {
        receivers.get(receiver)?.close()
        receivers.delete(receiver)
      },
    }
  }

  #judge(token: string, address: string): Judgement {
    const { policies, clock } = this.#parts
    const verdict = policies.verifyScoped(token, address)
    if (verdict.kind === 'denied') return verdict
    const { name, slot, rights, expires } = verdict.principal
    const now = clock.wall()
    return {
      kind: 'allowed',
      policy: name,
      slot,
      hasServiceConnect: rights.includes('ServiceConnect'),
      path: verdict.path,
      // As of a device's session: the skew is granted to a token that is shown, not to what runs on it.
      expires: expires > now ? expires : timestampOf(expires + EXPIRY_SKEW_MS),
      asOf: policies.cutsMade,
    }
  }

  #openReader(request: ReaderRequest): ReaderVerdict {
    const { verdict, displaced } = this.#readers.open(request)
    for (const { front, reader, detail } of displaced) this.#tell(this.#fronts[front]?.stolen(reader, detail))
    return verdict
  }

  /** Tells a front of commits, one at a time: what comes while it is told is told once. */
  #committed(front: number): () => void {
    let isTelling = false
    let isDue = false
    const tell = (): void => {
      isTelling = true
      isDue = false
      const told = this.#fronts[front]?.committed(this.#parts.nextSequences()) ?? Promise.resolve()
      told.then(
        () => {
          isTelling = false
          if (isDue) tell()
        },
        (error: unknown) => this.#failed(error),
      )
    }
    return () => {
      if (isTelling) isDue = true
      else tell()
    }
  }

  #note(note: AmqpNote): void {
    const actor = `address/${note.address}`
    switch (note.kind) {
      case 'opened':
        this.#emit('amqp.opened', `policy/${note.policy}`, actor, { transport: note.transport })
        return
      case 'closed':
        this.#emit('amqp.closed', `policy/${note.policy}`, actor, { reason: note.reason })
        return
      case 'refused':
        this.#emit('amqp.refused', 'hub', actor, { code: note.code, detail: note.detail })
        return
      case 'link-refused': {
        const subject = note.policy === undefined ? 'hub' : `policy/${note.policy}`
        this.#emit('amqp.link-refused', subject, actor, { link: note.link, condition: note.condition })
      }
    }
  }

  #emit(type: SecurityEvent['type'], subject: string, actor: string, detail: SecurityEvent['detail']): void {
    this.#parts.events({ type, at: this.#parts.clock.wall(), subject, actor, detail })
  }

  #tell(told: Promise<unknown> | undefined): void {
    told?.catch((error: unknown) => this.#failed(error))
  }

  /** A front that has ended is the stop's, or the process ends by it. */
  #failed(error: unknown): void {
    if (!(error instanceof Error && PORT_ENDED.test(error.message))) this.#parts.failed(error)
  }
}

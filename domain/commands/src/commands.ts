/**
 * Messages to devices: a durable queue for each device and module (azure-iot.md §3.3, §10).
 *
 * What is on disk is the truth: a message is there before its sender hears of it, and is changed there before whoever
 * settled it does. Memory holds what no restart needs: locks, and the order of queues that somebody works on. A hub that
 * starts again has all messages and no locks, so that what was not settled is delivered again, never lost.
 */

import type { SecurityEvent } from '@holdfast/audit'
import { assertNever, type Clock, type Instant, instantOf, later } from '@holdfast/base'
import { checkIdentityKey, identitySubject, identityText, type IdentityKey } from '@holdfast/identity'
import { COMMAND_LOCK_MS, COMMAND_QUEUE_MAX, DELIVERY_COUNT_MAX } from '@holdfast/iothub'
import {
  type Command,
  type CommandDraft,
  type Delivery,
  deviceboundAddress,
  type Outcome,
  type Sent,
  type SettleResult,
} from './command.ts'
import { decodeCommandContent, encodeCommandContent } from './command-content.ts'
import { type CommandReceiver, type CommandsInside, QueueReceiver } from './command-receiver.ts'
import { DeviceQueue } from './device-queue.ts'
import { checkDraft } from './draft.ts'
import { CommandError } from './errors.ts'
import {
  FAULT_RETRY_MS,
  RECENT_BYTES_MAX,
  RETRY_MS,
  SENDING_BYTES_MAX,
  SWEEP_COMMANDS_MAX,
  SWEEP_MS,
} from './limits.ts'
import { randomUuid } from './lock-token.ts'
import { RecentCommands } from './recent-commands.ts'
import type {
  ChangeOutcome,
  CommandChange,
  CommandStore,
  EnqueueOutcome,
  ExpiryMark,
  NewCommand,
  QueueEntry,
  StoredCommand,
} from './store.ts'

export interface CommandsParts {
  readonly store: CommandStore
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  /** A record of feedback was written, and waits to be batched. */
  readonly feedbackWritten: () => void
  /** Told of faults that no caller hears of: of sweeps, and of readings that are tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

/** Pages of one sweep: a bound, so that a heap of expired messages does not keep everything else waiting. */
const SWEEP_PAGES_MAX = 16

export class Commands {
  readonly #parts: CommandsParts
  readonly #queues = new Map<string, DeviceQueue>()
  readonly #recent = new RecentCommands(RECENT_BYTES_MAX)
  readonly #inside: CommandsInside = {
    next: (queue, lockMs) => this.#next(queue, lockMs),
    settle: (queue, lockToken, outcome) => this.#settle(queue, lockToken, outcome),
    release: (queue, lockToken) => this.#release(queue, lockToken),
    limit: (queue, lockToken) => this.#limit(queue, lockToken),
    letGo: (queue) => this.#letGo(queue),
  }
  /** Those with a lock that ends by the clock, and those that the disk did not give: what `tick` looks at. */
  readonly #timed = new Set<DeviceQueue>()
  readonly #unread = new Set<DeviceQueue>()
  #sendingBytes = 0
  #isSweeping = false
  #sweepAt: Instant = instantOf(0)
  #retryAt: Instant = instantOf(0)

  constructor(parts: CommandsParts) {
    this.#parts = parts
  }

  /** Queues in memory. */
  get loaded(): number {
    return this.#queues.size
  }

  /**
   * Resolves when the message is durable. `draft.body` may be used again then.
   * @param actor as events name it.
   * @throws CommandError; or what the store throws: then it is not known whether the message was taken.
   */
  async send(draft: CommandDraft, actor: string): Promise<Sent> {
    const { clock, random } = this.#parts
    const checked = checkDraft(draft, clock.wall(), () => randomUuid(random))
    const key = checkIdentityKey(draft.key)
    const { ack, enqueued, expires, body, ...fields } = checked
    const content = encodeCommandContent(checked)
    const outcome = await this.#enqueue(
      { key, ack, enqueued, expires, content },
      {
        type: 'command.sent',
        at: enqueued,
        subject: identitySubject(key),
        actor,
        detail: { bytes: body.length, ack },
      },
    )
    if (outcome.kind === 'full') {
      throw new CommandError('queue-full', `${COMMAND_QUEUE_MAX} messages wait for it already`)
    }
    if (outcome.kind === 'missing') throw missing(key)
    this.#arrived({
      ...fields,
      key,
      generationId: outcome.generationId,
      to: deviceboundAddress(key),
      ack,
      enqueued,
      expires,
      deliveryCount: 0,
      sequenceNumber: outcome.sequence,
      body: content.subarray(content.length - body.length),
    })
    const { messageId } = checked
    return {
      sequenceNumber: outcome.sequence,
      ...(messageId === undefined ? {} : { messageId }),
      enqueued,
      expires,
    }
  }

  async #enqueue(command: NewCommand, sent: SecurityEvent): Promise<EnqueueOutcome> {
    const bytes = command.content.length
    if (this.#sendingBytes + bytes > SENDING_BYTES_MAX) {
      throw new CommandError('busy', 'more messages are being written than the disk takes just now')
    }
    this.#sendingBytes += bytes
    try {
      return await this.#parts.store.enqueueCommand(command, { depthMax: COMMAND_QUEUE_MAX }, sent)
    } finally {
      this.#sendingBytes -= bytes
    }
  }

  /** The next message, locked for a minute; undefined when there is none. */
  async receive(key: IdentityKey): Promise<Delivery | undefined> {
    return this.#next(this.#queueOf(key), COMMAND_LOCK_MS)
  }

  /** Settles what `receive` gave. */
  async settle(key: IdentityKey, lockToken: string, outcome: Outcome): Promise<SettleResult> {
    const queue = this.#queues.get(identityText(key))
    return queue === undefined ? 'lock-lost' : this.#settle(queue, lockToken, outcome)
  }

  /** The lock of `receive` lasts a minute from now; false when it is lost. */
  renew(key: IdentityKey, lockToken: string): boolean {
    const now = this.#parts.clock.monotonic()
    return this.#queues.get(identityText(key))?.machine.renew(lockToken, now, later(now, COMMAND_LOCK_MS)) ?? false
  }

  /**
   * A receiver that is there until it is closed. Call `receive` once at the start, and whenever `ready` says that there
   * may be more. Locks end with the receiver, and earlier where `lockMs` says so.
   */
  listen(key: IdentityKey, ready: () => void, lockMs: number = Number.POSITIVE_INFINITY): CommandReceiver {
    return new QueueReceiver(this.#inside, this.#queueOf(key), { ready, lockMs })
  }

  /**
   * Ends all that waits, what is locked included; how many messages it were.
   * @param actor as events name it.
   */
  async purge(key: IdentityKey, actor: string): Promise<number> {
    const { store, clock, feedbackWritten } = this.#parts
    const checked = checkIdentityKey(key)
    const at = clock.wall()
    const subject = identitySubject(checked)
    const { sequences, hasFeedback } = await store.purgeCommands(checked, at, {
      type: 'command.purged',
      at,
      subject,
      actor,
      detail: {},
    })
    const queue = this.#queues.get(identityText(checked))
    for (const sequence of sequences) {
      this.#recent.take(sequence)
      queue?.machine.remove(sequence)
    }
    if (queue !== undefined) this.#letGo(queue)
    if (hasFeedback) feedbackWritten()
    return sequences.length
  }

  /** Messages that wait for each now; at most 1,000 keys at once. */
  async count(keys: readonly IdentityKey[]): Promise<readonly number[]> {
    return this.#parts.store.countCommands(keys.map(checkIdentityKey), this.#parts.clock.wall())
  }

  /** The identity is gone, of a device its modules too: its messages went with it, and nothing of them is given out. */
  forget(key: IdentityKey): void {
    const text = identityText(key)
    for (const [name, queue] of this.#queues) {
      if (name !== text && (key.moduleId !== undefined || !name.startsWith(`${text}/`))) continue
      queue.end()
      this.#queues.delete(name)
    }
  }

  /** To be called some times a second: ends locks, and sweeps out what has expired. */
  tick(): void {
    const now = this.#parts.clock.monotonic()
    for (const queue of this.#timed) {
      if (queue.machine.deadline === Number.POSITIVE_INFINITY) this.#timed.delete(queue)
      else if (queue.machine.unlockDue(now)) {
        queue.notify()
        this.#letGo(queue)
      }
    }
    if (now >= this.#retryAt) {
      this.#retryAt = later(now, RETRY_MS)
      const unread = [...this.#unread]
      this.#unread.clear()
      for (const queue of unread) if (queue.listeners.length > 0 && queue.state === 'unread') this.#retry(queue)
    }
    if (now < this.#sweepAt || this.#isSweeping) return
    this.#sweepAt = later(now, SWEEP_MS)
    void this.sweep()
  }

  /** One sweep, as `tick` begins them; resolves when it is done, and never rejects. */
  async sweep(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    try {
      let after: ExpiryMark | undefined
      for (let pages = 0; pages < SWEEP_PAGES_MAX; pages += 1) {
        const page = await this.#parts.store.listExpiredCommands({
          at: this.#parts.clock.wall(),
          limit: SWEEP_COMMANDS_MAX,
          ...(after === undefined ? {} : { after }),
        })
        await this.#expire(page)
        after = page.at(-1)
        if (page.length < SWEEP_COMMANDS_MAX) break
      }
    } catch (error) {
      this.#sweepAt = later(this.#parts.clock.monotonic(), FAULT_RETRY_MS)
      this.#parts.fault(error)
    } finally {
      this.#isSweeping = false
    }
  }

  /** Ends what nobody holds: a message under a lock is its holder's until that ends. */
  async #expire(page: readonly (ExpiryMark & { readonly key: IdentityKey })[]): Promise<void> {
    const free = page.filter(
      ({ key, sequence }) => this.#queues.get(identityText(key))?.machine.claim(sequence) ?? true,
    )
    if (free.length === 0) return
    const changes = free.map(
      ({ key, sequence }): CommandChange => ({ key, sequence, change: { kind: 'end', end: 'expired' } }),
    )
    let outcomes: readonly ChangeOutcome[] = []
    try {
      outcomes = await this.#parts.store.changeCommands(changes, this.#parts.clock.wall())
    } finally {
      for (const [at, { key, sequence }] of free.entries()) {
        const outcome = outcomes[at]
        const queue = this.#queues.get(identityText(key))
        if (outcome === undefined) queue?.machine.restore(sequence)
        else {
          this.#recent.take(sequence)
          queue?.machine.remove(sequence)
        }
        if (queue !== undefined) this.#letGo(queue)
      }
    }
    if (outcomes.some((outcome) => outcome.kind === 'ended' && outcome.hasFeedback)) this.#parts.feedbackWritten()
  }

  #arrived(command: Command): void {
    const queue = this.#queues.get(identityText(command.key))
    if (queue === undefined) return
    queue.generationId ??= command.generationId
    if (queue.generationId !== command.generationId) {
      // The id was given anew meanwhile; which of the two is the older one, the disk knows.
      queue.reset()
      queue.notify()
      return
    }
    const { sequenceNumber: sequence, expires, deliveryCount } = command
    if (!queue.machine.add({ sequence, expires, deliveryCount })) return
    if (queue.listeners.length > 0) this.#recent.put(command)
    queue.notify()
  }

  #queueOf(key: IdentityKey): DeviceQueue {
    const text = identityText(key)
    let queue = this.#queues.get(text)
    if (queue === undefined) {
      queue = new DeviceQueue(checkIdentityKey(key))
      this.#queues.set(text, queue)
    }
    return queue
  }

  #letGo(queue: DeviceQueue): void {
    const text = identityText(queue.key)
    if (queue.isIdle && this.#queues.get(text) === queue) this.#queues.delete(text)
  }

  async #next(queue: DeviceQueue, lockMs: number): Promise<Delivery | undefined> {
    const { clock, random } = this.#parts
    queue.pins += 1
    try {
      while (queue.state === 'unread' || queue.state === 'reading') await this.#read(queue)
      // Each round that does not end here takes an entry out of the queue.
      for (;;) {
        const { machine } = queue
        // Most often there is nothing: then no token is made.
        if (!machine.isReady(clock.wall())) return undefined
        const lockToken = randomUuid(random)
        const until = later(clock.monotonic(), lockMs)
        const entry = machine.take(lockToken, { wall: clock.wall(), until })
        if (entry === undefined) return undefined
        if (Number.isFinite(lockMs)) this.#timed.add(queue)
        const command = this.#recent.take(entry.sequence) ?? (await this.#fetch(queue, entry, lockToken))
        // It may have been purged while it was fetched, and the identity deleted.
        if (command === undefined || !machine.holds(lockToken) || queue.machine !== machine) continue
        return { command: { ...command, deliveryCount: entry.deliveryCount }, lockToken }
      }
    } finally {
      queue.pins -= 1
      this.#letGo(queue)
    }
  }

  async #fetch(queue: DeviceQueue, entry: QueueEntry, lockToken: string): Promise<Command | undefined> {
    const { machine } = queue
    try {
      const stored = await this.#parts.store.readCommand(queue.key, entry.sequence)
      if (stored !== undefined) return commandOf(stored)
      machine.remove(entry.sequence)
      return undefined
    } catch (error) {
      if (isDamage(error)) {
        // It stays until it expires or is purged, out of the way of those behind it.
        this.#limit(queue, lockToken)
        this.#parts.fault(error)
        return undefined
      }
      machine.release(lockToken)
      throw error
    }
  }

  #read(queue: DeviceQueue): Promise<void> {
    queue.reading ??= this.#readNow(queue).finally(() => {
      queue.reading = undefined
    })
    return queue.reading
  }

  async #readNow(queue: DeviceQueue): Promise<void> {
    queue.state = 'reading'
    try {
      const found = await this.#parts.store.readCommandQueue(queue.key)
      // Its identity was deleted meanwhile, or made anew: what was read may be of the old one.
      if (stateOf(queue) !== 'reading') return
      if (found !== undefined && queue.generationId !== undefined && queue.generationId !== found.generationId) {
        queue.reset()
      }
      queue.generationId = found?.generationId
      for (const entry of found?.entries ?? []) queue.machine.add(entry)
      queue.state = 'read'
    } catch (error) {
      if (stateOf(queue) === 'reading') {
        queue.state = 'unread'
        this.#unread.add(queue)
      }
      throw error
    }
  }

  #retry(queue: DeviceQueue): void {
    queue.pins += 1
    this.#read(queue)
      .then(() => queue.notify(), this.#parts.fault)
      .finally(() => {
        queue.pins -= 1
        this.#letGo(queue)
      })
  }

  async #settle(queue: DeviceQueue, lockToken: string, outcome: Outcome): Promise<SettleResult> {
    const { store, clock, feedbackWritten } = this.#parts
    const { machine } = queue
    const entry = machine.begin(lockToken, clock.monotonic())
    if (entry === undefined) return 'lock-lost'
    const { sequence } = entry
    queue.pins += 1
    try {
      const change = { key: queue.key, sequence, change: changeOf(outcome) }
      const [result = { kind: 'missing' }] = await store.changeCommands([change], clock.wall())
      switch (result.kind) {
        case 'ended':
          machine.remove(sequence)
          if (result.hasFeedback) feedbackWritten()
          return 'settled'
        case 'kept':
          machine.free(sequence, result.deliveryCount)
          queue.notify()
          return 'settled'
        case 'missing':
          machine.remove(sequence)
          return 'lock-lost'
        default:
          return assertNever(result)
      }
    } catch (error) {
      machine.restore(sequence)
      // Nobody looked at the end of its lock while it was being settled.
      this.#timed.add(queue)
      throw error
    } finally {
      queue.pins -= 1
      this.#letGo(queue)
    }
  }

  #limit(queue: DeviceQueue, lockToken: string): void {
    const now = this.#parts.clock.monotonic()
    if (queue.machine.renew(lockToken, now, later(now, COMMAND_LOCK_MS))) this.#timed.add(queue)
  }

  #release(queue: DeviceQueue, lockToken: string): void {
    if (queue.machine.release(lockToken)) queue.notify()
    this.#letGo(queue)
  }
}

/** Asked anew: the compiler takes a field for what it was before a wait. */
function stateOf(queue: DeviceQueue): DeviceQueue['state'] {
  return queue.state
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'STORE_DAMAGED'
}

function changeOf(outcome: Outcome): CommandChange['change'] {
  switch (outcome) {
    case 'complete':
      return { kind: 'end', end: 'completed' }
    case 'reject':
      return { kind: 'end', end: 'rejected' }
    case 'abandon':
      return { kind: 'abandon', deliveriesMax: DELIVERY_COUNT_MAX }
  }
}

function commandOf({
  key,
  generationId,
  ack,
  enqueued,
  expires,
  deliveryCount,
  sequence,
  content,
}: StoredCommand): Command {
  return {
    ...decodeCommandContent(content),
    key,
    generationId,
    to: deviceboundAddress(key),
    ack,
    enqueued,
    expires,
    deliveryCount,
    sequenceNumber: sequence,
  }
}

function missing(key: IdentityKey): CommandError {
  return key.moduleId === undefined
    ? new CommandError('device-missing', 'there is no such device')
    : new CommandError('module-missing', 'there is no such module')
}

/** A store in memory that keeps the promises of `store.ts`, for tests of this and other packages. */

import { type Because, completed, type EventSink } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import { type IdentityKey, identityText } from '@holdfast/identity'
import {
  asksFor,
  type ChangeOutcome,
  type CommandChange,
  type CommandEnd,
  type CommandStore,
  decodeCommandContent,
  type EnqueueOutcome,
  type ExpiryMark,
  type FeedbackBatch,
  type FeedbackBatched,
  feedbackRecord,
  type FeedbackRecord,
  type NewCommand,
  type QueueEntry,
  type ServiceEnqueued,
  type ServiceQueueName,
  type ServiceQueueStore,
  type StoredCommand,
  type StoredServiceMessage,
} from '../index.ts'

/** Works at once, and answers some turns later, as the disk does. */
export class MemoryCommandStore implements CommandStore, ServiceQueueStore {
  /** Generations of the identities there are, by their text. */
  readonly identities = new Map<string, string>()
  /** Set to make calls reject with it, and do nothing. */
  failure: Error | undefined
  /** How an answer is held back; some turns unless told. */
  delay: () => Promise<void> = async () => Promise.resolve()
  /** Of everything that ended with feedback, in order. */
  readonly feedback: FeedbackRecord[] = []
  readonly #commands = new Map<number, StoredCommand>()
  readonly #services = new Map<number, StoredServiceMessage & { readonly queue: ServiceQueueName }>()
  #records: { readonly record: FeedbackRecord; readonly at: Timestamp }[] = []
  #sequence = 0
  /** Told what writes bring, where they did what was asked. */
  sink: EventSink = () => {}

  addIdentity(key: IdentityKey, generationId: string): void {
    this.identities.set(identityText(key), generationId)
  }

  deleteIdentity(key: IdentityKey): void {
    const text = identityText(key)
    for (const name of this.identities.keys()) {
      if (name === text || name.startsWith(`${text}/`)) this.identities.delete(name)
    }
    for (const { key: of, sequence } of this.#commands.values()) {
      if (!this.identities.has(identityText(of))) this.#commands.delete(sequence)
    }
  }

  /** Messages that are kept of all devices. */
  get commands(): readonly StoredCommand[] {
    return [...this.#commands.values()]
  }

  enqueueCommand(
    command: NewCommand,
    { depthMax }: { readonly depthMax: number },
    because?: Because,
  ): Promise<EnqueueOutcome> {
    return this.#answer((): EnqueueOutcome => {
      const generationId = this.identities.get(identityText(command.key))
      if (generationId === undefined) return { kind: 'missing' }
      const waiting = this.#of(command.key).filter(({ expires }) => expires > command.enqueued)
      if (waiting.length >= depthMax) return { kind: 'full' }
      const sequence = ++this.#sequence
      this.#commands.set(sequence, { ...structuredClone(command), sequence, generationId, deliveryCount: 0 })
      for (const event of completed(because, { sequenceNumber: sequence })) this.sink(event)
      return { kind: 'enqueued', sequence, generationId }
    })
  }

  readCommandQueue(
    key: IdentityKey,
  ): Promise<{ readonly generationId: string; readonly entries: readonly QueueEntry[] } | undefined> {
    return this.#answer(() => {
      const generationId = this.identities.get(identityText(key))
      return generationId === undefined ? undefined : { generationId, entries: this.#of(key).map(entryOf) }
    })
  }

  readCommand(key: IdentityKey, sequence: number): Promise<StoredCommand | undefined> {
    return this.#answer(() => this.#find(key, sequence))
  }

  changeCommands(changes: readonly CommandChange[], at: Timestamp): Promise<readonly ChangeOutcome[]> {
    return this.#answer(() =>
      changes.map(({ key, sequence, change }): ChangeOutcome => {
        const command = this.#find(key, sequence)
        if (command === undefined) return { kind: 'missing' }
        if (change.kind === 'end') return this.#end(command, change.end, at)
        const deliveryCount = command.deliveryCount + 1
        if (deliveryCount >= change.deliveriesMax) return this.#end(command, 'delivery-count-exceeded', at)
        this.#commands.set(sequence, { ...command, deliveryCount })
        return { kind: 'kept', deliveryCount }
      }),
    )
  }

  purgeCommands(
    key: IdentityKey,
    at: Timestamp,
    because?: Because,
  ): Promise<{ readonly sequences: readonly number[]; readonly hasFeedback: boolean }> {
    return this.#answer(() => {
      const all = this.#of(key)
      const before = this.feedback.length
      for (const command of all) this.#end(command, 'purged', at)
      for (const event of completed(because, { messages: all.length })) this.sink(event)
      return { sequences: all.map(({ sequence }) => sequence), hasFeedback: this.feedback.length > before }
    })
  }

  listExpiredCommands(page: {
    readonly at: Timestamp
    readonly after?: ExpiryMark
    readonly limit: number
  }): Promise<readonly (ExpiryMark & { readonly key: IdentityKey })[]> {
    return this.#answer(() => {
      const { at, after, limit } = page
      return [...this.#commands.values()]
        .filter((command) => command.expires <= at && (after === undefined || byExpiry(command, after) > 0))
        .toSorted(byExpiry)
        .slice(0, limit)
        .map(({ key, expires, sequence }) => ({ key, expires, sequence }))
    })
  }

  countCommands(keys: readonly IdentityKey[], at: Timestamp): Promise<readonly number[]> {
    return this.#answer(() => keys.map((key) => this.#of(key).filter(({ expires }) => expires > at).length))
  }

  batchFeedback(batch: FeedbackBatch): Promise<FeedbackBatched> {
    return this.#answer((): FeedbackBatched => {
      const { recordsMax, olderThan, enqueued, expires, messagesMax } = batch
      const oldest = this.#records[0]
      const isDue = this.#records.length >= recordsMax || (oldest !== undefined && oldest.at <= olderThan)
      if (!isDue) return { waiting: this.#records.length }
      const records = this.#records.slice(0, recordsMax)
      this.#records = this.#records.slice(recordsMax)
      const content = Buffer.from(JSON.stringify(records.map(({ record }) => record)))
      const made = this.#enqueue('feedback', { enqueued, expires, content }, messagesMax)
      return { made, waiting: this.#records.length }
    })
  }

  enqueueServiceMessage(
    queue: ServiceQueueName,
    message: { readonly enqueued: Timestamp; readonly expires: Timestamp; readonly content: Uint8Array },
    { messagesMax }: { readonly messagesMax: number },
  ): Promise<ServiceEnqueued> {
    return this.#answer(() => this.#enqueue(queue, message, messagesMax))
  }

  readServiceQueue(
    queue: ServiceQueueName,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly QueueEntry[]> {
    return this.#answer(() =>
      this.#messagesOf(queue)
        .filter(({ sequence }) => sequence > after)
        .slice(0, limit)
        .map(entryOf),
    )
  }

  readServiceMessage(queue: ServiceQueueName, sequence: number): Promise<StoredServiceMessage | undefined> {
    return this.#answer(() => this.#messagesOf(queue).find((message) => message.sequence === sequence))
  }

  removeServiceMessage(queue: ServiceQueueName, sequence: number): Promise<boolean> {
    return this.#answer(() => this.#services.get(sequence)?.queue === queue && this.#services.delete(sequence))
  }

  abandonServiceMessage(queue: ServiceQueueName, sequence: number, deliveriesMax: number): Promise<ChangeOutcome> {
    return this.#answer((): ChangeOutcome => {
      const message = this.#services.get(sequence)
      if (message?.queue !== queue) return { kind: 'missing' }
      const deliveryCount = message.deliveryCount + 1
      if (deliveryCount >= deliveriesMax) {
        this.#services.delete(sequence)
        return { kind: 'ended', hasFeedback: false }
      }
      this.#services.set(sequence, { ...message, deliveryCount })
      return { kind: 'kept', deliveryCount }
    })
  }

  expireServiceMessages(at: Timestamp, limit: number): Promise<number> {
    return this.#answer(() => {
      const gone = [...this.#services.values()].filter(({ expires }) => expires <= at).slice(0, limit)
      for (const { sequence } of gone) this.#services.delete(sequence)
      return gone.length
    })
  }

  #of(key: IdentityKey): readonly StoredCommand[] {
    const text = identityText(key)
    return [...this.#commands.values()].filter((command) => identityText(command.key) === text)
  }

  #find(key: IdentityKey, sequence: number): StoredCommand | undefined {
    const command = this.#commands.get(sequence)
    return command !== undefined && identityText(command.key) === identityText(key) ? command : undefined
  }

  #end(command: StoredCommand, end: CommandEnd, at: Timestamp): ChangeOutcome {
    this.#commands.delete(command.sequence)
    const hasFeedback = asksFor(command.ack, end)
    if (hasFeedback) {
      const { messageId = '' } = decodeCommandContent(command.content)
      const record = feedbackRecord({ ...command.key, messageId, generationId: command.generationId }, end, at)
      this.#records.push({ record, at })
      this.feedback.push(record)
    }
    return { kind: 'ended', hasFeedback }
  }

  #messagesOf(queue: ServiceQueueName): readonly (StoredServiceMessage & { readonly queue: ServiceQueueName })[] {
    return [...this.#services.values()]
      .filter((message) => message.queue === queue)
      .toSorted((a, b) => a.sequence - b.sequence)
  }

  #enqueue(
    queue: ServiceQueueName,
    message: { readonly enqueued: Timestamp; readonly expires: Timestamp; readonly content: Uint8Array },
    messagesMax: number,
  ): ServiceEnqueued {
    const waiting = this.#messagesOf(queue)
    const surplus = waiting.slice(0, Math.max(0, waiting.length - messagesMax + 1))
    for (const { sequence } of surplus) this.#services.delete(sequence)
    const sequence = ++this.#sequence
    const entry = { sequence, expires: message.expires, deliveryCount: 0 }
    this.#services.set(sequence, { ...structuredClone(message), ...entry, queue })
    return { entry, dropped: surplus.length }
  }

  async #answer<T>(work: () => T): Promise<T> {
    const { failure } = this
    if (failure !== undefined) {
      await this.delay()
      throw failure
    }
    const value = structuredClone(work())
    await this.delay()
    return value
  }
}

function entryOf({ sequence, expires, deliveryCount }: QueueEntry): QueueEntry {
  return { sequence, expires, deliveryCount }
}

function byExpiry(a: ExpiryMark, b: ExpiryMark): number {
  return a.expires - b.expires || a.sequence - b.sequence
}

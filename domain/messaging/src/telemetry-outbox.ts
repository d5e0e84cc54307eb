/**
 * A front's telemetry on its way to the log: open batches, sealed ones that wait, appends that are out. Who sent a
 * message hears of it when, and only when, the append that held it is committed.
 */

import type { Timestamp } from '@holdfast/base'
import { BatchBuilder } from './batch.ts'
import type { FrontToLog } from './front-messages.ts'
import type { FrontLimits } from './limits.ts'
import { recordBytes } from './record.ts'
import type { SealedBatch } from './sealed-batch.ts'
import type { SealingKey } from './sealing.ts'

/** Whose messages they are. */
export interface Sender {
  /**
   * One of its messages is committed; `packetId` 0: nobody waits for the acknowledgement. `bytes` as `add` gave them; 0
   * for what was only acknowledged behind others.
   */
  settle(packetId: number, bytes: number): void
  /** All of its messages in that append are settled. May be called more than once for one append. */
  settled(): void
}

/** One message to be appended. The outbox copies all of it. */
export interface OutgoingRecord {
  prefix: Uint8Array
  enqueued: Timestamp
  flags: number
  bag: Uint8Array
  body: Uint8Array
}

/** Everything that one append will settle, in the order of sending. */
class Group<S> {
  readonly senders: S[] = []
  readonly packetIds: number[] = []
  readonly sizes: number[] = []
  batches: SealedBatch[] = []
  records = 0
  bytes = 0
}

/** Of the room that is left. */
const SENDER_PART = 1 / 4

type OutboxLimits = Pick<FrontLimits, 'pendingBytesMax' | 'appendsMax' | 'batchMessagesEarly'>

export class TelemetryOutbox<S extends Sender> {
  readonly #builders: readonly BatchBuilder[]
  readonly #limits: OutboxLimits
  readonly #toLog: (append: FrontToLog) => void
  readonly #out = new Map<number, Group<S>>()
  readonly #spare: Group<S>[] = []
  #open = new Group<S>()
  #newest: Group<S> | undefined
  #key: SealingKey | undefined
  #tickets = 0
  #pendingBytes = 0

  constructor(options: {
    readonly partitions: number
    readonly limits: OutboxLimits
    readonly toLog: (append: FrontToLog) => void
  }) {
    this.#builders = Array.from({ length: options.partitions }, (_, partition) => new BatchBuilder(partition))
    this.#limits = options.limits
    this.#toLog = options.toLog
  }

  /** Plain bytes that are not committed. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Appends not answered. */
  get appends(): number {
    return this.#out.size
  }

  /** True when senders have to wait. One more record is still taken. */
  get isFull(): boolean {
    return this.#pendingBytes >= this.#limits.pendingBytesMax
  }

  /**
   * Bytes that one sender may have on its way: a quarter of the room that is left. So a sender never fills the outbox
   * alone, however large its messages are, and the others find room (dynamic thresholds, as `@holdfast/throttling` says).
   */
  get share(): number {
    return (this.#limits.pendingBytesMax - this.#pendingBytes) * SENDER_PART
  }

  /** True when there is room enough that senders who wait may go on. */
  get isDrained(): boolean {
    return this.#pendingBytes <= this.#limits.pendingBytesMax / 2
  }

  /** True once records can be sealed. */
  get hasKey(): boolean {
    return this.#key !== undefined
  }

  /** Seals with this key from now on; what is open goes with it. */
  useKey(key: SealingKey): void {
    this.#key = key
  }

  /**
   * Copies a record into the open batch of its partition.
   * @returns its bytes there, which `settle` will say again.
   * @throws TypeError without a key.
   */
  add(partition: number, record: OutgoingRecord, sender: S, packetId: number): number {
    const builder = this.#builders[partition]
    if (builder === undefined) throw new TypeError('there is no such partition')
    if (builder.isFullFor(recordBytes(record.prefix, record.bag, record.body))) this.#seal(builder)
    const bytes = builder.append(record)
    const open = this.#open
    open.senders.push(sender)
    open.packetIds.push(packetId)
    open.sizes.push(bytes)
    open.records += 1
    open.bytes += bytes
    this.#pendingBytes += bytes
    if (open.records >= this.#limits.batchMessagesEarly) this.flush()
    return bytes
  }

  /**
   * Has `packetId` acknowledged behind the sender's messages that are not committed yet, for acknowledgements leave in
   * the order of what they acknowledge [MQTT-4.6.0-2]. Only for a sender that has such messages.
   */
  acknowledgeBehind(sender: S, packetId: number): void {
    const group = this.#open.records > 0 ? this.#open : this.#newest
    if (group === undefined) throw new TypeError('nothing is on its way to the log')
    group.senders.push(sender)
    group.packetIds.push(packetId)
    group.sizes.push(0)
  }

  /** Hands over what is open if the log is free for it. @returns whether anything went. */
  flush(): boolean {
    const open = this.#open
    if (open.records === 0 || this.#out.size >= this.#limits.appendsMax) return false
    for (const builder of this.#builders) if (builder.count > 0) this.#seal(builder)
    const ticket = this.#tickets++
    this.#out.set(ticket, open)
    this.#newest = open
    this.#open = this.#spare.pop() ?? new Group()
    const { batches } = open
    open.batches = []
    this.#toLog({ kind: 'append', ticket, batches })
    return true
  }

  /** The log has it on disk: everybody whose it was hears of it, each once. */
  committed(ticket: number): void {
    const group = this.#out.get(ticket)
    if (group === undefined) throw new TypeError('an answer to an append that was not made')
    this.#out.delete(ticket)
    if (this.#newest === group) this.#newest = undefined
    this.#pendingBytes -= group.bytes
    const { senders, packetIds, sizes } = group
    for (let i = 0; i < senders.length; i++) senders[i]?.settle(packetIds[i] ?? 0, sizes[i] ?? 0)
    let last: S | undefined
    for (const sender of senders) {
      if (sender !== last) sender.settled()
      last = sender
    }
    senders.length = 0
    packetIds.length = 0
    sizes.length = 0
    group.records = 0
    group.bytes = 0
    if (this.#spare.length < this.#limits.appendsMax) this.#spare.push(group)
  }

  #seal(builder: BatchBuilder): void {
    if (this.#key === undefined) throw new TypeError('there is no data key yet')
    this.#open.batches.push(builder.seal(this.#key))
  }
}

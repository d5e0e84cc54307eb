/**
 * What was stored, held against what was sent. Reads partitions in order, each from where it stopped, and notes every
 * violation of what the hub promises:
 *
 * - a sequence number follows the one before it, offsets grow;
 * - a message is byte for byte what was sent under its number;
 * - of each device the first occurrences come in the order of their numbers, none left out: a device sends on one
 *   connection at a time, and again in order what was not acknowledged, so the hub never holds a message without those
 *   before it;
 * - nothing is there that was never sent, and everything is there that was acknowledged.
 */

import type { Api } from '@holdfast/api'
import type { HubApi } from './hub-api.ts'
import { type NumberedMessages, numberOf } from './numbered-message.ts'

/** Violations told in full; one fault seldom comes alone. */
const VIOLATIONS_MAX = 20

/** The other side of the story. */
export interface Sender {
  readonly id: string
  /** Highest number sent. */
  readonly sent: number
  readonly acknowledged: ReadonlySet<number>
  readonly messages: NumberedMessages
}

interface Partition {
  next: number
  offset: bigint
}

export class Witness {
  readonly violations: string[] = []
  readonly #senders: ReadonlyMap<string, Sender>
  readonly #partitions = new Map<number, Partition>()
  /** By device: the highest number seen; by the rule above all below it were seen. */
  readonly #highest = new Map<string, number>()
  #stored = 0

  constructor(senders: readonly Sender[]) {
    this.#senders = new Map(senders.map((sender) => [sender.id, sender]))
  }

  get stored(): number {
    return this.#stored
  }

  /** Stored more than once. */
  get repeated(): number {
    return this.#stored - [...this.#highest.values()].reduce((sum, highest) => sum + highest, 0)
  }

  /** Reads what is new. Everything acknowledged when this is called must be there when it returns. */
  async read(api: HubApi): Promise<void> {
    const acknowledged = [...this.#senders.values()].map(({ id, acknowledged: set }) => ({ id, numbers: [...set] }))
    const { partitions } = await api.status()
    for (const { partition, firstSequence } of partitions) {
      if (firstSequence !== 0) this.#note(`partition ${partition} begins at ${firstSequence}`)
      await this.#readPartition(api, partition)
    }
    for (const { id, numbers } of acknowledged) {
      const highest = this.#highest.get(id) ?? 0
      const lost = numbers.filter((number) => number > highest)
      if (lost.length > 0) this.#note(`${id}: acknowledged and not stored: ${lost.slice(0, 20).join(', ')}`)
    }
  }

  /** Reads each device's messages by device: the same as by partition. Nothing may be sent meanwhile. */
  async readByDevice(api: HubApi): Promise<void> {
    for (const { id, messages } of this.#senders.values()) {
      let highest = 0
      let sequence = -1
      for await (const message of api.messages({ device: id })) {
        const fault = messages.faultOf(message)
        if (message.deviceId !== id) this.#note(`${id}: a message of ${message.deviceId} among its own`)
        if (fault !== undefined) this.#note(`${id}, read by device: sequence ${message.sequenceNumber}: ${fault}`)
        if (message.sequenceNumber <= sequence) this.#note(`${id}, read by device: ${message.sequenceNumber} twice`)
        const number = numberOf(message)
        if (number > highest + 1) this.#note(`${id}, read by device: ${number} follows ${highest}`)
        highest = Math.max(highest, number)
        sequence = message.sequenceNumber
      }
      const seen = this.#highest.get(id) ?? 0
      if (highest !== seen) this.#note(`${id}: read by device up to ${highest}, by partition up to ${seen}`)
    }
  }

  async #readPartition(api: HubApi, partition: number): Promise<void> {
    const place = this.#partitions.get(partition) ?? { next: 0, offset: -1n }
    this.#partitions.set(partition, place)
    for await (const message of api.messages({ partition, sequence: place.next })) this.#take(message, partition, place)
  }

  #take(message: Api.Message, partition: number, place: Partition): void {
    const where = `partition ${partition}, sequence ${message.sequenceNumber}`
    if (message.partition !== partition) this.#note(`${where}: it says it is of partition ${message.partition}`)
    if (message.sequenceNumber !== place.next) this.#note(`${where}: ${place.next} was next`)
    const offset = BigInt(message.offset)
    if (offset <= place.offset) this.#note(`${where}: offset ${offset} follows ${place.offset}`)
    place.next = message.sequenceNumber + 1
    place.offset = offset
    this.#stored += 1
    const sender = this.#senders.get(message.deviceId)
    if (sender === undefined) {
      this.#note(`${where}: of ${message.deviceId}, which never sent`)
      return
    }
    const fault = sender.messages.faultOf(message)
    if (fault !== undefined) this.#note(`${where}: of ${message.deviceId}: ${fault}`)
    const number = numberOf(message)
    const highest = this.#highest.get(message.deviceId) ?? 0
    if (number > sender.sent) this.#note(`${where}: ${message.deviceId} never sent number ${number}`)
    if (number > highest + 1) this.#note(`${where}: ${message.deviceId}: number ${number} follows ${highest}`)
    if (number > highest) this.#highest.set(message.deviceId, number)
  }

  #note(violation: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(violation)
  }
}

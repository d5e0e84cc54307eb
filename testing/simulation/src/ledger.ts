/** What must hold, checked as it happens. */

import { type KeyForEpoch, openBatch, type StoredBatch } from '@holdfast/messaging'

export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Who sent a message and which of its messages it is, as it stands in the body. */
export interface MessageName {
  readonly deviceId: string
  /** Which of the device's clients: two may fight for one identity. */
  readonly client: string
  /** Counts the client's messages of this QoS from 0. */
  readonly number: number
  readonly qos: 0 | 1
}

export function nameMessage({ deviceId, client, number, qos }: MessageName): string {
  return `${deviceId} ${client} ${qos} ${number}`
}

/** What the log holds, and what was promised about it. */
export class Ledger {
  readonly #durable = new Set<string>()
  /** Next number of each client and QoS, by first occurrence. */
  readonly #next = new Map<string, number>()
  /** When each connection of an identity was let in, and the latest of them that has something stored. */
  readonly #turns = new Map<string, number>()
  readonly #latest = new Map<string, number>()
  readonly #keyForEpoch: KeyForEpoch
  #read = 0
  #acknowledged = 0
  #duplicates = 0
  #wills = 0

  constructor(keyForEpoch: KeyForEpoch) {
    this.#keyForEpoch = keyForEpoch
  }

  get durable(): number {
    return this.#durable.size
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  get duplicates(): number {
    return this.#duplicates
  }

  get wills(): number {
    return this.#wills
  }

  isDurable(message: string): boolean {
    return this.#durable.has(message)
  }

  /** Reads what the log has got since the last call. */
  read(stored: readonly StoredBatch[]): void {
    for (; this.#read < stored.length; this.#read++) {
      const batch = stored[this.#read]
      if (batch === undefined) break
      for (const { deviceId, body, isWill } of openBatch(batch, this.#keyForEpoch)) {
        const [said = '', client = '', qos = '', number = '', connection] = new TextDecoder().decode(body).split(' ')
        const message = `${said} ${client} ${qos} ${number}`
        if (said !== deviceId) throw new Violation(`a message of ${said} is stored as one of ${deviceId}`)
        if (connection?.includes('#') === true) this.#inTurn(said, connection)
        if (isWill) this.#wills += 1
        else this.#stored(message, `${said} ${client} ${qos}`, Number(number), qos === '1')
      }
    }
  }

  /** A connection of the identity is let in. */
  admitted(identity: string, connection: string): void {
    this.#turns.set(`${identity} ${connection}`, this.#turns.size)
  }

  /** A PUBACK leaves the hub. */
  acknowledge(message: string): void {
    if (!this.#durable.has(message)) throw new Violation(`${message} is acknowledged and not in the log`)
    this.#acknowledged += 1
  }

  /** What was sent once comes from the latest connection that has anything stored: an older one is done with. */
  #inTurn(identity: string, connection: string): void {
    const turn = this.#turns.get(`${identity} ${connection}`) ?? -1
    if (turn < (this.#latest.get(identity) ?? 0)) {
      throw new Violation(`${identity} ${connection} has a message stored behind those of a newer connection`)
    }
    this.#latest.set(identity, turn)
  }

  #stored(message: string, sequence: string, number: number, mayNotMiss: boolean): void {
    if (this.#durable.has(message)) {
      if (!mayNotMiss) throw new Violation(`${message} was sent once and is stored twice`)
      this.#duplicates += 1
      return
    }
    this.#durable.add(message)
    const next = this.#next.get(sequence) ?? 0
    // At QoS 1 nothing may be missing before it, at QoS 0 nothing that came after it may be there.
    if (mayNotMiss ? number !== next : number < next) {
      throw new Violation(`${message} is stored out of order: ${next} was to be next`)
    }
    this.#next.set(sequence, number + 1)
  }
}

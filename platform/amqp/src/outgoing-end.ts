/** Our end of a link on which the peer receives. */

import type { Delivery, Sender } from 'rhea'
import type { Flow, GateLink } from './frame-gate.ts'
import type { AmqpOutcome, AmqpRefusal, OutgoingHandler, OutgoingLink } from './node.ts'
import { refuse } from './refuse.ts'
import { SettledTransfers } from './settled-transfer.ts'
import type { Value } from './value-reader.ts'

export interface OutgoingEndParts {
  readonly sender: Sender
  readonly gate: GateLink
  readonly mayWrite: () => boolean
  /** Where the library writes, past it. */
  readonly write: (bytes: Uint8Array) => void
  readonly forget: () => void
}

/** rhea's own numbering of message formats: AMQP's own. */
const FORMAT_AMQP = 0
const TAG_BYTES = 4
const SETTLED = 1

export class OutgoingEnd implements OutgoingLink {
  readonly #parts: OutgoingEndParts
  readonly #tokens = new Map<number, number>()
  #handler: OutgoingHandler | undefined
  #transfers: SettledTransfers | undefined
  #isOver = false
  /** Messages sent, and how many of them the peer asked for so far: its delivery-count and link-credit together. */
  #sent = 0
  #limit = 0
  #isDraining = false
  #isWoken = false

  constructor(parts: OutgoingEndParts) {
    this.#parts = parts
    parts.gate.flow = (flow) => this.#onFlow(flow)
  }

  get name(): string {
    return this.#parts.gate.attach.name
  }

  get address(): string {
    return this.#parts.gate.attach.source?.address ?? ''
  }

  get peerAddress(): string {
    return this.#parts.gate.attach.target?.address ?? ''
  }

  get filter(): ReadonlyMap<Value, Value> {
    return this.#parts.gate.attach.source?.filter ?? new Map()
  }

  get properties(): ReadonlyMap<Value, Value> {
    return this.#parts.gate.attach.properties
  }

  get desiredCapabilities(): readonly string[] {
    return this.#parts.gate.attach.desiredCapabilities
  }

  get capacity(): number {
    if (this.#isOver || !this.#parts.mayWrite() || !this.#parts.sender.sendable()) return 0
    return Math.max(0, this.#limit - this.#sent)
  }

  attach(verdict: OutgoingHandler | AmqpRefusal): void {
    if ('condition' in verdict) {
      this.close(verdict)
      return
    }
    this.#handler = verdict
    const { sender } = this.#parts
    sender.set_source({ address: this.address })
    sender.set_target({ address: this.peerAddress })
  }

  send(message: Uint8Array, token?: number): void {
    if (this.capacity === 0) throw new TypeError('the link has no capacity')
    if (token === undefined) {
      this.#transfers ??= new SettledTransfers(this.#parts.sender, this.#parts.write)
      if (this.#transfers.send(message, this.#sent)) {
        this.#sent += 1
        return
      }
    }
    const tag = Buffer.allocUnsafe(TAG_BYTES)
    tag.writeUInt32BE(this.#sent >>> 0)
    const bytes = Buffer.isBuffer(message) ? message : Buffer.from(message.buffer, message.byteOffset, message.length)
    const delivery = this.#parts.sender.send(bytes, tag, FORMAT_AMQP)
    this.#sent += 1
    if (token === undefined || this.#parts.gate.attach.sendSettleMode === SETTLED) {
      Reflect.set(delivery, 'settled', true)
      if (token !== undefined) this.#handler?.settled(token, 'accepted')
    } else this.#tokens.set(delivery.id, token)
  }

  /** There may be capacity: looked at after rhea's turn, which has seen the flow by then and has nothing left to say. */
  wake(): void {
    if (this.#isWoken) return
    this.#isWoken = true
    // rhea may ask for its turn after this in the same one.
    process.nextTick(() => process.nextTick(this.#awake))
  }

  readonly #awake = (): void => {
    this.#isWoken = false
    this.ready()
  }

  ready(): void {
    if (this.#isOver) return
    this.#handler?.ready()
    // What there was to send now was sent: the rest of the credit is given back when the peer asks for that.
    if (!this.#isDraining || this.#isOver || this.capacity === 0) return
    this.#isDraining = false
    this.#sent = this.#limit
    this.#parts.sender.set_drained(true)
  }

  settled(delivery: Delivery, outcome: AmqpOutcome): void {
    const token = this.#tokens.get(delivery.id)
    if (token === undefined) return
    this.#tokens.delete(delivery.id)
    if (!delivery.remote_settled) {
      delivery.update(true)
      // It need not say anything more, and rhea would keep the delivery until it does.
      Reflect.set(delivery, 'remote_settled', true)
    }
    if (!this.#isOver) this.#handler?.settled(token, outcome)
  }

  close(error: AmqpRefusal): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.forget()
    refuse(this.#parts.sender, error)
  }

  closed(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler?.closed()
  }

  #onFlow({ deliveryCount, credit, drain }: Flow): void {
    this.#limit = (deliveryCount ?? 0) + credit
    this.#isDraining = drain
    this.wake()
  }
}

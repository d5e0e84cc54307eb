/**
 * The gate before the library: it takes a peer's bytes after the protocol header, holds them until a frame is whole, and
 * lets through only frames that keep the rules the library does not keep itself: sizes, counts, ranges, order, types.
 * What a link may still send (credit) is counted here too.
 */

import type { Instant } from '@holdfast/base'
import { AmqpError } from './errors.ts'
import type { AmqpLimits, AttachBucket } from './limits.ts'
import { type AmqpMessage, decodeMessage } from './message.ts'
import { type Performative, readPerformative } from './performative.ts'
import { ValueReader } from './value-reader.ts'

/** A link as the peer attached it. */
export interface GateLink {
  readonly channel: number
  readonly attach: Attach
  /** Messages that the peer may still send. */
  credit: number
  /** The message that has just become whole; read it before the next frame. */
  message: GateMessage | undefined
  /** Told of each flow that names the link. */
  flow: ((flow: Flow) => void) | undefined
}

export type Attach = Extract<Performative, { kind: 'attach' }>
export type Flow = Extract<Performative, { kind: 'flow' }>

export type GateMessage =
  | { readonly kind: 'message'; readonly message: AmqpMessage }
  /** A message format that is not AMQP's own, e.g. a batch. */
  | { readonly kind: 'other'; readonly format: number; readonly bytes: number }

interface Partial {
  readonly format: number
  readonly deliveryId: number
  readonly payloads: Uint8Array[]
  payloadBytes: number
  frameBytes: number
}

interface GateSession {
  readonly links: Map<number, GateLink & { partial: Partial | undefined }>
  readonly names: Set<string>
  /** Delivery ids of a session follow each other (§2.6.12). */
  nextDeliveryId: number | undefined
}

export interface FrameGateOptions {
  readonly limits: AmqpLimits
  readonly attaches: AttachBucket
  /** Takes a whole frame that is in order. */
  readonly frame: (bytes: Buffer, performative: Performative | undefined) => void
}

const HEADER_BYTES = 8
const PARTS_MAX = 64

export class FrameGate {
  readonly #options: FrameGateOptions
  readonly #sessions = new Map<number, GateSession>()
  readonly #held: Uint8Array[] = []
  #heldBytes = 0
  #wantedBytes = HEADER_BYTES
  #isOpen = false
  #isClosed = false
  #links = 0
  #partialBytes = 0
  #openingFrames = 0
  #attached: GateLink | undefined
  /** Set once the peer has proved who it is. */
  isTrusted = false

  constructor(options: FrameGateOptions) {
    this.#options = options
  }

  /** The link of the frame that is being let through, an attach. */
  get attached(): GateLink | undefined {
    return this.#attached
  }

  get links(): number {
    return this.#links
  }

  /**
   * Takes bytes as they come, split or joined as they may be.
   * @throws AmqpError when the connection must end; nothing more may be given then.
   */
  push(bytes: Uint8Array, now: Instant): void {
    let rest = bytes
    while (rest.length > 0) {
      if (this.#heldBytes === 0 && rest.length >= HEADER_BYTES) {
        const size = this.#sizeOf(rest)
        if (rest.length >= size) {
          // In memory of its own: what the library keeps of it must not keep alive what came with it.
          this.#take(Buffer.from(rest.subarray(0, size)), now)
          rest = rest.subarray(size)
          continue
        }
      }
      rest = this.#hold(rest, now)
    }
  }

  #hold(bytes: Uint8Array, now: Instant): Uint8Array {
    const missing = this.#wantedBytes - this.#heldBytes
    const part = bytes.subarray(0, missing)
    this.#held.push(Buffer.from(part))
    this.#heldBytes += part.length
    // Bytes that come one by one would take a hundred times their size.
    if (this.#held.length > PARTS_MAX) this.#held.splice(0, this.#held.length, Buffer.concat(this.#held))
    if (this.#heldBytes === this.#wantedBytes) {
      const whole = Buffer.concat(this.#held)
      if (whole.length === HEADER_BYTES) this.#wantedBytes = this.#sizeOf(whole)
      if (whole.length === this.#wantedBytes) {
        this.#held.length = 0
        this.#heldBytes = 0
        this.#wantedBytes = HEADER_BYTES
        this.#take(whole, now)
      }
    }
    return bytes.subarray(part.length)
  }

  #sizeOf(header: Uint8Array): number {
    const [a = 0, b = 0, c = 0, d = 0, offset = 0, type = 0] = header
    const size = a * 0x100_0000 + (b << 16) + (c << 8) + d
    const { limits } = this.#options
    const bytesMax = this.isTrusted ? limits.frameBytesMax : limits.openingFrameBytesMax
    if (size < HEADER_BYTES || size > bytesMax) throw framing(`a frame has ${HEADER_BYTES} to ${bytesMax} bytes`)
    if (offset < 2 || offset * 4 > size) throw framing('the data offset of a frame is wrong')
    if (type !== 0) throw framing('an AMQP frame was due')
    return size
  }

  #take(frame: Buffer, now: Instant): void {
    if (this.#isClosed) throw new AmqpError('amqp:not-allowed', 'nothing follows close')
    // Anybody can send small frames faster than they can be looked at.
    if (!this.isTrusted && ++this.#openingFrames > this.#options.limits.openingFramesMax) {
      throw new AmqpError('amqp:unauthorized-access', 'too many frames before a credential was shown')
    }
    const channel = frame.readUInt16BE(6)
    const from = (frame[4] ?? 0) * 4
    if (from === frame.length) {
      // A heartbeat.
      this.#options.frame(frame, undefined)
      return
    }
    const reader = new ValueReader(frame, from)
    const performative = readPerformative(reader.read())
    if (performative.kind !== 'transfer' && !reader.isAtEnd) throw framing('bytes follow a performative')
    this.#check(channel, performative, { payload: frame.subarray(reader.at), frameBytes: frame.length }, now)
    this.#options.frame(frame, performative)
    this.#forget(channel, performative)
  }

  #check(
    channel: number,
    performative: Performative,
    transfer: { readonly payload: Uint8Array; readonly frameBytes: number },
    now: Instant,
  ): void {
    const { limits, attaches } = this.#options
    if (performative.kind === 'open') {
      if (this.#isOpen) throw new AmqpError('amqp:not-allowed', 'open came twice')
      const { idleTimeOutMs } = performative
      if (idleTimeOutMs > 0 && idleTimeOutMs < limits.idleTimeOutMsMin) {
        throw new AmqpError('amqp:resource-limit-exceeded', `idle-time-out is ${limits.idleTimeOutMsMin} at least`)
      }
      this.#isOpen = true
      return
    }
    if (!this.#isOpen) throw new AmqpError('amqp:not-allowed', 'open comes first')
    if (performative.kind === 'close') return
    if (performative.kind === 'begin') {
      if (channel >= limits.sessionsMax) {
        throw new AmqpError('amqp:resource-limit-exceeded', `a connection has ${limits.sessionsMax} channels`)
      }
      if (!this.isTrusted && this.#sessions.size >= limits.openingSessionsMax) {
        throw new AmqpError('amqp:unauthorized-access', 'too many sessions before a credential was shown')
      }
      if (this.#sessions.has(channel)) throw new AmqpError('amqp:not-allowed', 'the channel is in use')
      if (!attaches.take(now))
        throw new AmqpError('amqp:resource-limit-exceeded', 'too many sessions one after the other')
      this.#sessions.set(channel, { links: new Map(), names: new Set(), nextDeliveryId: undefined })
      return
    }
    const session = this.#sessions.get(channel)
    if (session === undefined) throw new AmqpError('amqp:not-allowed', 'the channel has no session')
    switch (performative.kind) {
      case 'attach':
        this.#attach(session, channel, performative, attaches.take(now))
        return
      case 'flow': {
        if (performative.handle === undefined) return
        const link = linkOf(session, performative.handle)
        if (!link.attach.isReceiver && performative.drain) throw new AmqpError('amqp:not-allowed', 'we drain nothing')
        link.flow?.(performative)
        return
      }
      case 'transfer':
        this.#transfer(session, performative, transfer)
        return
      case 'disposition':
        // The library walks from first to last.
        if (performative.last < performative.first || performative.last - performative.first >= limits.unsettledMax) {
          throw new AmqpError('amqp:invalid-field', 'a disposition of more deliveries than there are')
        }
        return
      case 'detach':
        linkOf(session, performative.handle)
        return
      case 'end':
        return
      default:
    }
  }

  #attach(session: GateSession, channel: number, attach: Attach, isInRate: boolean): void {
    const { limits } = this.#options
    const { name, handle } = attach
    if (!isInRate) throw new AmqpError('amqp:resource-limit-exceeded', 'too many links one after the other')
    if (handle > limits.handleMax) throw new AmqpError('amqp:resource-limit-exceeded', 'the handle is too high')
    if (session.links.has(handle)) throw new AmqpError('amqp:session:handle-in-use', 'the handle is in use')
    if (session.names.has(name)) throw new AmqpError('amqp:not-allowed', 'a link of this name is attached')
    if (!this.isTrusted && this.#links >= limits.openingLinksMax) {
      throw new AmqpError('amqp:unauthorized-access', 'too many links before a credential was shown')
    }
    if (this.#links >= limits.linksMax) {
      throw new AmqpError('amqp:resource-limit-exceeded', `a connection has ${limits.linksMax} links`)
    }
    this.#links += 1
    const link = { channel, attach, credit: 0, message: undefined, flow: undefined, partial: undefined }
    session.links.set(handle, link)
    session.names.add(name)
    this.#attached = link
  }

  #transfer(
    session: GateSession,
    transfer: Extract<Performative, { kind: 'transfer' }>,
    { payload, frameBytes }: { readonly payload: Uint8Array; readonly frameBytes: number },
  ): void {
    const { limits } = this.#options
    const link = linkOf(session, transfer.handle)
    if (link.attach.isReceiver) throw new AmqpError('amqp:not-allowed', 'a receiver sends nothing')
    if (transfer.aborted) throw new AmqpError('amqp:not-implemented', 'deliveries are not aborted')
    let { partial } = link
    if (partial === undefined) {
      if (link.credit <= 0) throw new AmqpError('amqp:link:transfer-limit-exceeded', 'the link has no credit')
      const { deliveryId } = transfer
      if (deliveryId === undefined || payload.length === 0) {
        throw new AmqpError('amqp:invalid-field', 'a delivery begins with an id and some bytes')
      }
      if (session.nextDeliveryId !== undefined && session.nextDeliveryId !== deliveryId) {
        throw new AmqpError('amqp:session:window-violation', 'delivery ids follow each other')
      }
      session.nextDeliveryId = (deliveryId + 1) >>> 0
      partial = { format: transfer.format, deliveryId, payloads: [], payloadBytes: 0, frameBytes: 0 }
      link.partial = partial
    } else if (transfer.deliveryId !== undefined && transfer.deliveryId !== partial.deliveryId) {
      throw new AmqpError('amqp:not-allowed', 'a delivery begins before the one before it has ended')
    }
    partial.payloads.push(payload)
    partial.payloadBytes += payload.length
    partial.frameBytes += frameBytes
    this.#partialBytes += frameBytes
    const bytesMax = this.isTrusted ? limits.messageBytesMax : limits.openingFrameBytesMax
    if (partial.payloadBytes > bytesMax || partial.payloads.length > limits.messageFramesMax) {
      throw new AmqpError('amqp:link:message-size-exceeded', `a message has ${bytesMax} bytes at most`)
    }
    if (transfer.more) {
      if (this.#partialBytes > limits.partialBytesMax) {
        throw new AmqpError('amqp:resource-limit-exceeded', 'too much of messages that do not end')
      }
      return
    }
    link.partial = undefined
    link.credit -= 1
    this.#partialBytes -= partial.frameBytes
    const [only] = partial.payloads
    const whole = partial.payloads.length === 1 && only !== undefined ? only : Buffer.concat(partial.payloads)
    link.message =
      partial.format === 0
        ? { kind: 'message', message: decodeMessage(whole) }
        : { kind: 'other', format: partial.format, bytes: whole.length }
  }

  #forget(channel: number, performative: Performative): void {
    this.#attached = undefined
    const session = this.#sessions.get(channel)
    switch (performative.kind) {
      case 'close':
        this.#isClosed = true
        return
      case 'end':
        for (const link of session?.links.values() ?? []) this.#drop(link)
        this.#sessions.delete(channel)
        return
      case 'detach': {
        const link = session?.links.get(performative.handle)
        if (link === undefined) return
        this.#drop(link)
        session?.links.delete(link.attach.handle)
        session?.names.delete(link.attach.name)
        return
      }
      case 'transfer': {
        const link = session?.links.get(performative.handle)
        if (link !== undefined) link.message = undefined
        return
      }
      default:
    }
  }

  #drop(link: { partial: Partial | undefined }): void {
    this.#links -= 1
    this.#partialBytes -= link.partial?.frameBytes ?? 0
    link.partial = undefined
  }
}

function linkOf(session: GateSession, handle: number): GateLink & { partial: Partial | undefined } {
  const link = session.links.get(handle)
  if (link === undefined) throw new AmqpError('amqp:session:unattached-handle', 'the handle has no link')
  return link
}

function framing(message: string): AmqpError {
  return new AmqpError('amqp:connection:framing-error', message)
}

/** A stream of bytes to packets, with a bound on what it holds. MQTT 3.1.1 §2. */

import { bufferOver, decodePacket } from './decode.ts'
import { DecodeError } from './errors.ts'
import { bodyStart, byteAt, packetLength } from './fixed-header.ts'
import { type PacketLimits, REMEMBERED_TOPIC_BYTES_MAX } from './limits.ts'
import type { Packet } from './packet.ts'

/** Shared by all readers that hold nothing. */
const NOTHING = Buffer.alloc(0)

/** The smallest buffer for a partial packet, in bytes. */
const HELD_BYTES_MIN = 64

/**
 * Call `push` with what arrived, then `next` until it returns `undefined`.
 *
 * - A packet that lies whole in a pushed chunk is decoded in place. One that does not is gathered in a buffer of its own,
 *   which grows with what has arrived, never with what a header promises: at most twice that, and at most the packet.
 * - The pushed chunk is borrowed until `next` returns `undefined` or `keep` is called; afterwards the reader holds a
 *   copy of what is left, and nothing at all between packets.
 * - The payload of a PUBLISH is a view, valid until the next `push` or `keep`.
 * - Successive PUBLISHes to one topic get the same string.
 */
export class PacketReader {
  #packetBytesMax: number
  #chunk: Buffer = NOTHING
  #at = 0
  #held: Buffer = NOTHING
  #heldAt = 0
  #heldEnd = 0
  /** The last ASCII topic; other topics are never remembered, so that bytes and characters count alike. */
  #topic = ''
  #failure: DecodeError | undefined = undefined

  constructor(limits: PacketLimits) {
    this.#packetBytesMax = limits.packetBytesMax
  }

  get packetBytesMax(): number {
    return this.#packetBytesMax
  }

  /** Counts from the next packet whose header is read. */
  set packetBytesMax(bytes: number) {
    this.#packetBytesMax = bytes
  }

  /** How many bytes have been pushed and are not yet part of a packet that `next` gave. */
  get waitingBytes(): number {
    return this.#heldEnd - this.#heldAt + this.#chunk.length - this.#at
  }

  /** Bytes of the buffer a partial packet waits in; 0 between packets. */
  get heldCapacity(): number {
    return this.#held.length
  }

  /** Takes bytes, borrowed as said above. What an earlier chunk left unread is kept, in order. */
  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) this.keep()
    this.#chunk = bufferOver(chunk)
    this.#at = 0
  }

  /** Copies what is left of the pushed chunk, so that its owner may use it again. */
  keep(): void {
    const left = this.#chunk.length - this.#at
    if (left > 0) this.#hold(left, 0)
    this.#chunk = NOTHING
    this.#at = 0
  }

  /**
   * The next packet, or `undefined` until more is pushed.
   * @throws DecodeError when the bytes are not MQTT or exceed `packetBytesMax`; from then on always.
   */
  next(): Packet | undefined {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return this.#heldEnd === 0 ? this.#nextInChunk() : this.#nextHeld()
    } catch (error) {
      if (error instanceof DecodeError) {
        this.clear()
        this.#failure = error
      }
      throw error
    }
  }

  /** Drops what it holds, as after the end of a connection. */
  clear(): void {
    this.#release()
    this.#chunk = NOTHING
    this.#at = 0
    this.#topic = ''
  }

  #nextInChunk(): Packet | undefined {
    const chunk = this.#chunk
    const start = this.#at
    const length = packetLength(chunk, start, chunk.length, this.#packetBytesMax)
    const end = start + length
    if (length === 0 || end > chunk.length) {
      this.keep()
      return undefined
    }
    this.#at = end
    return this.#decode(chunk, start, end)
  }

  /** Completes the packet that was begun, byte for byte as much as it needs, so that the rest of the chunk stays put. */
  #nextHeld(): Packet | undefined {
    for (;;) {
      const start = this.#heldAt
      const have = this.#heldEnd - start
      const length = packetLength(this.#held, start, this.#heldEnd, this.#packetBytesMax)
      if (length !== 0 && length <= have) {
        const held = this.#held
        const end = start + length
        this.#heldAt = end
        // Not used again even if there is room: the payload to be returned is a view of it.
        if (end === this.#heldEnd) this.#release()
        return this.#decode(held, start, end)
      }
      const available = this.#chunk.length - this.#at
      if (available === 0) {
        this.keep()
        return undefined
      }
      // While the header is incomplete, one byte at a time: at most four times a packet.
      this.#hold(Math.min(available, length === 0 ? 1 : length - have), length)
    }
  }

  #decode(bytes: Buffer, start: number, end: number): Packet {
    const at = bodyStart(bytes, start)
    const packet = decodePacket(bytes, start, at, end, this.#topic)
    if (packet.type === 'publish' && packet.topic !== this.#topic) this.#remember(packet.topic, bytes, at)
    return packet
  }

  #remember(topic: string, bytes: Buffer, at: number): void {
    // Equal counts of bytes and characters mean ASCII, for any other character takes more bytes than UTF-16 units.
    const topicBytes = (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1)
    if (topic.length === topicBytes && topicBytes <= REMEMBERED_TOPIC_BYTES_MAX) this.#topic = topic
  }

  /** Moves `count` bytes from the chunk to the held ones, which will grow to `expected` (0: not known). */
  #hold(count: number, expected: number): void {
    const have = this.#heldEnd - this.#heldAt
    if (this.#held.length - this.#heldEnd < count) {
      const need = have + count
      const grown = Math.max(need, 2 * have, HELD_BYTES_MIN)
      const larger = Buffer.allocUnsafeSlow(expected >= need ? Math.min(grown, expected) : grown)
      this.#held.copy(larger, 0, this.#heldAt, this.#heldEnd)
      this.#held = larger
      this.#heldAt = 0
      this.#heldEnd = have
    }
    this.#chunk.copy(this.#held, this.#heldEnd, this.#at, this.#at + count)
    this.#heldEnd += count
    this.#at += count
  }

  #release(): void {
    this.#held = NOTHING
    this.#heldAt = 0
    this.#heldEnd = 0
  }
}

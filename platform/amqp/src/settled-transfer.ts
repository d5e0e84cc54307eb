/**
 * Transfers of messages that are settled as they go (AMQP 1.0 part 2, §2.7.5), written past the library, whose objects,
 * closures and timers for each frame are the larger part of what a message costs to send. Its counters are kept as it
 * keeps them itself, so that what it sends between is numbered right.
 */

import type { Sender } from 'rhea'

/** What is touched of the library, as its version that package.json names has it. */
interface Outgoing {
  next_delivery_id: number
  next_pending_delivery: number
  next_transfer_id: number
  window: number
  readonly deliveries: { readonly size: number }
  transfer_window(): number
}

interface Insides {
  readonly link: { credit: number; delivery_count: number }
  readonly outgoing: Outgoing
  readonly connection: {
    readonly registered?: unknown
    readonly max_frame_size?: unknown
    readonly socket_ready?: unknown
  }
  readonly transport: { has_writes_pending(): boolean }
  readonly channel: number
  readonly handle: number
}

/** Frame header, descriptor, list of 5 fields: handle, delivery-id, delivery-tag (4 bytes), message-format, settled. */
const HEAD = Buffer.from('0000000002000000005314c0130570000000007000000000a004000000004341', 'hex')
const CHANNEL_AT = 6
const HANDLE_AT = 15
const DELIVERY_ID_AT = 20
const TAG_AT = 26

export class SettledTransfers {
  readonly #insides: Insides | undefined
  readonly #write: (bytes: Uint8Array) => void

  /** @param write takes bytes in the order of what the library writes. */
  constructor(sender: Sender, write: (bytes: Uint8Array) => void) {
    this.#insides = insidesOf(sender)
    this.#write = write
  }

  /**
   * Sends a message in one frame.
   * @param tag 32 bits.
   * @returns false when it is for the library: it has something to say first, the peer's window is full, or the message
   *   is larger than a frame of the peer's.
   */
  send(message: Uint8Array, tag: number): boolean {
    if (this.#insides === undefined) return false
    const { link, outgoing, connection, transport, channel, handle } = this.#insides
    const bytes = HEAD.length + message.length
    // It finds its deliveries by their distance from the first: none may be left out among those it holds.
    const isIdle = outgoing.deliveries.size === 0 && outgoing.next_pending_delivery === outgoing.next_delivery_id
    if (!isIdle || connection.registered === true || connection.socket_ready !== true) return false
    if (transport.has_writes_pending() || link.credit <= 0 || outgoing.transfer_window() <= 0) return false
    if (typeof connection.max_frame_size === 'number' && bytes > connection.max_frame_size) return false
    const head = Buffer.allocUnsafe(HEAD.length)
    HEAD.copy(head)
    head.writeUInt32BE(bytes)
    head.writeUInt16BE(channel, CHANNEL_AT)
    head.writeUInt32BE(handle, HANDLE_AT)
    head.writeUInt32BE(outgoing.next_delivery_id >>> 0, DELIVERY_ID_AT)
    head.writeUInt32BE(tag >>> 0, TAG_AT)
    this.#write(head)
    this.#write(message)
    outgoing.next_delivery_id += 1
    outgoing.next_pending_delivery += 1
    outgoing.next_transfer_id += 1
    outgoing.window -= 1
    link.credit -= 1
    link.delivery_count += 1
    return true
  }
}

/** Undefined when the library is not built as it was: it sends everything itself then. */
function insidesOf(sender: Sender): Insides | undefined {
  const at = (from: unknown, ...path: readonly string[]): unknown =>
    path.reduce<unknown>((value, name) => (isObject(value) ? Reflect.get(value, name) : undefined), from)
  const outgoing = at(sender, 'session', 'outgoing')
  const connection = at(sender, 'connection')
  const transport = at(connection, 'amqp_transport')
  const channel = at(sender, 'session', 'local', 'channel')
  const handle = at(sender, 'local', 'handle')
  const counters = ['next_delivery_id', 'next_pending_delivery', 'next_transfer_id', 'window']
  const isKnown =
    counters.every((name) => typeof at(outgoing, name) === 'number') &&
    typeof at(outgoing, 'deliveries', 'size') === 'number' &&
    typeof at(outgoing, 'transfer_window') === 'function' &&
    typeof at(transport, 'has_writes_pending') === 'function' &&
    typeof at(sender, 'delivery_count') === 'number'
  if (!isKnown || typeof channel !== 'number' || typeof handle !== 'number') return undefined
  const parts: object = { link: sender, outgoing, connection, transport, channel, handle }
  return parts as Insides
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

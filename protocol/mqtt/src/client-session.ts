/** What a client keeps between connections: the QoS 1 publications the server has not acknowledged; §4.1. */

import { encodePublish, markDuplicate } from './encode.ts'
import { nextPacketId } from './packet-ids.ts'

/** Hand it from one `ClientConnection` to the next; it belongs to one at a time. */
export class ClientSession {
  readonly #unacked = new Map<number, Uint8Array>()
  /** SUBSCRIBE and UNSUBSCRIBE share the ids of PUBLISH [MQTT-2.3.1-2], but do not outlive a connection. */
  readonly #requests = new Set<number>()
  #lastPacketId = 0

  /** Publications without PUBACK. */
  get unacked(): number {
    return this.#unacked.size
  }

  /** All that waits for an answer. */
  get inflight(): number {
    return this.#unacked.size + this.#requests.size
  }

  /** @returns the id and the packet, which the session keeps until `acknowledge`. */
  publish(publish: { readonly topic: string; readonly payload: Uint8Array; readonly retain: boolean }): {
    readonly packetId: number
    readonly bytes: Uint8Array
  } {
    const packetId = this.#next()
    const bytes = encodePublish({ ...publish, qos: 1, packetId })
    this.#unacked.set(packetId, bytes)
    return { packetId, bytes }
  }

  /** An id for a SUBSCRIBE or UNSUBSCRIBE. */
  request(): number {
    const packetId = this.#next()
    this.#requests.add(packetId)
    return packetId
  }

  /** @returns false when no such publication waited. */
  acknowledge(packetId: number): boolean {
    return this.#unacked.delete(packetId)
  }

  /** @returns false when no such request waited. */
  answer(packetId: number): boolean {
    return this.#requests.delete(packetId)
  }

  /** Packets to send again on a new connection, in their first order [MQTT-4.6.0-1]. */
  resend(session: { readonly isPresent: boolean }): readonly Uint8Array[] {
    const packets = [...this.#unacked.values()]
    // [MQTT-3.3.1-1] For a server that knows nothing of the session they are new.
    for (const bytes of packets) {
      if (session.isPresent) markDuplicate(bytes)
      else bytes[0] = (bytes[0] ?? 0) & ~8
    }
    return packets
  }

  /** Forgets requests: they end with their connection. */
  forgetRequests(): void {
    this.#requests.clear()
  }

  #next(): number {
    this.#lastPacketId = nextPacketId(this.#lastPacketId, (id) => this.#unacked.has(id) || this.#requests.has(id))
    return this.#lastPacketId
  }
}

/**
 * One device: stays connected, comes back with backoff, renews its token by connecting again with clean session 0, and
 * sends what it is given. What was not acknowledged is sent again after a reconnect.
 */

import { randomInt } from 'node:crypto'
import { eventsTopicPrefix, formatBag } from '@holdfast/iothub'
import { ClientSession } from '@holdfast/mqtt'
import { formatSasToken } from '@holdfast/tokens'
import { backoffMs } from './backoff.ts'
import { INFLIGHT_MAX, REFUSED_RETRY_MS, TOKEN_RENEWAL_PART, TOKEN_SECONDS } from './limits.ts'
import { type ClientCertificate, type End, MqttSocket, monotonicNow, type Server } from './mqtt-socket.ts'

const API_VERSION = '2021-04-12'
const KEEP_ALIVE_SECONDS = 60

export type DeviceCredential =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'certificate'; readonly certificate: ClientCertificate }

export interface DeviceEvents {
  onConnected?(device: Device): void
  onEnded?(device: Device, end: End): void
  /** @param milliseconds from the first sending to the acknowledgement. */
  onAcknowledged?(device: Device, milliseconds: number): void
}

export class Device {
  readonly id: string
  readonly #server: Server
  readonly #credential: DeviceCredential
  readonly #events: DeviceEvents
  readonly #session = new ClientSession()
  readonly #sentAt = new Map<number, number>()
  readonly #topic: string
  #socket: MqttSocket | undefined
  #retry: NodeJS.Timeout | undefined
  #renewal: NodeJS.Timeout | undefined
  #failures = 0
  #isWanted = false
  #isRenewing = false
  #ended: (() => void) | undefined

  constructor(id: string, server: Server, credential: DeviceCredential, events: DeviceEvents = {}) {
    this.id = id
    this.#server = server
    this.#credential = credential
    this.#events = events
    // What the body is, so that readers show it as text.
    const bag = formatBag([
      { name: '$.ct', value: 'application/json' },
      { name: '$.ce', value: 'utf-8' },
    ])
    this.#topic = `${eventsTopicPrefix({ deviceId: id })}${bag}`
  }

  get isConnected(): boolean {
    return this.#socket?.connection?.isOpen === true
  }

  /** Publications without PUBACK. */
  get unacknowledged(): number {
    return this.#session.unacked
  }

  start(): void {
    if (this.#isWanted) return
    this.#isWanted = true
    this.#open()
  }

  /** Says goodbye and resolves when the socket is closed. */
  async stop(): Promise<void> {
    this.#isWanted = false
    clearTimeout(this.#retry)
    clearTimeout(this.#renewal)
    const socket = this.#socket
    if (socket === undefined) return
    await new Promise<void>((resolve) => {
      this.#ended = resolve
      socket.leave()
    })
  }

  /** False when there is no connection, or too much is unacknowledged: then nothing was sent. */
  send(payload: Uint8Array): boolean {
    const socket = this.#socket
    if (socket === undefined || !socket.canPublish || this.#session.unacked >= INFLIGHT_MAX) return false
    this.#sentAt.set(socket.publish(this.#topic, payload), monotonicNow())
    return true
  }

  #open(): void {
    const { hostname } = this.#server
    const base = {
      clientId: this.id,
      cleanSession: false,
      keepAliveSeconds: KEEP_ALIVE_SECONDS,
      username: `${hostname}/${this.id}/?api-version=${API_VERSION}&DeviceClientType=holdfast-fleet`,
    }
    const connect =
      this.#credential.kind === 'key'
        ? { ...base, password: tokenFor(`${hostname}/devices/${this.id}`, this.#credential.key) }
        : base
    const socket = new MqttSocket(
      {
        server: this.#server,
        connect,
        session: this.#session,
        ...(this.#credential.kind === 'certificate' && { certificate: this.#credential.certificate }),
      },
      {
        onOpen: () => this.#onOpen(),
        onPublish: () => undefined,
        onPuback: (id) => this.#onPuback(id),
        onSuback: () => undefined,
        onEnd: (end) => this.#onEnd(end),
      },
    )
    this.#socket = socket
  }

  #onOpen(): void {
    this.#failures = 0
    if (this.#credential.kind === 'key') {
      this.#renewal = setTimeout(
        () => {
          this.#isRenewing = true
          this.#socket?.leave()
        },
        TOKEN_SECONDS * TOKEN_RENEWAL_PART * 1000,
      )
    }
    this.#events.onConnected?.(this)
  }

  #onPuback(id: number): void {
    const sentAt = this.#sentAt.get(id)
    this.#sentAt.delete(id)
    if (sentAt !== undefined) this.#events.onAcknowledged?.(this, monotonicNow() - sentAt)
  }

  #onEnd(end: End): void {
    this.#socket = undefined
    clearTimeout(this.#renewal)
    this.#events.onEnded?.(this, end)
    if (this.#isWanted) {
      const renews = this.#isRenewing && end.kind === 'left'
      if (!renews) this.#failures += 1
      const wait = renews
        ? 0
        : end.kind === 'refused'
          ? REFUSED_RETRY_MS
          : backoffMs(this.#failures, randomInt(1_000) / 1_000)
      this.#retry = setTimeout(() => this.#open(), wait)
    }
    this.#isRenewing = false
    this.#ended?.()
  }
}

/** A shared access signature as an MQTT password. */
export function tokenFor(resource: string, key: string, policyName?: string): Uint8Array {
  const expirySeconds = Math.floor(Date.now() / 1000) + TOKEN_SECONDS
  return Buffer.from(formatSasToken({ resource, key, expirySeconds, ...(policyName !== undefined && { policyName }) }))
}

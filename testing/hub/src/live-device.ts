/**
 * A device that does all that devices do: telemetry, twin, methods, messages to it. One connection over TLS, no trying
 * again; for tests and measurements that want to know what came of each thing.
 */

import { connect, type TLSSocket } from 'node:tls'
import { type Instant, instantOf } from '@holdfast/base'
import { ClientConnection, type Publish } from '@holdfast/mqtt'
import { formatSasToken } from '@holdfast/tokens'
import type { DeviceServer } from './device.ts'

const API_VERSION = '2021-04-12'
const TOKEN_SECONDS = 86_400
const KEEP_ALIVE_SECONDS = 60
const TICK_MS = 5_000
/** Nothing is heard for so long while it is opened: then it is given up, in milliseconds. */
const OPENING_MS_MAX = 30_000

export interface TwinAnswer {
  readonly status: number
  /** Of the reported section, after a patch. */
  readonly version: number | undefined
  readonly body: string
}

export interface LiveDeviceOptions {
  readonly id: string
  readonly key: string
  readonly server: DeviceServer
  /** What it answers to a method; `payload` is JSON text. It does not listen to methods without. */
  readonly onMethod?: (name: string, payload: Uint8Array) => { readonly status: number; readonly payload: Uint8Array }
  /** A message to it, which is acknowledged when this returns. It does not listen to them without. */
  readonly onCommand?: (payload: Uint8Array) => void
  readonly onDesired?: (version: number, patch: Uint8Array) => void
}

const NOTHING = new Uint8Array(0)

export class LiveDevice {
  readonly id: string
  readonly #options: LiveDeviceOptions
  readonly #acks = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>()
  readonly #twins = new Map<string, { resolve: (answer: TwinAnswer) => void; reject: (error: Error) => void }>()
  #socket: TLSSocket | undefined
  #connection: ClientConnection | undefined
  #timer: NodeJS.Timeout | undefined
  #requests = 0
  #end = 'not opened'

  constructor(options: LiveDeviceOptions) {
    this.id = options.id
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen === true
  }

  /** Why the connection is over. */
  get ended(): string {
    return this.#end
  }

  /** Resolves when it is connected and listens to everything that it was given something for. */
  async open(): Promise<void> {
    const { port, hostname, authority } = this.#options.server
    const socket = connect({ host: '127.0.0.1', port, servername: hostname, ca: authority })
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes: Buffer) => this.#connection?.receive(bytes, now()))
    socket.on('close', () => this.#over('the hub closed the connection'))
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(OPENING_MS_MAX, () => socket.destroy())
      socket.once('close', () => reject(new Error(`${this.id} was not let in: ${this.#end}`)))
      socket.once('secureConnect', () => {
        this.#connection = this.#converse(socket, () => {
          socket.setTimeout(0)
          resolve()
        })
      })
    })
    this.#timer = setInterval(() => this.#connection?.tick(now()), TICK_MS)
    this.#timer.unref()
  }

  /** Resolves when it is acknowledged. */
  sendTelemetry(body: Uint8Array): Promise<void> {
    const connection = this.#connection
    if (connection === undefined || !connection.canPublish) return Promise.reject(new Error('cannot publish'))
    const topic = `devices/${this.id}/messages/events/`
    const packetId = connection.publish({ topic, payload: body, qos: 1 }, now())
    return new Promise((resolve, reject) => this.#acks.set(packetId, { resolve, reject }))
  }

  twin(): Promise<TwinAnswer> {
    return this.#ask('GET/', NOTHING)
  }

  report(patch: object): Promise<TwinAnswer> {
    return this.#ask('PATCH/properties/reported/', Buffer.from(JSON.stringify(patch)))
  }

  close(): void {
    this.#connection?.disconnect(now())
    this.#socket?.end()
    this.#over('closed by itself')
  }

  #ask(what: string, payload: Uint8Array): Promise<TwinAnswer> {
    const connection = this.#connection
    if (connection?.isOpen !== true) return Promise.reject(new Error(`${this.id} is not connected`))
    this.#requests += 1
    const rid = String(this.#requests)
    connection.publish({ topic: `$iothub/twin/${what}?$rid=${rid}`, payload, qos: 0 }, now())
    return new Promise((resolve, reject) => this.#twins.set(rid, { resolve, reject }))
  }

  #converse(socket: TLSSocket, opened: () => void): ClientConnection {
    const { id, key, server, onMethod, onCommand } = this.#options
    const expirySeconds = Math.floor(Date.now() / 1000) + TOKEN_SECONDS
    const password = Buffer.from(formatSasToken({ resource: `${server.hostname}/devices/${id}`, key, expirySeconds }))
    const requests = [
      { filter: '$iothub/twin/res/#', qos: 0 as const },
      { filter: '$iothub/twin/PATCH/properties/desired/#', qos: 0 as const },
      ...(onMethod === undefined ? [] : [{ filter: '$iothub/methods/POST/#', qos: 0 as const }]),
      ...(onCommand === undefined ? [] : [{ filter: `devices/${id}/messages/devicebound/#`, qos: 1 as const }]),
    ]
    const connection: ClientConnection = new ClientConnection(
      now(),
      {
        clientId: id,
        cleanSession: true,
        keepAliveSeconds: KEEP_ALIVE_SECONDS,
        username: `${server.hostname}/${id}/?api-version=${API_VERSION}`,
        password,
      },
      {
        send: (bytes) => void socket.write(bytes),
        onOpen: () => void connection.subscribe(requests, now()),
        onPublish: (publish) => this.#onPublish(publish),
        onPuback: (packetId) => {
          this.#acks.get(packetId)?.resolve()
          this.#acks.delete(packetId)
        },
        onSuback: () => opened(),
        onUnsuback: () => undefined,
        onClose: (reason, detail) => {
          this.#over(`${reason}: ${detail}`)
          socket.destroy()
        },
      },
    )
    return connection
  }

  #onPublish({ topic, payload }: Publish): void {
    const { onMethod, onCommand, onDesired } = this.#options
    const response = /^\$iothub\/twin\/res\/(\d+)\/\?\$rid=([^&]+)(?:&\$version=(\d+))?/.exec(topic)
    if (response !== null) {
      const [, status, rid = '', version] = response
      const waiting = this.#twins.get(rid)
      this.#twins.delete(rid)
      const body = Buffer.from(payload).toString()
      waiting?.resolve({ status: Number(status), version: version === undefined ? undefined : Number(version), body })
      return
    }
    const method = /^\$iothub\/methods\/POST\/([^/]+)\/\?\$rid=(.+)$/.exec(topic)
    if (method !== null) {
      const answer = onMethod?.(method[1] ?? '', payload)
      if (answer === undefined) return
      const answerTopic = `$iothub/methods/res/${answer.status}/?$rid=${method[2] ?? ''}`
      this.#connection?.publish({ topic: answerTopic, payload: answer.payload, qos: 0 }, now())
      return
    }
    const desired = /^\$iothub\/twin\/PATCH\/properties\/desired\/\?\$version=(\d+)$/.exec(topic)
    if (desired !== null) onDesired?.(Number(desired[1]), payload)
    else onCommand?.(payload)
  }

  #over(why: string): void {
    if (this.#connection !== undefined && !this.#connection.isClosed) this.#connection.close()
    clearInterval(this.#timer)
    if (this.#end === 'not opened') this.#end = why
    for (const waiting of [...this.#acks.values(), ...this.#twins.values()]) waiting.reject(new Error(this.#end))
    this.#acks.clear()
    this.#twins.clear()
  }
}

function now(): Instant {
  return instantOf(performance.now())
}

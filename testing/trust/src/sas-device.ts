/** A device with a key, by the client `mqtt` from npm: from an address of its choice, with a TLS library of its choice. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { formatSasToken } from '@holdfast/tokens'
import { connect, type MqttClient } from 'mqtt'
import type { MqttServer } from './mqtt-peer.ts'

const ANSWER_MS_MAX = 10_000

export interface SasDeviceOptions {
  readonly server: MqttServer
  readonly id: string
  readonly key: string
  /** Where it comes from; all of 127/8 is this machine. */
  readonly address?: string
  /** Signature algorithms, by which one TLS library is told from another. */
  readonly sigalgs?: string
  readonly tlsMax?: 'TLSv1.2' | 'TLSv1.3'
  readonly will?: string
  /** Of the MQTT session; absent: none is kept. */
  readonly isPersistent?: boolean
}

export interface TwinAnswer {
  readonly status: number
  readonly body: string
}

export function sasPassword(id: string, key: string): string {
  const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
  return formatSasToken({ resource: `localhost/devices/${id}`, key, expirySeconds })
}

export class SasDevice {
  readonly id: string
  readonly methods: string[] = []
  readonly commands: string[] = []
  readonly desired: string[] = []
  /** Return code of a CONNACK that refused it. */
  refusal: number | undefined
  readonly #client: MqttClient
  readonly #answers = new Map<string, (answer: TwinAnswer) => void>()
  #requests = 0

  constructor(options: SasDeviceOptions) {
    const { server, id, key, address, sigalgs, tlsMax, will, isPersistent = false } = options
    this.id = id
    const settings = {
      host: '127.0.0.1',
      port: server.mqttPort,
      protocol: 'mqtts' as const,
      servername: 'localhost',
      ca: [readFileSync(server.caFile)],
      clientId: id,
      clean: !isPersistent,
      username: `localhost/${id}/?api-version=2021-04-12`,
      password: sasPassword(id, key),
      reconnectPeriod: 0,
      keepalive: 60,
      ...(will === undefined
        ? {}
        : { will: { topic: `devices/${id}/messages/events/`, payload: will, qos: 1 as const, retain: false } }),
      // Handed on to Node's TLS.
      localAddress: address,
      sigalgs,
      maxVersion: tlsMax,
    }
    this.#client = connect(settings)
    this.#client.on('message', (topic, payload) => this.#received(topic, payload.toString()))
    this.#client.on('error', (error) => {
      const code: unknown = 'code' in error ? error.code : undefined
      if (typeof code === 'number') this.refusal = code
    })
  }

  /** Resolves when it is in and listens to everything there is; rejects when it is refused. */
  async open(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#client.once('connect', () => resolve())
      this.#client.once('close', () => reject(new Error(`${this.id} was refused: ${this.refusal ?? 'closed'}`)))
    })
    await this.subscribe([
      '$iothub/twin/res/#',
      '$iothub/twin/PATCH/properties/desired/#',
      '$iothub/methods/POST/#',
      `devices/${this.id}/messages/devicebound/#`,
    ])
    return this
  }

  get isOpen(): boolean {
    return this.#client.connected
  }

  subscribe(topics: string[]): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#client.subscribe(topics, { qos: 1 }, (error) =>
        error === null || error === undefined ? resolve() : reject(error),
      ),
    )
  }

  /** Whether it is acknowledged within the time. */
  async send(body: string, milliseconds = 5_000): Promise<boolean> {
    const acknowledged = new Promise<boolean>((resolve) =>
      this.#client.publish(`devices/${this.id}/messages/events/`, body, { qos: 1 }, (error) =>
        resolve(error === undefined || error === null),
      ),
    )
    return Promise.race([acknowledged, wait(milliseconds, false)])
  }

  twin(): Promise<TwinAnswer> {
    return this.#ask('GET/', '')
  }

  report(patch: object): Promise<TwinAnswer> {
    return this.#ask('PATCH/properties/reported/', JSON.stringify(patch))
  }

  /** The nonce in its desired properties that is not `stored`; waits for it. */
  async offer(stored: string): Promise<string> {
    for (let tries = 0; tries < 50; tries += 1) {
      const twin = JSON.parse((await this.twin()).body) as { desired: { holdfast?: { nonce?: string } } }
      const nonce = twin.desired.holdfast?.nonce
      if (nonce !== undefined && nonce !== stored) return nonce
      await wait(100)
    }
    throw new Error('no nonce was offered')
  }

  /** Ends without a word, as a device that loses its power. */
  drop(): void {
    const stream: unknown = Reflect.get(this.#client, 'stream')
    if (!(stream instanceof Duplex)) throw new TypeError('the client has no stream')
    stream.destroy()
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#client.end(true, {}, () => resolve()))
  }

  /** Resolves when the hub has closed it. */
  async closed(): Promise<void> {
    if (this.#client.connected) await once(this.#client, 'close')
  }

  #ask(what: string, body: string): Promise<TwinAnswer> {
    this.#requests += 1
    const rid = String(this.#requests)
    const answer = new Promise<TwinAnswer>((resolve) => this.#answers.set(rid, resolve))
    this.#client.publish(`$iothub/twin/${what}?$rid=${rid}`, body, { qos: 0 })
    return Promise.race([
      answer,
      wait(ANSWER_MS_MAX, undefined, { ref: false }).then(() => {
        throw new Error(`${what}: no answer`)
      }),
    ])
  }

  #received(topic: string, payload: string): void {
    const response = /^\$iothub\/twin\/res\/(\d+)\/\?\$rid=([^&]+)/.exec(topic)
    if (response !== null) {
      this.#answers.get(response[2] ?? '')?.({ status: Number(response[1]), body: payload })
      this.#answers.delete(response[2] ?? '')
      return
    }
    const method = /^\$iothub\/methods\/POST\/([^/]+)\/\?\$rid=(.+)$/.exec(topic)
    if (method !== null) {
      this.methods.push(method[1] ?? '')
      this.#client.publish(`$iothub/methods/res/200/?$rid=${method[2]}`, '{"done":true}', { qos: 0 })
    } else if (topic.includes('/properties/desired/')) this.desired.push(payload)
    else this.commands.push(payload)
  }
}

export interface Run {
  readonly code: number | null
  readonly output: string
}

let folder: string | undefined

/** mosquitto's own option names the oldest TLS; the newest, OpenSSL's configuration does. */
function atMost(tlsMax: string): string {
  folder ??= mkdtempSync(join(tmpdir(), 'holdfast-openssl-'))
  const file = join(folder, `${tlsMax}.cnf`)
  const sections = ['openssl_conf = all', '[all]', 'ssl_conf = ssl', '[ssl]', 'system_default = tls', '[tls]']
  writeFileSync(file, [...sections, `MaxProtocol = ${tlsMax}`, ''].join('\n'))
  return file
}

process.once('exit', () => {
  if (folder !== undefined) rmSync(folder, { recursive: true })
})

/** One of mosquitto's programs as a device with a key. */
export function mosquitto(
  program: 'mosquitto_pub' | 'mosquitto_sub',
  { server, id, key, address, tlsMax }: SasDeviceOptions,
  parameters: readonly string[],
): Promise<Run> {
  const who = ['-i', id, '-u', `localhost/${id}/?api-version=2021-04-12`, '-P', sasPassword(id, key)]
  const tls = ['--cafile', server.caFile]
  const from = address === undefined ? [] : ['-A', address]
  const child = spawn(
    program,
    ['-h', 'localhost', '-p', String(server.mqttPort), '-V', 'mqttv311', ...tls, ...who, ...from, ...parameters],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(tlsMax === undefined ? {} : { OPENSSL_CONF: atMost(tlsMax) }) },
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, output })
    }),
  )
}

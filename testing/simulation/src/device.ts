/** A device's program: it connects, publishes at QoS 1 and 0, is cut off in every way there is, and comes again. */

import { type Instant, instantOf } from '@holdfast/base'
import { CLIENT_LIMITS, ClientConnection, type ClientEvents, ClientSession } from '@holdfast/mqtt'
import type { Hub, Witness } from './hub.ts'
import { nameMessage, Violation } from './ledger.ts'
import { Link } from './link.ts'
import type { World } from './world.ts'

export interface DeviceSettings {
  readonly deviceId: string
  /** Which client of the device it is. */
  readonly client: string
  /** QoS 1 messages to be sent, in all. */
  readonly messages: number
  readonly window: number
  /** Mean pause between messages, in milliseconds. */
  readonly paceMs: number
  readonly latencyMs: number
  readonly lifeMs: number
  /** Chance that a QoS 0 message goes along. */
  readonly onceChance: number
  /** Chance of a clean session, and of doing something odd at each step. */
  readonly cleanChance: number
  readonly whimChance: number
}

const encoder = new TextEncoder()

export class Device {
  readonly settings: DeviceSettings
  readonly #world: World
  readonly #hub: () => Hub | undefined
  readonly #session = new ClientSession()
  /** QoS 1 messages without acknowledgement, by packet id. */
  readonly #unacked = new Map<number, string>()
  /** Filters asked for on this connection, by packet id. */
  #subscribes = new Map<number, string>()
  #connection: ClientConnection | undefined
  #link: Link | undefined
  #sent = 0
  #sentOnce = 0
  #timer: Instant | undefined
  connects = 0
  /** With faults over, it does nothing odd any more. */
  isCalm = false

  constructor(world: World, hub: () => Hub | undefined, settings: DeviceSettings) {
    this.#world = world
    this.#hub = hub
    this.settings = settings
    this.#comeAgain()
  }

  get isDone(): boolean {
    return this.#sent === this.settings.messages && this.#unacked.size === 0
  }

  get progress(): string {
    const state = this.#connection === undefined ? 'away' : this.#connection.isOpen ? 'open' : 'asking'
    return `${this.settings.deviceId} ${this.settings.client}: ${state}, sent ${this.#sent}, unacked ${this.#unacked.size}`
  }

  /** The connection of now. */
  get #name(): string {
    return `${this.settings.client}#${this.connects}`
  }

  #comeAgain(): void {
    const wait = this.#world.random.delay({ least: 10, mean: 1_000, most: 10_000 })
    this.#world.after(wait, () => this.#connect())
  }

  #connect(): void {
    const hub = this.#hub()
    if (hub === undefined) {
      this.#comeAgain()
      return
    }
    this.connects += 1
    const { random, now } = this.#world
    const { deviceId, latencyMs, lifeMs, cleanChance } = this.settings
    const cleanSession = random.chance(cleanChance)
    const link = new Link(this.#world, { latencyMs, lifeMs: this.isCalm ? 1e9 : lifeMs })
    this.#link = link
    const name = this.#name
    const subscribes = new Map<number, string>()
    this.#subscribes = subscribes
    const witness: Witness = {
      identity: deviceId,
      name,
      cleanSession,
      messageOf: (packetId) => this.#unacked.get(packetId),
      filterOf: (packetId) => subscribes.get(packetId),
    }
    hub.connect(link, witness)
    const will = {
      topic: `devices/${deviceId}/messages/events/`,
      payload: encoder.encode(`${deviceId} will 0 0 ${name}`),
      qos: 1 as const,
      retain: false,
    }
    const connection = new ClientConnection(
      now,
      {
        clientId: deviceId,
        username: `hub.example/${deviceId}/?api-version=2021-04-12`,
        cleanSession,
        keepAliveSeconds: random.between(2, 30),
        ...(random.chance(0.5) ? { will } : {}),
      },
      this.#events(link),
      { session: this.#session, limits: { ...CLIENT_LIMITS, inflightMax: this.settings.window + 4 } },
    )
    this.#connection = connection
    link.toClient.attach({
      received: (bytes) => {
        connection.receive(bytes, this.#world.now)
        this.#arm()
      },
      closed: () => this.#lost(link),
    })
    this.#arm()
  }

  #events(link: Link): ClientEvents {
    return {
      send: (bytes) => link.toHub.write(bytes),
      onOpen: () => {
        if (this.#world.random.chance(0.5)) this.#subscribe()
        this.#step(link)
      },
      onPublish: () => {},
      onPuback: (packetId) => {
        const message = this.#unacked.get(packetId)
        this.#unacked.delete(packetId)
        if (message === undefined) throw new Violation('an acknowledgement of nothing')
        if (this.#hub()?.disk.ledger.isDurable(message) === false) throw new Violation(`${message} is not in the log`)
      },
      onSuback: () => {},
      onUnsuback: () => {},
      onClose: () => this.#leave(link),
    }
  }

  #subscribe(): void {
    const { deviceId } = this.settings
    const filters = [`devices/${deviceId}/messages/devicebound/#`, '$iothub/twin/res/#', '$iothub/methods/POST/#']
    const filter = this.#world.random.pick(filters)
    if (this.#connection?.canPublish !== true) return
    this.#subscribes.set(this.#connection.subscribe([{ filter, qos: 1 }], this.#world.now), filter)
  }

  /** Sends what it may and plans the next step, for as long as this connection is the one. */
  #step(link: Link): void {
    const connection = this.#connection
    if (this.#link !== link || connection === undefined || !connection.isOpen) return
    const { random } = this.#world
    const { whimChance, paceMs, messages, window } = this.settings
    if (!this.isCalm && random.chance(whimChance)) {
      this.#whim(connection, link)
      if (this.#link !== link) return
    }
    const burst = random.between(1, window)
    for (let i = 0; i < burst && this.#sent < messages && this.#unacked.size < window; i++) this.#publish(connection)
    this.#arm()
    if (this.#sent < messages) {
      this.#world.after(random.delay({ least: 0, mean: paceMs, most: 60_000 }), () => this.#step(link))
    }
  }

  #publish(connection: ClientConnection): void {
    if (!connection.canPublish) return
    const { deviceId, client } = this.settings
    const { random, now } = this.#world
    const topic = `devices/${deviceId}/messages/events/${random.chance(0.3) ? 'a=b' : ''}`
    if (random.chance(this.settings.onceChance)) {
      const once = nameMessage({ deviceId, client, number: this.#sentOnce++, qos: 0 })
      connection.publish({ topic, payload: encoder.encode(`${once} ${this.#name}`), qos: 0 }, now)
    }
    const message = nameMessage({ deviceId, client, number: this.#sent, qos: 1 })
    const padding = random.chance(0.5) ? ` ${'x'.repeat(random.between(0, 1_000))}` : ''
    const packetId = connection.publish({ topic, payload: encoder.encode(message + padding), qos: 1 }, now)
    this.#sent += 1
    this.#unacked.set(packetId, message)
  }

  /** Something a well-meaning program does all the same. */
  #whim(connection: ClientConnection, link: Link): void {
    const { random, now } = this.#world
    switch (random.between(0, 5)) {
      case 0:
        connection.disconnect(now)
        this.#leave(link)
        return
      case 1:
        link.reset()
        return
      case 2: // It stops reading for a while.
        link.toClient.pause()
        this.#world.after(random.between(100, 20_000), () => link.toClient.resume())
        return
      case 3:
        this.#subscribe()
        return
      case 4:
        connection.publish({ topic: '$iothub/twin/GET/?$rid=1', payload: encoder.encode(' '), qos: 0 }, now)
        return
      default: // What is not its own: the hub ends it.
        connection.publish({ topic: 'devices/other/messages/events/', payload: encoder.encode('x 0 0 0'), qos: 0 }, now)
    }
  }

  #arm(): void {
    const connection = this.#connection
    const deadline = connection?.deadline
    if (deadline === undefined || !Number.isFinite(deadline)) return
    if (this.#timer !== undefined && this.#timer <= deadline) return
    this.#timer = deadline
    this.#world.after(deadline - this.#world.now, () => {
      if (this.#timer !== deadline) return
      this.#timer = undefined
      this.#connection?.tick(instantOf(Math.max(this.#world.now, deadline)))
      this.#arm()
    })
  }

  #leave(link: Link): void {
    link.clientCloses()
    this.#lost(link)
  }

  #lost(link: Link): void {
    if (this.#link !== link) return
    this.#connection?.close()
    this.#connection = undefined
    this.#link = undefined
    this.#comeAgain()
  }
}

/**
 * Messages to devices that are there over MQTT (azure-iot.md §3.3): between the queues of `@holdfast/commands` and the
 * desk. A device that listens gets what waits for it, in order, a few at a time; its PUBACK completes. What it has not
 * acknowledged when its connection ends goes out first on the next one, under the same packet id if the session goes on.
 */

import { LruMap } from '@holdfast/base'
import { type Command, type CommandReceiver, type Commands, formatCommandBag } from '@holdfast/commands'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { formatDeviceboundTopic, type SubscriptionTopic } from '@holdfast/iothub'
import type { Publication, Unacknowledged } from '@holdfast/messaging'
import type { DeviceHandlers } from './device-handlers.ts'

/** Messages that one device may owe a PUBACK: enough to hide the way there and back, and bounded for a silent device. */
const IN_FLIGHT_MAX = 8

/** Devices that are away and whose packet ids are remembered; a device that was forgotten gets new ids. */
const AWAY_MAX = 10_000

/** How often what the disk refused is tried again, in milliseconds. */
const RETRY_MS = 1_000

export interface DeviceCommandsParts {
  readonly commands: Commands
  readonly publish: (key: IdentityKey, publication: Publication) => boolean
  /** MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

interface Flight {
  readonly lockToken: string
  readonly sequence: number
}

interface Listener {
  readonly key: IdentityKey
  readonly receiver: CommandReceiver
  /** Undefined while it is connected and does not listen. */
  topic: { readonly base: string } | undefined
  /** By ticket; made when the first message goes out, for most devices that listen get none. */
  inFlight: Map<number, Flight> | undefined
  /** Packet ids by sequence number, of what an earlier connection of the session was sent. */
  again: Map<number, number> | undefined
  /** Acknowledged, and not settled because the disk failed. */
  unsettled: Set<string> | undefined
  isGone: boolean
  isPumping: boolean
  /** Something may have come since the pump last asked. */
  isCalled: boolean
}

export class DeviceCommands implements DeviceHandlers {
  readonly #parts: DeviceCommandsParts
  readonly #listeners = new Map<string, Listener>()
  readonly #away = new LruMap<string, ReadonlyMap<number, number>>(AWAY_MAX)
  /** Those that have to be tried again. */
  readonly #stalled = new Set<Listener>()
  readonly #timer: NodeJS.Timeout
  /** This handler is the only one that asks for `delivered`, so its numbers are its own. */
  #lastTicket = 0

  constructor(parts: DeviceCommandsParts) {
    this.#parts = parts
    this.#timer = setInterval(() => this.#retry(), RETRY_MS)
    this.#timer.unref()
  }

  listening(key: IdentityKey, topics: readonly SubscriptionTopic[], session: { readonly isResumed: boolean }): void {
    const topic = topics.find((one) => one.kind === 'devicebound')
    const name = identityText(key)
    const known = this.#listeners.get(name)
    if (known === undefined) {
      if (topic !== undefined) this.#begin(key, topic, session)
      return
    }
    known.topic = topic
    if (topic !== undefined) {
      this.#call(known)
      return
    }
    // Some of it may have met the end of the subscription at the front: nobody will ever acknowledge that.
    for (const { lockToken } of known.inFlight?.values() ?? []) known.receiver.limit(lockToken)
  }

  gone(key: IdentityKey, unacknowledged: readonly Unacknowledged[]): void {
    const name = identityText(key)
    const listener = this.#listeners.get(name)
    if (listener === undefined) return
    this.#listeners.delete(name)
    this.#stalled.delete(listener)
    listener.isGone = true
    const again = new Map(listener.again)
    for (const { ticket, packetId } of unacknowledged) {
      const flight = listener.inFlight?.get(ticket)
      if (flight !== undefined) again.set(flight.sequence, packetId)
    }
    if (again.size > 0) this.#away.set(name, again)
    listener.receiver.close()
  }

  delivered(key: IdentityKey, ticket: number): void {
    const listener = this.#listeners.get(identityText(key))
    const flight = listener?.inFlight?.get(ticket)
    if (listener === undefined || flight === undefined) return
    listener.inFlight?.delete(ticket)
    this.#complete(listener, flight.lockToken)
    this.#call(listener)
  }

  deleted(key: IdentityKey): void {
    this.#parts.commands.forget(key)
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #begin(key: IdentityKey, topic: { readonly base: string }, session: { readonly isResumed: boolean }): void {
    const name = identityText(key)
    const again = session.isResumed ? this.#away.get(name) : undefined
    this.#away.delete(name)
    const listener: Listener = {
      key,
      receiver: this.#parts.commands.listen(key, () => this.#call(listener)),
      topic,
      inFlight: undefined,
      again: again === undefined ? undefined : new Map(again),
      unsettled: undefined,
      isGone: false,
      isPumping: false,
      isCalled: false,
    }
    this.#listeners.set(name, listener)
    this.#call(listener)
  }

  #call(listener: Listener): void {
    listener.isCalled = true
    if (listener.isPumping || listener.topic === undefined) return
    listener.isPumping = true
    this.#pump(listener).catch((error: unknown) => {
      this.#parts.fault(error)
      if (!listener.isGone) this.#stalled.add(listener)
    })
  }

  /** One at a time, so that they leave in the order of the queue. */
  async #pump(listener: Listener): Promise<void> {
    try {
      while (listener.isCalled) {
        listener.isCalled = false
        while (listener.topic !== undefined && !listener.isGone && (listener.inFlight?.size ?? 0) < IN_FLIGHT_MAX) {
          const delivery = await listener.receiver.receive()
          if (delivery === undefined) break
          const { command, lockToken } = delivery
          if (!this.#publish(listener, command, lockToken)) {
            listener.receiver.release(lockToken)
            return
          }
        }
      }
    } finally {
      // In the same turn as the last look at `isCalled`, so that no call is lost between the two.
      listener.isPumping = false
    }
  }

  #publish(listener: Listener, command: Command, lockToken: string): boolean {
    const { key, topic, again } = listener
    if (topic === undefined || listener.isGone) return false
    const sequence = command.sequenceNumber
    const againAs = again?.get(sequence)
    const ticket = ++this.#lastTicket
    const inFlight = (listener.inFlight ??= new Map<number, Flight>())
    inFlight.set(ticket, { lockToken, sequence })
    const isTaken = this.#parts.publish(key, {
      topic: formatDeviceboundTopic(topic, formatCommandBag(command)),
      payload: command.body,
      qos: 1,
      ticket,
      ...(againAs === undefined ? {} : { againAs }),
    })
    if (isTaken) again?.delete(sequence)
    else inFlight.delete(ticket)
    return isTaken
  }

  #complete(listener: Listener, lockToken: string): void {
    listener.receiver.settle(lockToken, 'complete').then(
      () => listener.unsettled?.delete(lockToken),
      (error: unknown) => {
        this.#parts.fault(error)
        if (listener.isGone) return
        listener.unsettled ??= new Set()
        listener.unsettled.add(lockToken)
        this.#stalled.add(listener)
      },
    )
  }

  #retry(): void {
    const stalled = [...this.#stalled]
    this.#stalled.clear()
    for (const listener of stalled) {
      for (const lockToken of listener.unsettled ?? []) this.#complete(listener, lockToken)
      this.#call(listener)
    }
  }
}

/** Worlds that write down what happens to them, one line each, bytes copied. */

import type { ClientCloseReason, ClientEvents } from '../client-connection.ts'
import type { Connack, Connect, Publish, SubackCode, Subscribe, Unsubscribe } from '../packet.ts'
import type { ServerCloseReason, ServerEvents } from '../server-connection.ts'

/** One event: its name, then its arguments in a form `assert.deepEqual` can compare. */
export type Entry = readonly [name: string, ...rest: readonly unknown[]]

/** Hex, so that a failing comparison can be read. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

export class ServerRecord implements ServerEvents {
  readonly entries: Entry[] = []
  /** Called after an event was written down, to answer it as an application would. */
  answer: (entry: Entry) => void = () => {}

  /** What was written down since the last call. */
  take(): Entry[] {
    return this.entries.splice(0)
  }

  send(bytes: Uint8Array): void {
    this.#add('send', hex(bytes))
  }

  onConnect(connect: Connect): void {
    this.#add('connect', connect)
  }

  onPublish(publish: Publish): void {
    this.#add('publish', { ...publish, payload: hex(publish.payload) })
  }

  onSubscribe(subscribe: Subscribe): void {
    this.#add('subscribe', subscribe)
  }

  onUnsubscribe(unsubscribe: Unsubscribe): void {
    this.#add('unsubscribe', unsubscribe)
  }

  onPuback(packetId: number): void {
    this.#add('puback', packetId)
  }

  onClose(reason: ServerCloseReason, detail: string): void {
    this.#add('close', reason, detail)
  }

  #add(...entry: Entry): void {
    this.entries.push(entry)
    this.answer(entry)
  }
}

export class ClientRecord implements ClientEvents {
  readonly entries: Entry[] = []
  answer: (entry: Entry) => void = () => {}

  take(): Entry[] {
    return this.entries.splice(0)
  }

  send(bytes: Uint8Array): void {
    this.#add('send', hex(bytes))
  }

  onOpen(connack: Connack): void {
    this.#add('open', connack)
  }

  onPublish(publish: Publish): void {
    this.#add('publish', { ...publish, payload: hex(publish.payload) })
  }

  onPuback(packetId: number): void {
    this.#add('puback', packetId)
  }

  onSuback(packetId: number, codes: readonly SubackCode[]): void {
    this.#add('suback', packetId, codes)
  }

  onUnsuback(packetId: number): void {
    this.#add('unsuback', packetId)
  }

  onClose(reason: ClientCloseReason, detail: string): void {
    this.#add('close', reason, detail)
  }

  #add(...entry: Entry): void {
    this.entries.push(entry)
    this.answer(entry)
  }
}

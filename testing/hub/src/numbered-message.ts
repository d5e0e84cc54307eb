/** Messages that prove themselves: from seed, device and number follow every byte of the body and the properties. */

import { createHash } from 'node:crypto'
import type { Api } from '@holdfast/api'
import { eventsTopicPrefix, formatBag, parseDeviceId } from '@holdfast/iothub'

export interface NumberedMessage {
  readonly topic: string
  readonly body: Buffer
}

const NUMBER = 'n'
const NOTE = 'note'
/** Of the large ones, one in this many; and how large, in bytes. */
const LARGE_EVERY = 61
const LARGE_BYTES_MAX = 48 * 1024
const SMALL_BYTES_MAX = 600

export class NumberedMessages {
  readonly #seed: number
  readonly #deviceId: string

  constructor(seed: number, deviceId: string) {
    this.#seed = seed
    this.#deviceId = deviceId
  }

  /** The message of that number; numbers begin at 1. */
  message(number: number): NumberedMessage {
    const bag = formatBag([
      { name: NUMBER, value: String(number) },
      { name: NOTE, value: noteOf(number) },
    ])
    return {
      topic: `${eventsTopicPrefix({ deviceId: parseDeviceId(this.#deviceId) })}${bag}`,
      body: this.#body(number),
    }
  }

  /** Why `stored` is not what was sent under its number, or undefined. */
  faultOf(stored: Api.Message): string | undefined {
    const number = numberOf(stored)
    if (!Number.isSafeInteger(number) || number < 1) return 'its number cannot be read'
    if (stored.properties[NOTE] !== noteOf(number)) return 'its properties are not what was sent'
    if (Object.keys(stored.properties).length !== 2) return 'it has properties that were not sent'
    if (stored.systemProperties['iothub-connection-device-id'] !== stored.deviceId) return "it names another's device"
    const body = Buffer.from(stored.body, stored.bodyEncoding)
    return body.equals(this.#body(number)) ? undefined : 'its body is not what was sent'
  }

  #body(number: number): Buffer {
    const digest = createHash('sha256').update(`${this.#seed} ${this.#deviceId} ${number}`).digest()
    const most = number % LARGE_EVERY === 0 ? LARGE_BYTES_MAX : SMALL_BYTES_MAX
    const body = Buffer.alloc(1 + (digest.readUInt32BE(0) % most), `${number} ${digest.toString('base64')} `)
    // One in eight is no UTF-8.
    if (number % 8 === 0) body[body.length - 1] = 0xff
    return body
  }
}

export function numberOf(stored: Api.Message): number {
  return Number(stored.properties[NUMBER])
}

/** Text that has to be percent-encoded on the way. */
function noteOf(number: number): string {
  return `№ ${number} & ½=50%/${'ü'.repeat(number % 5)}`
}

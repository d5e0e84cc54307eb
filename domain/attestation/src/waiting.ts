/** Things that wait for an answer: one a device, once, for a short while. */

import type { Timestamp } from '@holdfast/base'

interface Entry<T> {
  readonly value: T
  readonly generationId: string
  readonly expires: number
}

export class Waiting<T> {
  readonly #lifeMs: number
  readonly #most: number
  readonly #entries = new Map<string, Entry<T>>()

  /** @param most entries at most; the oldest go first. */
  constructor(lifeMs: number, most: number) {
    this.#lifeMs = lifeMs
    this.#most = most
  }

  /** Replaces what waits for the device. @returns when it ends. */
  put(device: { readonly deviceId: string; readonly generationId: string }, value: T, now: Timestamp): number {
    const { deviceId, generationId } = device
    this.#entries.delete(deviceId)
    const oldest = this.#entries.keys().next()
    if (this.#entries.size >= this.#most && oldest.done === false) this.#entries.delete(oldest.value)
    const expires = now + this.#lifeMs
    this.#entries.set(deviceId, { value, generationId, expires })
    return expires
  }

  /** Gives it once, to the device of the same generation, in time; whatever comes back, it waits no more. */
  take(device: { readonly deviceId: string; readonly generationId: string }, now: Timestamp): T | undefined {
    const entry = this.#entries.get(device.deviceId)
    if (entry === undefined) return undefined
    this.#entries.delete(device.deviceId)
    // A clock that was turned back makes nothing last longer than its life.
    const left = entry.expires - now
    return entry.generationId === device.generationId && left > 0 && left <= this.#lifeMs ? entry.value : undefined
  }

  drop(deviceId: string): void {
    this.#entries.delete(deviceId)
  }
}

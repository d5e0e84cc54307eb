/** Which devices' quotes get too old, and when: by whole seconds, so that a tick looks at what is due and nothing else. */

import type { Timestamp } from '@holdfast/base'

const SECOND_MS = 1_000

/** Holds as many ids as there are devices that have attested. */
export class StaleQueue {
  readonly #bySecond = new Map<number, Set<string>>()
  readonly #secondOf = new Map<string, number>()
  #seen: number

  constructor(now: Timestamp) {
    this.#seen = Math.floor(now / SECOND_MS)
  }

  /** Replaces an earlier setting of the device. */
  set(deviceId: string, at: number): void {
    this.clear(deviceId)
    // Never in a second that was looked at already.
    const second = Math.max(Math.ceil(at / SECOND_MS), this.#seen + 1)
    this.#secondOf.set(deviceId, second)
    const devices = this.#bySecond.get(second)
    if (devices === undefined) this.#bySecond.set(second, new Set([deviceId]))
    else devices.add(deviceId)
  }

  clear(deviceId: string): void {
    const second = this.#secondOf.get(deviceId)
    if (second === undefined) return
    this.#secondOf.delete(deviceId)
    const devices = this.#bySecond.get(second)
    devices?.delete(deviceId)
    if (devices?.size === 0) this.#bySecond.delete(second)
  }

  /** Takes off what is due. */
  due(now: Timestamp): readonly string[] {
    const last = Math.floor(now / SECOND_MS)
    const due: string[] = []
    // After a long sleep there are more seconds than devices.
    const seconds =
      last - this.#seen > this.#bySecond.size
        ? [...this.#bySecond.keys()].filter((second) => second <= last).sort((a, b) => a - b)
        : Array.from({ length: Math.max(0, last - this.#seen) }, (_, at) => this.#seen + 1 + at)
    for (const second of seconds) for (const deviceId of this.#bySecond.get(second) ?? []) due.push(deviceId)
    for (const deviceId of due) this.clear(deviceId)
    this.#seen = Math.max(this.#seen, last)
    return due
  }
}

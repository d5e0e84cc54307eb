/** Everything of file uploads that runs in the core: the blobs' folder, the grants, the back ends' queue, their clockwork. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { ServiceQueue, type ServiceQueueStore } from '@holdfast/commands'
import type { Registry } from '@holdfast/identity'
import { BlobFolder } from '@holdfast/store/blobs'
import { type UploadLimits, Uploads, type UploadStore } from '@holdfast/uploads'

/** The content type of a notification. */
export const NOTIFICATION_CONTENT_TYPE = 'application/json'

export interface UploadServiceParts {
  readonly store: UploadStore & ServiceQueueStore
  /** Path of the folder for blobs, made where there is none. */
  readonly folder: string
  readonly registry: Registry
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly events: EventSink
  readonly limits: UploadLimits
  /** Whether grants of the device hold now; those of one that is not trusted just now hold again later. */
  readonly mayUpload: (deviceId: string) => boolean
  /** MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

/** Locks of the queue are of a minute, grants of an hour: how late an end may be noticed, in milliseconds. */
const TICK_MS = 250
const SWEEP_MS = 60_000

export class UploadService {
  readonly uploads: Uploads
  /** JSON texts of `FileNotification`, for receivers over AMQP. */
  readonly notifications: ServiceQueue<Uint8Array>
  readonly #fault: (error: unknown) => void
  readonly #timers: readonly NodeJS.Timeout[]
  #isSweeping = false

  private constructor(uploads: Uploads, notifications: ServiceQueue<Uint8Array>, fault: (error: unknown) => void) {
    this.uploads = uploads
    this.notifications = notifications
    this.#fault = fault
    this.#timers = [setInterval(() => notifications.tick(), TICK_MS), setInterval(() => void this.#sweep(), SWEEP_MS)]
    for (const timer of this.#timers) timer.unref()
  }

  /** @throws StoreUnavailableError, or what the state store throws. */
  static async open(parts: UploadServiceParts): Promise<UploadService> {
    const { store, clock, random, events, registry, limits, mayUpload, fault } = parts
    const same = (bytes: Uint8Array): Uint8Array => bytes
    const queue = { store, clock, random, events, encode: same, decode: same }
    const notifications = new ServiceQueue<Uint8Array>({ ...queue, name: 'file-notifications' })
    const uploads = await Uploads.open({
      store,
      blobs: await BlobFolder.open(parts.folder, random),
      clock,
      random,
      events,
      limits,
      generationOf: async (deviceId) => {
        if (!mayUpload(deviceId)) return undefined
        const identity = await registry.read({ deviceId })
        return identity?.status === 'enabled' ? identity.generationId : undefined
      },
      notify: (notification) => notifications.enqueue(Buffer.from(JSON.stringify(notification))),
    })
    return new UploadService(uploads, notifications, fault)
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  async #sweep(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    try {
      await this.uploads.sweep()
    } catch (error) {
      this.#fault(error)
    } finally {
      this.#isSweeping = false
    }
  }
}

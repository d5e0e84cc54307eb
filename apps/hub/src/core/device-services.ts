/** What serves devices beyond telemetry, and back ends through them: twins, methods, messages, uploads, presence. */

import type { Clock } from '@holdfast/base'
import type { IdentityKey, Lane, Registry } from '@holdfast/identity'
import type { Publication } from '@holdfast/messaging'
import { Twins } from '@holdfast/twins'
import type { Settings } from '../settings.ts'
import { CommandService } from './command-service.ts'
import { DeviceCertificates, type DeviceCertificatesParts } from './device-certificates.ts'
import type { DeviceHandlers } from './device-handlers.ts'
import { DeviceMethods } from './device-methods.ts'
import { DeviceTwins } from './device-twins.ts'
import type { EventLog } from './event-log.ts'
import { Presence } from './presence.ts'
import type { Storage } from './storage.ts'
import { Throttling } from './throttling.ts'
import type { TwinRefusal } from './twin-refusals.ts'
import { UploadService } from './upload-service.ts'

export interface DeviceServiceParts {
  readonly settings: Settings
  readonly state: Storage['state']
  /** Path of the folder for blobs. */
  readonly blobs: string
  readonly registry: Registry
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array<ArrayBuffer>
  readonly events: EventLog
  readonly publish: (key: IdentityKey, publication: Publication) => boolean
  readonly laneOf: (key: IdentityKey) => Lane
  /** Whether uploads that were granted to the device may go on. */
  readonly mayUpload: (deviceId: string) => boolean
  /** Of patches that devices report. MUST NOT throw. */
  readonly vetReport: (key: IdentityKey, patch: string) => TwinRefusal | undefined
  /** Certificates for devices that ask over MQTT. */
  readonly certificates: Pick<DeviceCertificatesParts, 'mayRenew' | 'issue'>
  /** MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

export class DeviceServices {
  readonly throttling: Throttling
  readonly twins: Twins
  readonly methods: DeviceMethods
  readonly messages: CommandService
  readonly files: UploadService
  readonly presence: Presence
  /** For the desk, in the order in which they are told. */
  readonly handlers: readonly DeviceHandlers[]

  private constructor(parts: DeviceServiceParts, files: UploadService) {
    const { settings, state, clock, random, events, publish, laneOf, vetReport: vet, fault } = parts
    const core = { clock, random, publish, fault }
    this.files = files
    this.throttling = new Throttling({ clock, events: events.throttled, limits: settings.limits })
    this.twins = new Twins({
      store: state,
      clock,
      random,
      desiredChanged: (change) => deviceTwins.desiredChanged(change),
    })
    const deviceTwins = new DeviceTwins({ ...core, twins: this.twins, throttling: this.throttling, laneOf, vet })
    this.methods = new DeviceMethods({ ...core, events: events.frequent })
    this.messages = new CommandService({ ...core, store: state, events: events.frequent })
    this.presence = new Presence({ store: state, clock, fault })
    const certificates = new DeviceCertificates({ ...core, ...parts.certificates })
    this.handlers = [this.presence, this.methods, deviceTwins, this.messages.devices, certificates]
  }

  /** @throws StoreUnavailableError, or what the state store throws. */
  static async open(parts: DeviceServiceParts): Promise<DeviceServices> {
    const { settings, state, blobs, registry, clock, random, events, mayUpload, fault } = parts
    const files = await UploadService.open({
      store: state,
      folder: blobs,
      registry,
      clock,
      random,
      events: events.throttled,
      limits: settings.uploads,
      mayUpload,
      fault,
    })
    return new DeviceServices(parts, files)
  }

  /** A device has said something by a way that the desk does not see. */
  active(key: IdentityKey): void {
    for (const handler of this.handlers) handler.active?.(key)
  }

  /** Nothing of these is answered or delivered any more. */
  end(): void {
    this.methods.end()
    this.messages.end()
    this.files.end()
  }
}

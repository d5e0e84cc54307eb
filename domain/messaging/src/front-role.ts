/** What an admitted connection may do: as a device or module of the hub, or as a registration at provisioning. */

import type { Timestamp } from '@holdfast/base'
import { eventsTopicPrefix } from '@holdfast/iothub'
import type { Will } from '@holdfast/mqtt'
import type { Admission, Subscription } from './front-messages.ts'
import { partitionOf } from './partition.ts'
import { encodePrefix } from './record.ts'

/** An admitted device or module. */
export class HubRole {
  readonly kind = 'hub'
  readonly identity: { readonly deviceId: string; readonly moduleId?: string }
  /** Start of every record of this connection. */
  readonly prefix: Uint8Array
  readonly eventsPrefix: string
  readonly partition: number
  readonly expires: Timestamp | undefined
  subscriptions: readonly Subscription[]
  will: Will | undefined
  /** The last telemetry topic and its bag's bytes: most devices publish to one topic. */
  lastTopic = ''
  lastBag: Uint8Array | undefined

  constructor(
    admission: Admission,
    connection: { readonly modelId: string | undefined; readonly will: Will | undefined; readonly partitions: number },
  ) {
    const { deviceId, moduleId, generationId, authMethod, expires, subscriptions } = admission
    this.identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId }
    const { modelId, will, partitions } = connection
    this.prefix = encodePrefix({
      ...this.identity,
      generationId,
      authMethod,
      ...(modelId === undefined ? {} : { modelId }),
    })
    this.eventsPrefix = eventsTopicPrefix(this.identity)
    this.partition = partitionOf(deviceId, partitions)
    this.expires = expires
    this.subscriptions = subscriptions
    this.will = will
  }
}

/** An admitted registration. */
export class ProvisioningRole {
  readonly kind = 'provisioning'
  readonly registrationId: string
  readonly expires: Timestamp | undefined
  subscriptions: readonly Subscription[] = []

  constructor(registrationId: string, expires: Timestamp | undefined) {
    this.registrationId = registrationId
    this.expires = expires
  }
}

export type Role = HubRole | ProvisioningRole

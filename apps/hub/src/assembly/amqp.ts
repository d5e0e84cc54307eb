/** The AMQP side: the hub's Event Hub and the queues of back ends. */

import { FEEDBACK_CONTENT_TYPE } from '@holdfast/commands'
import type { Policies } from '@holdfast/identity'
import { AmqpOffice } from '../amqp/amqp-office.ts'
import type { ConsumerGroups } from '../amqp/consumer-groups.ts'
import { eventHubName } from '../amqp/event-hub-name.ts'
import type { DeviceServices } from '../core/device-services.ts'
import { readCreation } from '../core/first-start.ts'
import { NOTIFICATION_CONTENT_TYPE } from '../core/upload-service.ts'
import type { Ground } from './ground.ts'
import type { Stores } from './storage.ts'

export interface AmqpNeeds {
  readonly stores: Stores
  readonly policies: Policies
  readonly services: DeviceServices
  readonly consumerGroups: ConsumerGroups
}

export async function openAmqp(ground: Ground, needs: AmqpNeeds): Promise<AmqpOffice> {
  const { settings, threads, ports, clock, events, fault } = ground
  const { stores, policies, services, consumerGroups } = needs
  const { messages, files, throttling } = services
  const hostName = settings.hostnames[0]
  return new AmqpOffice({
    about: {
      hostName,
      amqpPort: ports.amqpPort,
      entity: eventHubName(hostName),
      partitions: stores.partitions,
      createdAt: await readCreation(stores.storage.state, clock.wall()),
    },
    groups: consumerGroups,
    policies,
    clock,
    events: events.throttled,
    durable: () => events.durable(),
    commands: messages.commands,
    throttling,
    queues: {
      feedback: { contentType: FEEDBACK_CONTENT_TYPE, listen: (ready) => messages.feedback.listen(ready) },
      'file-notifications': {
        contentType: NOTIFICATION_CONTENT_TYPE,
        listen: (ready) => files.notifications.listen(ready),
      },
    },
    follow: stores.follow,
    nextSequences: () => stores.statistics.progress.nextSequences,
    fronts: threads.fronts,
    failed: fault,
  })
}

/** `$management` of the Event Hub (azure-iot.md §5.6): what there is of it, and of its partitions. */

import type { AmqpMessage, ValueWriter } from '@holdfast/amqp'
import type { PartitionState } from '@holdfast/messaging'
import { partitionOf } from './address.ts'
import type { AmqpAbout } from './contract.ts'
import { notFound } from './not-found.ts'
import type { NodeAnswer } from './request-links.ts'

export interface ManagementParts {
  readonly about: AmqpAbout
  readonly partitions: () => Promise<readonly PartitionState[]>
  /** Whether the connection has shown that it may read this entity. */
  readonly mayRead: (entity: string) => boolean
}

export async function answerManagement(request: AmqpMessage, parts: ManagementParts): Promise<NodeAnswer> {
  const { about, mayRead } = parts
  const text = (name: string): string => {
    const value = request.applicationProperties.get(name)
    return typeof value === 'string' ? value : ''
  }
  if (text('operation') !== 'READ') return { status: 501, description: 'operation is READ' }
  const name = text('name')
  if (!mayRead(name)) return { status: 401, description: 'no claim for this entity was shown' }
  if (name.toLowerCase() !== about.entity.toLowerCase()) {
    return { status: 404, description: notFound('of this name', `this Event Hub is ${about.entity}`) }
  }
  const type = text('type')
  if (type === 'com.microsoft:eventhub') return { status: 200, description: 'OK', body: (values) => hub(values, about) }
  if (type !== 'com.microsoft:partition') {
    return { status: 400, description: 'type is com.microsoft:eventhub or com.microsoft:partition' }
  }
  const asked = request.applicationProperties.get('partition')
  const number = partitionOf(String(typeof asked === 'number' ? asked : text('partition')), about.partitions)
  const state = (await parts.partitions()).find((one) => one.partition === number)
  if (state === undefined)
    return { status: 404, description: notFound('with this partition', `there are 0 to ${about.partitions - 1}`) }
  return { status: 200, description: 'OK', body: (values) => partition(values, about, state) }
}

function hub(values: ValueWriter, about: AmqpAbout): void {
  values.map(6, () => {
    values.string('name')
    values.string(about.entity)
    values.string('type')
    values.string('com.microsoft:eventhub')
    values.string('created_at')
    values.timestamp(about.createdAt)
    values.string('partition_count')
    values.int(about.partitions)
    values.string('partition_ids')
    values.stringArray(Array.from({ length: about.partitions }, (_, index) => String(index)))
    values.string('georeplication_factor')
    values.int(1)
  })
}

function partition(values: ValueWriter, about: AmqpAbout, state: PartitionState): void {
  values.map(9, () => {
    values.string('name')
    values.string(about.entity)
    values.string('type')
    values.string('com.microsoft:partition')
    values.string('partition')
    values.string(String(state.partition))
    values.string('begin_sequence_number')
    values.long(state.firstSequence)
    values.string('last_enqueued_sequence_number')
    // Of a partition that never had a message: -1.
    values.long(state.nextSequence - 1)
    values.string('last_enqueued_offset')
    values.string(String(state.lastEnqueued === undefined ? -1 : state.lastOffset))
    values.string('last_enqueued_time_utc')
    values.timestamp(state.lastEnqueued ?? 0)
    values.string('is_partition_empty')
    values.boolean(state.firstSequence === state.nextSequence)
    values.string('partition_id')
    values.string(String(state.partition))
  })
}

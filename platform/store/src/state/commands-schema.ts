/** The tables of `commands-migration.ts` as the queries see them. */

import type { Ack, ServiceQueueName } from '@holdfast/commands'
import type { Timestamp } from '@holdfast/base'
import type { Sealed } from './schema.ts'

export interface CommandTable {
  sequence: number
  device_id: string
  module_id: string
  generation_id: string
  ack: Ack
  enqueued_time: Timestamp
  expires_time: Timestamp
  delivery_count: number
  /** Properties and body. */
  content: Sealed
  seal_epoch: number
}

export interface FeedbackRecordTable {
  sequence: number
  written_time: Timestamp
  /** JSON text of the record. */
  content: Sealed
  seal_epoch: number
}

export interface ServiceMessageTable {
  sequence: number
  queue: ServiceQueueName
  enqueued_time: Timestamp
  expires_time: Timestamp
  delivery_count: number
  content: Sealed
  seal_epoch: number
}

export interface CommandsSchema {
  command: CommandTable
  feedback_record: FeedbackRecordTable
  service_message: ServiceMessageTable
}

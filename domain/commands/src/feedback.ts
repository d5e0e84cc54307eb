/** What a sender hears of the end of a message it asked about (azure-iot.md §5.5). */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import type { Ack } from './command.ts'

/** How a message ended. */
export type CommandEnd = 'completed' | 'expired' | 'delivery-count-exceeded' | 'rejected' | 'purged'

export type FeedbackStatus = 'Success' | 'Expired' | 'DeliveryCountExceeded' | 'Rejected' | 'Purged'

/** One record, in the words and the order of the wire. */
export interface FeedbackRecord {
  readonly originalMessageId: string
  /** As `statusCode`, in the spelling that the C client reads once it has lower-cased it. */
  readonly description: string
  readonly statusCode: FeedbackStatus
  readonly deviceId: string
  /** Only of messages to modules. */
  readonly moduleId?: string
  readonly deviceGenerationId: string
  /** RFC 3339: when the message ended. */
  readonly enqueuedTimeUtc: string
}

export const FEEDBACK_CONTENT_TYPE = 'application/vnd.microsoft.iothub.feedback.json'

const STATUS: Readonly<Record<CommandEnd, FeedbackStatus>> = {
  completed: 'Success',
  expired: 'Expired',
  'delivery-count-exceeded': 'DeliveryCountExceeded',
  rejected: 'Rejected',
  purged: 'Purged',
}

/** Whether the sender of a message with this `ack` hears of this end. */
export function asksFor(ack: Ack, end: CommandEnd): boolean {
  switch (ack) {
    case 'none':
      return false
    case 'positive':
      return end === 'completed'
    case 'negative':
      return end !== 'completed'
    case 'full':
      return true
  }
}

export interface EndedCommand {
  readonly messageId: string
  readonly deviceId: string
  readonly moduleId?: string
  readonly generationId: string
}

export function feedbackRecord(command: EndedCommand, end: CommandEnd, at: Timestamp): FeedbackRecord {
  const statusCode = STATUS[end]
  return {
    originalMessageId: command.messageId,
    description: statusCode,
    statusCode,
    deviceId: command.deviceId,
    ...(command.moduleId === undefined ? {} : { moduleId: command.moduleId }),
    deviceGenerationId: command.generationId,
    enqueuedTimeUtc: formatTimestamp(at),
  }
}

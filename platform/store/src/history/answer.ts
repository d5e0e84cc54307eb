/** Bounds and cursors of answers. */

import type { TelemetryMessage } from '@holdfast/messaging'
import { HistoryError } from './errors.ts'
import { ANSWER_MESSAGES_MAX } from './limits.ts'

/** What a message takes of an answer's bytes, roughly: body, bag and the rest. */
export function answerBytesOf(message: TelemetryMessage): number {
  return message.body.length + message.bag.length + 256
}

/** @throws TypeError unless 1 or more; larger than the bound of an answer is cut to it. */
export function boundedMessages(messagesMax: number): number {
  if (!(Number.isSafeInteger(messagesMax) && messagesMax >= 1)) throw new TypeError('messagesMax is a positive integer')
  return Math.min(messagesMax, ANSWER_MESSAGES_MAX)
}

/** A cursor is the next sequence number to look at. */
export function cursorOf(sequence: number): string {
  return `s${sequence}`
}

/** @throws HistoryError `bad-cursor` */
export function sequenceOfCursor(cursor: string): number {
  const sequence = /^s(?:0|[1-9]\d{0,15})$/.test(cursor) ? Number(cursor.slice(1)) : Number.NaN
  if (!Number.isSafeInteger(sequence)) throw new HistoryError('bad-cursor', 'the cursor is none that was given out')
  return sequence
}

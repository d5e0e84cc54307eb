export type {
  Ack,
  Command,
  CommandDraft,
  CommandProperty,
  Delivery,
  Outcome,
  Sent,
  SettleResult,
} from './command.ts'
export { ACKS, deviceboundAddress } from './command.ts'
export { formatCommandBag } from './command-bag.ts'
export type { CommandContent } from './command-content.ts'
export { decodeCommandContent, encodeCommandContent } from './command-content.ts'
export type { CommandReceiver } from './command-receiver.ts'
export type { CommandsParts } from './commands.ts'
export { Commands } from './commands.ts'
export type { CommandErrorCode } from './errors.ts'
export { CommandError } from './errors.ts'
export type { CommandEnd, EndedCommand, FeedbackRecord, FeedbackStatus } from './feedback.ts'
export { asksFor, FEEDBACK_CONTENT_TYPE, feedbackRecord } from './feedback.ts'
export type { FeedbackBatcherParts } from './feedback-batcher.ts'
export { FeedbackBatcher } from './feedback-batcher.ts'
export type { FeedbackQueue } from './feedback-queue.ts'
export { feedbackQueue } from './feedback-queue.ts'
export {
  FEEDBACK_BATCH_MS,
  SERVICE_MESSAGE_BYTES_MAX,
  SERVICE_QUEUE_MESSAGES_MAX,
  SWEEP_COMMANDS_MAX,
  SWEEP_MS,
} from './limits.ts'
export { PeekLockQueue } from './peek-lock-queue.ts'
export type { ServiceDelivery, ServiceQueueOptions, ServiceReceiver } from './service-queue.ts'
export { ServiceQueue } from './service-queue.ts'
export type {
  ChangeOutcome,
  CommandChange,
  CommandStore,
  EnqueueOutcome,
  ExpiryMark,
  FeedbackBatch,
  FeedbackBatched,
  NewCommand,
  QueueEntry,
  ServiceEnqueued,
  ServiceQueueName,
  ServiceQueueStore,
  StoredCommand,
  StoredServiceMessage,
} from './store.ts'

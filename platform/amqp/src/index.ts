export type { AmqpCondition } from './errors.ts'
export { AmqpError } from './errors.ts'
export type { AmqpLimits } from './limits.ts'
export { AMQP_LIMITS } from './limits.ts'
export type { AmqpBody, AmqpMessage, MessageId } from './message.ts'
export { decodeMessage } from './message.ts'
export type { ApplicationProperty, OutgoingMessage } from './message-writer.ts'
export { encodeMessage, SectionWriter } from './message-writer.ts'
export type {
  AmqpApplication,
  AmqpConnection,
  AmqpHandler,
  AmqpOutcome,
  AmqpPeer,
  AmqpRefusal,
  AmqpTransport,
  IncomingDelivery,
  IncomingHandler,
  IncomingLink,
  OutgoingHandler,
  OutgoingLink,
} from './node.ts'
export type { AmqpIntake, AmqpServerOptions } from './server.ts'
export { AmqpServer } from './server.ts'
export type { Value } from './value-reader.ts'
export { Described, Uuid, ValueReader } from './value-reader.ts'
export { ValueWriter } from './value-writer.ts'

export { ClientConnection } from './client-connection.ts'
export type { ClientCloseReason, ClientEvents, ConnectOptions } from './client-connection.ts'
export { ClientSession } from './client-session.ts'
export { decode } from './decode.ts'
export {
  encode,
  encodeConnack,
  encodeConnect,
  encodeDisconnect,
  encodePingreq,
  encodePingresp,
  encodePuback,
  encodePubacks,
  encodePublish,
  encodeSuback,
  encodeSubscribe,
  encodeUnsuback,
  encodeUnsubscribe,
  markDuplicate,
} from './encode.ts'
export type { PublishFields } from './encode.ts'
export { DecodeError } from './errors.ts'
export type { DecodeErrorCode } from './errors.ts'
export {
  CLIENT_LIMITS,
  FIELD_BYTES_MAX,
  PACKET_ID_MAX,
  REMAINING_LENGTH_MAX,
  SERVER_LIMITS,
  SUBSCRIBE_FILTERS_MAX,
} from './limits.ts'
export type { ClientLimits, PacketLimits, ServerLimits } from './limits.ts'
export type {
  Bare,
  Connack,
  ConnackCode,
  Connect,
  Packet,
  Puback,
  Publish,
  Qos,
  QosTwoStep,
  Suback,
  SubackCode,
  Subscribe,
  SubscriptionRequest,
  Unsuback,
  Unsubscribe,
  Will,
} from './packet.ts'
export { PacketReader } from './reader.ts'
export { ServerConnection } from './server-connection.ts'
export type { OutgoingPublish, ServerCloseReason, ServerEvents } from './server-connection.ts'
export { isText, isTopicFilter, isTopicName, matches } from './text.ts'

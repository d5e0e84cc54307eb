/** Messages to devices, and direct methods. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { instant, shape } from './shape.ts'

/** Kept for the device until it takes it, or until the message's time is over. */
export const MessageToDevice = shape('MessageToDevice', {
  /** Empty when it is absent. */
  body: Type.Optional(Type.String()),
  /** `utf8` unless told. */
  bodyEncoding: Type.Optional(Type.Union([Type.Literal('utf8'), Type.Literal('base64')])),
  properties: Type.Optional(Type.Record(Type.String(), Type.String())),
  messageId: Type.Optional(Type.String()),
  correlationId: Type.Optional(Type.String()),
  userId: Type.Optional(Type.String()),
  contentType: Type.Optional(Type.String()),
  contentEncoding: Type.Optional(Type.String()),
  /** Which ends of the message feedback is written for; `none` unless told. */
  ack: Type.Optional(
    Type.Union([Type.Literal('none'), Type.Literal('positive'), Type.Literal('negative'), Type.Literal('full')]),
  ),
  /** A minute to two days; an hour when neither this nor `expiryTime` is given. */
  lifeSeconds: Type.Optional(Type.Integer()),
  expiryTime: Type.Optional(Type.String()),
})
export type MessageToDevice = Type.Static<typeof MessageToDevice>

export const MessageSent = shape('MessageSent', {
  sequenceNumber: Type.Integer(),
  messageId: Type.Optional(Type.String()),
  enqueuedTime: instant,
  expiryTime: instant,
})
export type MessageSent = Type.Static<typeof MessageSent>

export const Purged = shape('Purged', {
  messages: Type.Integer(),
})
export type Purged = Type.Static<typeof Purged>

/** A direct method; the module, if it is one's, stands in the path. */
export const MethodCall = shape('MethodCall', {
  name: Type.String({ minLength: 1, maxLength: 100 }),
  /** Any JSON of at most 128 KiB; `null` unless told. */
  payload: Type.Optional(Type.Unknown()),
  responseTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 300 })),
  connectTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 300 })),
})
export type MethodCall = Type.Static<typeof MethodCall>

export const MethodAnswer = shape('MethodAnswer', {
  /** The device's own, any 32-bit number. */
  status: Type.Integer(),
  payload: Type.Unknown(),
})
export type MethodAnswer = Type.Static<typeof MethodAnswer>

export const commandOperations = {
  send: operation({
    id: 'command.send',
    method: 'POST',
    path: '/api/v1/devices/{id}/messages',
    summary: 'Sends a message to a device; it waits until the device takes it or its time is over',
    action: 'device:command',
    on: 'device',
    body: MessageToDevice,
    answer: { kind: 'json', status: 201, schema: MessageSent },
  }),
  purge: operation({
    id: 'command.purge',
    method: 'DELETE',
    path: '/api/v1/devices/{id}/messages',
    summary: 'Ends all messages that wait for a device',
    action: 'device:command',
    on: 'device',
    answer: { kind: 'json', schema: Purged },
  }),
  invoke: operation({
    id: 'command.invoke',
    method: 'POST',
    path: '/api/v1/devices/{id}/methods',
    summary: 'Calls a direct method of a device and waits for its answer',
    action: 'device:command',
    on: 'device',
    body: MethodCall,
    answer: { kind: 'json', schema: MethodAnswer },
  }),
  sendToModule: operation({
    id: 'command.sendToModule',
    method: 'POST',
    path: '/api/v1/devices/{id}/modules/{module}/messages',
    summary: 'Sends a message to a module; it waits until the module takes it or its time is over',
    action: 'device:command',
    on: 'device',
    body: MessageToDevice,
    answer: { kind: 'json', status: 201, schema: MessageSent },
  }),
  purgeOfModule: operation({
    id: 'command.purgeOfModule',
    method: 'DELETE',
    path: '/api/v1/devices/{id}/modules/{module}/messages',
    summary: 'Ends all messages that wait for a module',
    action: 'device:command',
    on: 'device',
    answer: { kind: 'json', schema: Purged },
  }),
  invokeOfModule: operation({
    id: 'command.invokeOfModule',
    method: 'POST',
    path: '/api/v1/devices/{id}/modules/{module}/methods',
    summary: 'Calls a direct method of a module and waits for its answer',
    action: 'device:command',
    on: 'device',
    body: MethodCall,
    answer: { kind: 'json', schema: MethodAnswer },
  }),
}

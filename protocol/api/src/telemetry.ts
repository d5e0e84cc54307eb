/** Stored telemetry, and the consumer groups of the Event Hubs-compatible endpoint. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const Message = shape('Message', {
  deviceId: Type.String(),
  moduleId: Type.Optional(Type.String()),
  enqueuedTime: instant,
  sequenceNumber: Type.Integer(),
  offset: Type.String(),
  partition: Type.Integer(),
  properties: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
  systemProperties: Type.Record(Type.String(), Type.String()),
  body: Type.String(),
  bodyEncoding: Type.Enum(['utf8', 'base64']),
})
export type Message = Type.Static<typeof Message>

export const ConsumerGroupCreate = shape('ConsumerGroupCreate', { name: Type.String() })
export type ConsumerGroupCreate = Type.Static<typeof ConsumerGroupCreate>

/** Of the Event Hubs-compatible endpoint. */
export const ConsumerGroup = shape('ConsumerGroup', {
  name: Type.String(),
})
export type ConsumerGroup = Type.Static<typeof ConsumerGroup>

export const messageOperations = {
  read: operation({
    id: 'message.read',
    method: 'GET',
    path: '/api/v1/messages',
    summary: 'Reads stored telemetry; with follow, what comes after it too',
    action: 'telemetry:read',
    on: 'devices',
    query: closed({
      device: Type.Optional(Type.String({ maxLength: 128 })),
      /** A hub has 1 to 32 of them. */
      partition: Type.Optional(Type.Integer({ minimum: 0, maximum: 31 })),
      from: Type.Optional(instant),
      to: Type.Optional(instant),
      sequence: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
      follow: Type.Optional(Type.Boolean()),
    }),
    answer: { kind: 'lines', schema: Message, isLive: true },
  }),
}

export const consumerGroupOperations = {
  list: operation({
    id: 'consumerGroup.list',
    method: 'GET',
    path: '/api/v1/consumer-groups',
    summary: 'Lists the consumer groups of the Event Hubs-compatible endpoint',
    action: 'consumer-group:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('ConsumerGroup', ConsumerGroup) },
  }),
  create: operation({
    id: 'consumerGroup.create',
    method: 'POST',
    path: '/api/v1/consumer-groups',
    summary: 'Creates a consumer group',
    action: 'consumer-group:write',
    on: 'hub',
    body: ConsumerGroupCreate,
    answer: { kind: 'json', status: 201, schema: ConsumerGroup },
  }),
  delete: operation({
    id: 'consumerGroup.delete',
    method: 'DELETE',
    path: '/api/v1/consumer-groups/{name}',
    summary: 'Deletes a consumer group',
    action: 'consumer-group:write',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}

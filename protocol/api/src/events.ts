/** Security events as they come. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, shape } from './shape.ts'

export const Event = shape('Event', {
  type: Type.String(),
  time: Type.String(),
  subject: Type.String(),
  actor: Type.String(),
  /** Its place in the audit log. */
  index: Type.Optional(Type.Integer()),
  /** Where it is not `body`, which goes without saying: the rest was destroyed or altered, and is empty here. */
  content: Type.Optional(Type.Enum(['shredded', 'unreadable'])),
  detail: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
})
export type Event = Type.Static<typeof Event>

export const eventOperations = {
  read: operation({
    id: 'event.read',
    method: 'GET',
    path: '/api/v1/events',
    summary: 'Reads the newest security events, or those after Last-Event-ID; with follow, what comes after them too',
    action: 'audit:read',
    on: 'hub',
    query: closed({
      limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
      follow: Type.Optional(Type.Boolean()),
    }),
    answer: { kind: 'lines', schema: Event, isLive: true },
  }),
}

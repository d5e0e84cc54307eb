/** The timeline of a device: what it was at a moment, and what had happened to it. */

import Type from 'typebox'
import { LogEntry } from './audit.ts'
import { operation } from './operation.ts'
import { closed, instant, shape } from './shape.ts'

const since = closed({ value: Type.String(), since: instant })

/** What is absent was not told by the log. */
export const DeviceState = shape('DeviceState', {
  exists: Type.Boolean(),
  created: Type.Optional(instant),
  status: Type.Optional(Type.String()),
  authentication: Type.Optional(Type.String()),
  /** The latest that it came with. */
  credential: Type.Optional(Type.String()),
  /** Sessions that were open, those of its modules left out. */
  sessions: Type.Integer(),
  lane: Type.Optional(since),
  /** The reason of its quarantine. */
  quarantine: Type.Optional(since),
  suspicion: Type.Optional(since),
  /** `verified`, or why not. */
  attestation: Type.Optional(since),
  /** The SHA-256 of the newest certificate that was issued to it. */
  certificate: Type.Optional(since),
  certificateState: Type.Optional(Type.Enum(['issued', 'active', 'revoked'])),
  life: Type.Optional(since),
  model: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  fleet: Type.Optional(Type.String()),
})

export const Timeline = shape('Timeline', {
  deviceId: Type.String(),
  asOf: instant,
  state: DeviceState,
  /** In the order of the log; the newest of them where there are more than were asked for. */
  entries: Type.Array(LogEntry),
  /** The log has older entries than were looked at, and what only they say is absent in the state. */
  isCut: Type.Boolean(),
})
export type Timeline = Type.Static<typeof Timeline>

export const timelineOperations = {
  show: operation({
    id: 'timeline.show',
    method: 'GET',
    path: '/api/v1/devices/{id}/timeline',
    summary: 'Shows what a device was at a moment, and what had happened to it until then',
    action: 'audit:read',
    on: 'device',
    query: closed({
      /** Now unless told. */
      asOf: Type.Optional(instant),
      /** Of the entries: not before, and before. The state is that of `asOf` all the same. */
      from: Type.Optional(instant),
      to: Type.Optional(instant),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    }),
    answer: { kind: 'json', schema: Timeline },
  }),
}

/** The hub itself: its status, its data keys and its certificate. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const DataKey = shape('DataKey', {
  epoch: Type.Integer(),
  purpose: Type.Enum(['telemetry', 'state']),
  createdTime: instant,
  state: Type.Enum(['current', 'retired', 'dropped']),
})
export type DataKey = Type.Static<typeof DataKey>

export const DataKeyDropped = shape('DataKeyDropped', {
  epoch: Type.Integer(),
  /** Messages that can never be read again. */
  messages: Type.Integer(),
})
export type DataKeyDropped = Type.Static<typeof DataKeyDropped>

/** The listeners' certificate. */
export const Certificate = shape('Certificate', {
  notAfter: instant,
  /** Upper-case hex of its DER. */
  sha256: Type.String(),
})
export type Certificate = Type.Static<typeof Certificate>

export const Status = shape('Status', {
  hostname: Type.String(),
  idScope: Type.String(),
  version: Type.String(),
  pid: Type.Integer(),
  uptimeSeconds: Type.Integer(),
  /** What the hub waits for: why it cannot take telemetry just now, or what an operator has to do; empty when all is well. */
  conditions: Type.Array(closed({ code: Type.String(), detail: Type.String() })),
  /** What the operator should change although all is well: what is so, and what to do. */
  notices: Type.Array(closed({ code: Type.String(), detail: Type.String(), advice: Type.String() })),
  connected: Type.Integer(),
  devices: closed({ total: Type.Integer(), enabled: Type.Integer() }),
  messages: closed({ stored: Type.Integer(), perSecond: Type.Number(), bytesSealed: Type.Number() }),
  refused: closed({ total: Type.Integer(), perSecond: Type.Number() }),
  /** Requests that were more than their sender or all together may ask, by operation. */
  throttled: closed({
    total: Type.Integer(),
    perSecond: Type.Number(),
    operations: Type.Record(Type.String(), Type.Number()),
  }),
  partitions: Type.Array(
    closed({
      partition: Type.Integer(),
      firstSequence: Type.Integer(),
      nextSequence: Type.Integer(),
      lastEnqueuedTime: Type.Optional(instant),
    }),
  ),
  ports: closed({ mqtt: Type.Integer(), amqp: Type.Integer(), https: Type.Integer() }),
  memory: closed({ residentBytes: Type.Integer() }),
  certificate: Certificate,
  /** The hub's own authority, in short: `GET /api/v1/hub-authority` says more. */
  authority: Type.Optional(
    closed({
      issuingNotAfter: instant,
      roots: Type.Array(closed({ generation: Type.Integer(), key: Type.Enum(['machine', 'passphrase', 'away']) })),
      /** Only while it rolls over to another root. */
      rollover: Type.Optional(closed({ generation: Type.Integer(), serving: Type.Enum(['old', 'crossed', 'new']) })),
    }),
  ),
  /** Path of the root certificate that clients must trust; told on the local socket only. */
  caFile: Type.Optional(Type.String()),
})
export type Status = Type.Static<typeof Status>

export const hubOperations = {
  status: operation({
    id: 'hub.status',
    method: 'GET',
    path: '/api/v1/status',
    summary: 'Shows how the hub does',
    action: 'hub:read',
    on: 'hub',
    answer: { kind: 'json', schema: Status },
  }),
  watch: operation({
    id: 'hub.watch',
    method: 'GET',
    path: '/api/v1/status/live',
    summary: 'Shows how the hub is, now and whenever that changes',
    action: 'hub:read',
    on: 'hub',
    answer: { kind: 'lines', schema: Status, isLive: true },
  }),
  renewCertificate: operation({
    id: 'hub.renewCertificate',
    method: 'POST',
    path: '/api/v1/certificate/renew',
    summary: "Issues the listeners' certificate anew",
    action: 'hub:manage',
    on: 'hub',
    answer: { kind: 'json', schema: Certificate },
  }),
}

export const keyOperations = {
  list: operation({
    id: 'key.list',
    method: 'GET',
    path: '/api/v1/keys',
    summary: 'Lists data keys, by purpose and epoch',
    action: 'key:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('DataKey', DataKey) },
  }),
  rotate: operation({
    id: 'key.rotate',
    method: 'POST',
    path: '/api/v1/keys/rotate',
    summary: 'Begins a new epoch of telemetry with a new key',
    action: 'key:write',
    on: 'hub',
    answer: { kind: 'json', schema: DataKey },
  }),
  drop: operation({
    id: 'key.drop',
    method: 'DELETE',
    path: '/api/v1/keys/{epoch}',
    summary: 'Destroys a key of telemetry, and so all that it sealed',
    action: 'key:destroy',
    on: 'hub',
    answer: { kind: 'json', schema: DataKeyDropped },
  }),
}

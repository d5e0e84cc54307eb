/** Copies of identities, quarantine, and how devices may connect. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const QuarantineAdd = shape('QuarantineAdd', {
  deviceId: Type.String({ minLength: 1, maxLength: 128 }),
  moduleId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  reason: Type.String({ minLength: 1, maxLength: 1_024 }),
})
export type QuarantineAdd = Type.Static<typeof QuarantineAdd>

export const Quarantined = shape('Quarantined', {
  deviceId: Type.String(),
  moduleId: Type.Optional(Type.String()),
  reason: Type.String(),
  at: instant,
  /** `hub` where findings did it. */
  actor: Type.String(),
})
export type Quarantined = Type.Static<typeof Quarantined>

/** Read strictly, every fault named, by the reader of connection policies. */
export const ConnectionPolicyDraft = Type.Object({}, { title: 'ConnectionPolicyDraft' })

export const ConnectionPolicy = shape('ConnectionPolicy', {
  networks: Type.Optional(Type.Array(Type.String())),
  transports: Type.Optional(Type.Array(Type.String())),
  tlsFloor: Type.Optional(Type.String()),
  duplicates: Type.Optional(Type.String()),
  whenSuspected: Type.Optional(Type.String()),
  whenProven: Type.Optional(Type.String()),
  nonce: Type.Optional(Type.String()),
})
export type ConnectionPolicy = Type.Static<typeof ConnectionPolicy>

export const PolicyShown = shape('PolicyShown', {
  /** What was set there; null where nothing was. */
  policy: Type.Union([ConnectionPolicy, Type.Null()]),
  /** What holds there now, with what stands farther. */
  effective: ConnectionPolicy,
})
export type PolicyShown = Type.Static<typeof PolicyShown>

export const Masquerade = shape('Masquerade', {
  deviceId: Type.String(),
  moduleId: Type.Optional(Type.String()),
  verdict: Type.Enum(['clear', 'suspected', 'proven']),
  /** Points now; `provenScore` of what only somebody with a credential can cause. */
  score: Type.Number(),
  provenScore: Type.Number(),
  suspectedFrom: Type.Number(),
  provenFrom: Type.Number(),
  reasons: Type.Array(
    closed({
      finding: Type.String(),
      count: Type.Integer(),
      at: instant,
      what: Type.String(),
      points: Type.Number(),
      worth: Type.Number(),
      proven: Type.Boolean(),
    }),
  ),
  /** The latest connections, oldest first. */
  connections: Type.Array(
    closed({
      at: instant,
      network: Type.String(),
      client: Type.String(),
      certificate: Type.Optional(Type.String()),
      endedAt: Type.Optional(instant),
      takenOver: Type.Optional(Type.Boolean()),
    }),
  ),
  /** `waiting`: for an answer in this connection. */
  nonce: Type.Enum(['none', 'waiting', 'answered']),
  counter: Type.Optional(Type.Integer()),
  quarantined: Type.Optional(Quarantined),
})
export type Masquerade = Type.Static<typeof Masquerade>

export const quarantineOperations = {
  list: operation({
    id: 'quarantine.list',
    method: 'GET',
    path: '/api/v1/quarantine',
    summary: 'Lists what is in quarantine',
    action: 'masquerade:read',
    on: 'devices',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Quarantined', Quarantined) },
  }),
  add: operation({
    id: 'quarantine.add',
    method: 'POST',
    path: '/api/v1/quarantine',
    summary: 'Puts a device or module into quarantine',
    action: 'masquerade:write',
    on: 'devices',
    body: QuarantineAdd,
    answer: { kind: 'json', status: 201, schema: Quarantined },
  }),
  release: operation({
    id: 'quarantine.release',
    method: 'DELETE',
    path: '/api/v1/quarantine/{id}',
    summary: 'Lets a device out; what was found of it is cleared',
    action: 'masquerade:write',
    on: 'device',
    answer: { kind: 'none' },
  }),
  releaseModule: operation({
    id: 'quarantine.releaseModule',
    method: 'DELETE',
    path: '/api/v1/quarantine/{id}/modules/{module}',
    summary: 'Lets a module out; what was found of it is cleared',
    action: 'masquerade:write',
    on: 'device',
    answer: { kind: 'none' },
  }),
}

export const masqueradeOperations = {
  show: operation({
    id: 'masquerade.show',
    method: 'GET',
    path: '/api/v1/devices/{id}/masquerade',
    summary: 'Shows what speaks for a copy of a device',
    action: 'masquerade:read',
    on: 'device',
    answer: { kind: 'json', schema: Masquerade },
  }),
  showModule: operation({
    id: 'masquerade.showModule',
    method: 'GET',
    path: '/api/v1/devices/{id}/modules/{module}/masquerade',
    summary: 'Shows what speaks for a copy of a module',
    action: 'masquerade:read',
    on: 'device',
    answer: { kind: 'json', schema: Masquerade },
  }),
  clear: operation({
    id: 'masquerade.clear',
    method: 'DELETE',
    path: '/api/v1/devices/{id}/masquerade',
    summary: 'Clears what was found of a device; nonce and counter begin anew',
    action: 'masquerade:write',
    on: 'device',
    answer: { kind: 'none' },
  }),
  clearModule: operation({
    id: 'masquerade.clearModule',
    method: 'DELETE',
    path: '/api/v1/devices/{id}/modules/{module}/masquerade',
    summary: 'Clears what was found of a module; nonce and counter begin anew',
    action: 'masquerade:write',
    on: 'device',
    answer: { kind: 'none' },
  }),
}

export const connectionPolicyOperations = {
  show: operation({
    id: 'connectionPolicy.show',
    method: 'GET',
    path: '/api/v1/connection-policy',
    summary: 'Shows how devices without another policy may connect',
    action: 'masquerade:read',
    on: 'hub',
    answer: { kind: 'json', schema: PolicyShown },
  }),
  set: operation({
    id: 'connectionPolicy.set',
    method: 'POST',
    path: '/api/v1/connection-policy',
    summary: 'Says how devices without another policy may connect',
    action: 'masquerade:write',
    on: 'hub',
    body: ConnectionPolicyDraft,
    answer: { kind: 'json', schema: PolicyShown },
  }),
  clear: operation({
    id: 'connectionPolicy.clear',
    method: 'DELETE',
    path: '/api/v1/connection-policy',
    summary: 'Lets devices without another policy connect as by default',
    action: 'masquerade:write',
    on: 'hub',
    answer: { kind: 'none' },
  }),
  showDevice: operation({
    id: 'connectionPolicy.showDevice',
    method: 'GET',
    path: '/api/v1/devices/{id}/connection-policy',
    summary: 'Shows how a device may connect',
    action: 'masquerade:read',
    on: 'device',
    answer: { kind: 'json', schema: PolicyShown },
  }),
  setDevice: operation({
    id: 'connectionPolicy.setDevice',
    method: 'POST',
    path: '/api/v1/devices/{id}/connection-policy',
    summary: "Says how a device may connect, before its model's policy",
    action: 'masquerade:write',
    on: 'device',
    body: ConnectionPolicyDraft,
    answer: { kind: 'json', schema: PolicyShown },
  }),
  clearDevice: operation({
    id: 'connectionPolicy.clearDevice',
    method: 'DELETE',
    path: '/api/v1/devices/{id}/connection-policy',
    summary: 'Takes a device its own policy',
    action: 'masquerade:write',
    on: 'device',
    answer: { kind: 'none' },
  }),
}

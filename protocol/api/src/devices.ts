/** Devices and modules: the same operations, once for each. */

import Type from 'typebox'
import { Quarantined } from './masquerade.ts'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const DeviceCreate = shape('DeviceCreate', {
  deviceId: Type.String(),
  auth: Type.Optional(Type.Union([Type.Literal('sas'), Type.Literal('x509-thumbprint'), Type.Literal('x509-ca')])),
  /** One or two, for x509-thumbprint. */
  thumbprints: Type.Optional(Type.Array(Type.String(), { maxItems: 2 })),
  /** For sas; generated when absent. */
  primaryKey: Type.Optional(Type.String()),
  secondaryKey: Type.Optional(Type.String()),
  iotEdge: Type.Optional(Type.Boolean()),
  /** The `deviceScope` of the edge device above it. */
  parentScope: Type.Optional(Type.String()),
  /** `organisation/site/fleet` in which it stands; needed where whoever makes it could mean several. */
  fleet: Type.Optional(Type.String({ minLength: 1, maxLength: 191 })),
})
export type DeviceCreate = Type.Static<typeof DeviceCreate>

/** As `DeviceCreate`; the device is the one of the path. */
export const ModuleCreate = shape('ModuleCreate', {
  moduleId: Type.String(),
  auth: Type.Optional(Type.Union([Type.Literal('sas'), Type.Literal('x509-thumbprint'), Type.Literal('x509-ca')])),
  thumbprints: Type.Optional(Type.Array(Type.String(), { maxItems: 2 })),
  primaryKey: Type.Optional(Type.String()),
  secondaryKey: Type.Optional(Type.String()),
})
export type ModuleCreate = Type.Static<typeof ModuleCreate>

export const DeviceChange = shape(
  'DeviceChange',
  {
    status: Type.Optional(Type.Union([Type.Literal('enabled'), Type.Literal('disabled')])),
    statusReason: Type.Optional(Type.String({ maxLength: 128 })),
    /** Take the place of both slots; for x509-thumbprint. */
    thumbprints: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 2 })),
    /** Of devices alone. */
    iotEdge: Type.Optional(Type.Boolean()),
    /** Of devices alone; '' takes it away. */
    parentScope: Type.Optional(Type.String()),
  },
  { minProperties: 1 },
)
export type DeviceChange = Type.Static<typeof DeviceChange>

export const KeyChoice = shape('KeyChoice', { key: Type.Union([Type.Literal('primary'), Type.Literal('secondary')]) })
export type KeyChoice = Type.Static<typeof KeyChoice>

/** Keys are never part of it; `connection-string` discloses them, asked for by name. */
export const Device = shape('Device', {
  deviceId: Type.String(),
  moduleId: Type.Optional(Type.String()),
  generationId: Type.String(),
  etag: Type.String(),
  status: Type.Enum(['enabled', 'disabled']),
  statusReason: Type.Optional(Type.String()),
  auth: Type.Enum(['sas', 'x509-thumbprint', 'x509-ca', 'none']),
  thumbprints: Type.Optional(Type.Array(Type.String())),
  connected: Type.Boolean(),
  connectedSince: Type.Optional(instant),
  lastActivityTime: Type.Optional(instant),
  createdTime: instant,
  /** Of an edge device: true, and the scope by which others name it as their parent. */
  iotEdge: Type.Optional(Type.Boolean()),
  deviceScope: Type.Optional(Type.String()),
  /** The scope of the edge device above it. */
  parentScope: Type.Optional(Type.String()),
  /** Of a module: who looks after it, where somebody said so. */
  managedBy: Type.Optional(Type.String()),
  /** It is not trusted until an operator lets it out; of a module it may be its device's. */
  quarantined: Type.Optional(Quarantined),
})
export type Device = Type.Static<typeof Device>

/** What a change did to live sessions that rested on what it took away. */
export const Changed = shape('Changed', {
  sessionsClosed: Type.Integer(),
  /** From the decision until the last socket was closed. */
  milliseconds: Type.Number(),
})
export type Changed = Type.Static<typeof Changed>

export const ConnectionString = shape('ConnectionString', {
  connectionString: Type.String(),
})
export type ConnectionString = Type.Static<typeof ConnectionString>

export const deviceOperations = {
  list: operation({
    id: 'device.list',
    method: 'GET',
    path: '/api/v1/devices',
    summary: 'Lists devices, by id',
    action: 'device:read',
    on: 'devices',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Device', Device) },
  }),
  create: operation({
    id: 'device.create',
    method: 'POST',
    path: '/api/v1/devices',
    summary: 'Creates a device',
    action: 'device:write',
    on: 'devices',
    body: DeviceCreate,
    isVersioned: true,
    answer: { kind: 'json', status: 201, schema: Device },
  }),
  show: operation({
    id: 'device.show',
    method: 'GET',
    path: '/api/v1/devices/{id}',
    summary: 'Shows a device',
    action: 'device:read',
    on: 'device',
    isVersioned: true,
    answer: { kind: 'json', schema: Device },
  }),
  change: operation({
    id: 'device.change',
    method: 'PATCH',
    path: '/api/v1/devices/{id}',
    summary: 'Changes a device; sessions that rest on what it loses are closed',
    action: 'device:write',
    on: 'device',
    body: DeviceChange,
    isVersioned: true,
    answer: { kind: 'json', schema: Changed },
  }),
  delete: operation({
    id: 'device.delete',
    method: 'DELETE',
    path: '/api/v1/devices/{id}',
    summary: 'Deletes a device',
    action: 'device:write',
    on: 'device',
    isVersioned: true,
    answer: { kind: 'json', schema: Changed },
  }),
  connectionString: operation({
    id: 'device.connectionString',
    method: 'GET',
    path: '/api/v1/devices/{id}/connection-string',
    summary: 'Discloses the connection string of a device, with a key',
    action: 'device:secret',
    on: 'device',
    query: closed({ key: Type.Optional(Type.Enum(['primary', 'secondary'])) }),
    disclosesSecret: true,
    answer: { kind: 'json', schema: ConnectionString },
  }),
  regenerateKey: operation({
    id: 'device.regenerateKey',
    method: 'POST',
    path: '/api/v1/devices/{id}/regenerate-key',
    summary: 'Makes a new key for a device; sessions that rest on the former are closed',
    action: 'device:write',
    on: 'device',
    body: KeyChoice,
    isVersioned: true,
    answer: { kind: 'json', schema: Changed },
  }),
}

export const moduleOperations = {
  list: operation({
    id: 'module.list',
    method: 'GET',
    path: '/api/v1/devices/{id}/modules',
    summary: 'Lists the modules of a device, by id',
    action: 'device:read',
    on: 'device',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Device', Device) },
  }),
  create: operation({
    id: 'module.create',
    method: 'POST',
    path: '/api/v1/devices/{id}/modules',
    summary: 'Creates a module',
    action: 'device:write',
    on: 'device',
    body: ModuleCreate,
    isVersioned: true,
    answer: { kind: 'json', status: 201, schema: Device },
  }),
  show: operation({
    id: 'module.show',
    method: 'GET',
    path: '/api/v1/devices/{id}/modules/{module}',
    summary: 'Shows a module',
    action: 'device:read',
    on: 'device',
    isVersioned: true,
    answer: { kind: 'json', schema: Device },
  }),
  change: operation({
    id: 'module.change',
    method: 'PATCH',
    path: '/api/v1/devices/{id}/modules/{module}',
    summary: 'Changes a module; sessions that rest on what it loses are closed',
    action: 'device:write',
    on: 'device',
    body: DeviceChange,
    isVersioned: true,
    answer: { kind: 'json', schema: Changed },
  }),
  delete: operation({
    id: 'module.delete',
    method: 'DELETE',
    path: '/api/v1/devices/{id}/modules/{module}',
    summary: 'Deletes a module',
    action: 'device:write',
    on: 'device',
    isVersioned: true,
    answer: { kind: 'json', schema: Changed },
  }),
  connectionString: operation({
    id: 'module.connectionString',
    method: 'GET',
    path: '/api/v1/devices/{id}/modules/{module}/connection-string',
    summary: 'Discloses the connection string of a module, with a key',
    action: 'device:secret',
    on: 'device',
    query: closed({ key: Type.Optional(Type.Enum(['primary', 'secondary'])) }),
    disclosesSecret: true,
    answer: { kind: 'json', schema: ConnectionString },
  }),
  regenerateKey: operation({
    id: 'module.regenerateKey',
    method: 'POST',
    path: '/api/v1/devices/{id}/modules/{module}/regenerate-key',
    summary: 'Makes a new key for a module; sessions that rest on the former are closed',
    action: 'device:write',
    on: 'device',
    body: KeyChoice,
    isVersioned: true,
    answer: { kind: 'json', schema: Changed },
  }),
}

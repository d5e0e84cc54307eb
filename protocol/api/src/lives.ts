/** Lives of devices: their state, their model, their owner, and their end. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, numberedPaging, page, shape } from './shape.ts'

export const Life = shape('Life', {
  deviceId: Type.String(),
  generationId: Type.String(),
  state: Type.Enum(['manufactured', 'claimed', 'provisioned', 'commissioned', 'active', 'quarantined', 'retired']),
  since: instant,
  reason: Type.Optional(Type.String()),
  model: Type.Optional(Type.String()),
  hardwareRevision: Type.Optional(Type.String()),
  keyStorage: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  manufacturer: Type.Optional(Type.String()),
  serial: Type.Optional(Type.String()),
  /** An offer that waits. */
  offeredTo: Type.Optional(Type.String()),
})
export type Life = Type.Static<typeof Life>

export const HistoryEntry = shape('HistoryEntry', {
  sequence: Type.Integer(),
  at: instant,
  actor: Type.String(),
  move: Type.String(),
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  detail: Type.Record(Type.String(), Type.String()),
})
export type HistoryEntry = Type.Static<typeof HistoryEntry>

export const ModelAssignment = shape('ModelAssignment', {
  model: Type.String({ maxLength: 128 }),
  hardwareRevision: Type.Optional(Type.String({ maxLength: 64 })),
})
export type ModelAssignment = Type.Static<typeof ModelAssignment>

export const Reason = shape('Reason', { reason: Type.Optional(Type.String({ maxLength: 256 })) })
export type Reason = Type.Static<typeof Reason>

export const Retirement = shape('Retirement', {
  reason: Type.Optional(Type.String({ maxLength: 256 })),
  /** Destroy its files too, and replace the keys of the state, so that those of now open no older copy. */
  shred: Type.Optional(Type.Boolean()),
})
export type Retirement = Type.Static<typeof Retirement>

export const TransferOffer = shape('TransferOffer', {
  to: Type.String({ minLength: 1, maxLength: 128 }),
  clearTags: Type.Optional(Type.Boolean()),
})
export type TransferOffer = Type.Static<typeof TransferOffer>

export const Offered = shape('Offered', {
  deviceId: Type.String(),
  from: Type.Optional(Type.String()),
  to: Type.String(),
  /** Told this once. */
  code: Type.String(),
  expires: instant,
  clearTags: Type.Boolean(),
})
export type Offered = Type.Static<typeof Offered>

export const Acceptance = shape('Acceptance', { code: Type.String({ minLength: 1, maxLength: 256 }) })
export type Acceptance = Type.Static<typeof Acceptance>

export const Tombstone = shape('Tombstone', {
  sequence: Type.Optional(Type.Integer()),
  deviceId: Type.String(),
  generationId: Type.String(),
  at: instant,
  actor: Type.String(),
  reason: Type.String(),
  model: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  manufacturer: Type.Optional(Type.String()),
  serial: Type.Optional(Type.String()),
  keys: Type.Array(closed({ kind: Type.String(), digest: Type.String() })),
})
export type Tombstone = Type.Static<typeof Tombstone>

export const lifeOperations = {
  show: operation({
    id: 'life.show',
    method: 'GET',
    path: '/api/v1/devices/{id}/life',
    summary: 'Shows the life of a device',
    action: 'device:read',
    on: 'device',
    answer: { kind: 'json', schema: Life },
  }),
  history: operation({
    id: 'life.history',
    method: 'GET',
    path: '/api/v1/devices/{id}/life/history',
    summary: 'Lists the moves of a life; also of devices that are gone',
    action: 'device:read',
    on: 'device',
    query: closed({ ...numberedPaging }),
    answer: { kind: 'json', schema: page('HistoryEntry', HistoryEntry) },
  }),
  assignModel: operation({
    id: 'life.assignModel',
    method: 'POST',
    path: '/api/v1/devices/{id}/life/model',
    summary: 'Says of which model a device is',
    action: 'device:write',
    on: 'device',
    body: ModelAssignment,
    answer: { kind: 'json', schema: Life },
  }),
  commission: operation({
    id: 'life.commission',
    method: 'POST',
    path: '/api/v1/devices/{id}/life/commission',
    summary: 'Puts a device into service',
    action: 'device:write',
    on: 'device',
    body: Reason,
    answer: { kind: 'json', schema: Life },
  }),
  retire: operation({
    id: 'life.retire',
    method: 'POST',
    path: '/api/v1/devices/{id}/life/retire',
    summary: 'Ends the life of a device for ever',
    action: 'supply:retire',
    on: 'device',
    body: Retirement,
    answer: { kind: 'json', schema: Tombstone },
  }),
  tombstones: operation({
    id: 'life.tombstones',
    method: 'GET',
    path: '/api/v1/tombstones',
    summary: 'Lists what is kept of devices that were retired',
    action: 'device:read',
    on: 'devices',
    query: closed({ device: Type.Optional(Type.String({ maxLength: 128 })), ...numberedPaging }),
    answer: { kind: 'json', schema: page('Tombstone', Tombstone) },
  }),
}

export const transferOperations = {
  offer: operation({
    id: 'transfer.offer',
    method: 'POST',
    path: '/api/v1/devices/{id}/transfer',
    summary: 'Offers a device to another owner; the answer tells a code once',
    action: 'supply:own',
    on: 'device',
    body: TransferOffer,
    disclosesSecret: true,
    answer: { kind: 'json', status: 201, schema: Offered },
  }),
  withdraw: operation({
    id: 'transfer.withdraw',
    method: 'DELETE',
    path: '/api/v1/devices/{id}/transfer',
    summary: 'Withdraws an offer',
    action: 'supply:own',
    on: 'device',
    answer: { kind: 'none' },
  }),
  accept: operation({
    id: 'transfer.accept',
    method: 'POST',
    path: '/api/v1/transfers/accept',
    summary: 'Accepts an offer by its code',
    action: 'supply:own',
    on: 'hub',
    body: Acceptance,
    answer: { kind: 'json', schema: Life },
  }),
}

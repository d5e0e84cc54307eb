/** Models, manifests, claims and lives of devices, in Holdfast's own API. Forms as in `management.ts`. */

import Type from 'typebox'
import { HistoryEntry } from './lives.ts'
import { operation } from './operation.ts'
import { closed, instant, numberedPaging, page, paging, shape } from './shape.ts'

export const ManufacturerCreate = shape('ManufacturerCreate', {
  name: Type.String(),
  publicKey: Type.String({ minLength: 1, maxLength: 16_384 }),
})
export type ManufacturerCreate = Type.Static<typeof ManufacturerCreate>

export const Manufacturer = shape('Manufacturer', {
  name: Type.String(),
  /** SHA-256 of the key's SubjectPublicKeyInfo, upper-case hex. */
  sha256: Type.String(),
  addedTime: instant,
})
export type Manufacturer = Type.Static<typeof Manufacturer>

export const ImportCounts = shape('ImportCounts', {
  imported: Type.Integer(),
  duplicate: Type.Integer(),
  conflict: Type.Integer(),
  malformed: Type.Integer(),
})
export type ImportCounts = Type.Static<typeof ImportCounts>

export const Manifest = shape('Manifest', {
  /** Of the file, upper-case hex. */
  sha256: Type.String(),
  name: Type.String(),
  manufacturer: Type.String(),
  importedTime: instant,
  actor: Type.String(),
  counts: ImportCounts,
  /** False of an import that was broken off: import the file again. */
  complete: Type.Boolean(),
})
export type Manifest = Type.Static<typeof Manifest>

export const LineReport = shape('LineReport', {
  /** From 1; the head is line 1. */
  line: Type.Integer(),
  outcome: Type.Enum(['imported', 'duplicate', 'conflict', 'malformed']),
  serial: Type.Optional(Type.String()),
  member: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  remedy: Type.Optional(Type.String()),
})
export type LineReport = Type.Static<typeof LineReport>

/** The last line of the answer to an import. */
export const ImportEnd = shape('ImportEnd', {
  manifest: Manifest,
})
export type ImportEnd = Type.Static<typeof ImportEnd>

export const SupplyEntry = shape('SupplyEntry', {
  manufacturer: Type.String(),
  serial: Type.String(),
  model: Type.String(),
  hardwareRevision: Type.String(),
  key: Type.Enum(['public-key', 'certificate', 'endorsement-key']),
  /** Of the key, upper-case hex. */
  keySha256: Type.String(),
  keyStorage: Type.Enum(['software', 'secure-element', 'tpm']),
  /** Whether it is claimed by a code only. */
  hasCode: Type.Boolean(),
  state: Type.Enum(['manufactured', 'expired', 'claimed', 'provisioned', 'retired']),
  manifest: Type.String(),
  importedTime: instant,
  /** While it waits to be claimed. */
  expires: Type.Optional(instant),
  owner: Type.Optional(Type.String()),
  claimedTime: Type.Optional(instant),
  registrationId: Type.Optional(Type.String()),
})
export type SupplyEntry = Type.Static<typeof SupplyEntry>

/** By `code`, or by `serial` where the entry has none. */
export const Claim = shape('Claim', {
  code: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  serial: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  manufacturer: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  owner: Type.String({ minLength: 1, maxLength: 128 }),
  registrationId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
})
export type Claim = Type.Static<typeof Claim>

export const OwnerCreate = shape('OwnerCreate', { name: Type.String() })
export type OwnerCreate = Type.Static<typeof OwnerCreate>

export const Owner = shape('Owner', {
  name: Type.String(),
  addedTime: instant,
})
export type Owner = Type.Static<typeof Owner>

export const manufacturerOperations = {
  list: operation({
    id: 'manufacturer.list',
    method: 'GET',
    path: '/api/v1/manufacturers',
    summary: 'Lists manufacturers',
    action: 'supply:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Manufacturer', Manufacturer) },
  }),
  add: operation({
    id: 'manufacturer.add',
    method: 'POST',
    path: '/api/v1/manufacturers',
    summary: 'Believes the manifests of a manufacturer',
    action: 'manufacturer:write',
    on: 'hub',
    body: ManufacturerCreate,
    answer: { kind: 'json', status: 201, schema: Manufacturer },
  }),
  remove: operation({
    id: 'manufacturer.remove',
    method: 'DELETE',
    path: '/api/v1/manufacturers/{name}',
    summary: 'Believes a manufacturer no more',
    action: 'manufacturer:write',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}

export const manifestOperations = {
  list: operation({
    id: 'manifest.list',
    method: 'GET',
    path: '/api/v1/manifests',
    summary: 'Lists manifests that were imported',
    action: 'supply:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Manifest', Manifest) },
  }),
  upload: operation({
    id: 'manifest.upload',
    method: 'POST',
    path: '/api/v1/manifests',
    summary: 'Imports a signed manifest; each line is answered with one, and the whole with the last',
    action: 'supply:manufacture',
    on: 'hub',
    query: closed({ manufacturer: Type.String({ maxLength: 128 }) }),
    headers: closed({
      /** Of the file, base64. */
      'holdfast-signature': Type.String({ minLength: 1, maxLength: 16_384 }),
    }),
    upload: 'application/octet-stream',
    answer: { kind: 'lines', schema: Type.Union([LineReport, ImportEnd]) },
  }),
  show: operation({
    id: 'manifest.show',
    method: 'GET',
    path: '/api/v1/manifests/{sha256}',
    summary: 'Shows what came of an import',
    action: 'supply:read',
    on: 'hub',
    answer: { kind: 'json', schema: Manifest },
  }),
}

export const supplyOperations = {
  list: operation({
    id: 'supply.list',
    method: 'GET',
    path: '/api/v1/supply',
    summary: 'Lists devices that manufacturers have announced',
    action: 'supply:read',
    on: 'hub',
    query: closed({
      state: Type.Optional(Type.Enum(['manufactured', 'expired', 'claimed', 'provisioned', 'retired'])),
      owner: Type.Optional(Type.String({ maxLength: 128 })),
      ...paging,
    }),
    answer: { kind: 'json', schema: page('SupplyEntry', SupplyEntry) },
  }),
  show: operation({
    id: 'supply.show',
    method: 'GET',
    path: '/api/v1/supply/{manufacturer}/{serial}',
    summary: 'Shows an announced device',
    action: 'supply:read',
    on: 'hub',
    answer: { kind: 'json', schema: SupplyEntry },
  }),
  history: operation({
    id: 'supply.history',
    method: 'GET',
    path: '/api/v1/supply/{manufacturer}/{serial}/history',
    summary: 'Lists what happened to an announced device',
    action: 'supply:read',
    on: 'hub',
    query: closed({ ...numberedPaging }),
    answer: { kind: 'json', schema: page('HistoryEntry', HistoryEntry) },
  }),
  claim: operation({
    id: 'supply.claim',
    method: 'POST',
    path: '/api/v1/claims',
    summary: 'Claims a device for an owner',
    action: 'supply:own',
    on: 'hub',
    body: Claim,
    answer: { kind: 'json', status: 201, schema: SupplyEntry },
  }),
}

export const ownerOperations = {
  list: operation({
    id: 'owner.list',
    method: 'GET',
    path: '/api/v1/owners',
    summary: 'Lists owners',
    action: 'supply:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Owner', Owner) },
  }),
  add: operation({
    id: 'owner.add',
    method: 'POST',
    path: '/api/v1/owners',
    summary: 'Adds an owner',
    action: 'supply:own',
    on: 'hub',
    body: OwnerCreate,
    answer: { kind: 'json', status: 201, schema: Owner },
  }),
  remove: operation({
    id: 'owner.remove',
    method: 'DELETE',
    path: '/api/v1/owners/{name}',
    summary: 'Removes an owner',
    action: 'supply:own',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}

/**
 * Models, manifests, claims and lives of devices, in Holdfast's own API. Forms as in `management.ts`.
 *
 *   GET    /api/v1/models                                   Page<Model>
 *   POST   /api/v1/models                                   a model's document -> Model (201)
 *   GET    /api/v1/models/{id}                              Model
 *   PUT    /api/v1/models/{id}                              a model's document -> Model; takes If-Match
 *   DELETE /api/v1/models/{id}                              204; takes If-Match
 *   GET    /api/v1/manufacturers                            Page<Manufacturer>
 *   POST   /api/v1/manufacturers                            ManufacturerCreate -> Manufacturer (201)
 *   DELETE /api/v1/manufacturers/{name}                     204
 *   GET    /api/v1/manifests                                Page<Manifest>
 *   POST   /api/v1/manifests?manufacturer=                  the file; its signature as base64 in `Holdfast-Signature`
 *                                                           -> application/x-ndjson of LineReport, a Manifest at the end
 *   GET    /api/v1/manifests/{sha256}                       Manifest
 *   GET    /api/v1/supply?state=&owner=                     Page<SupplyEntry>
 *   GET    /api/v1/supply/{manufacturer}/{serial}           SupplyEntry
 *   GET    /api/v1/supply/{manufacturer}/{serial}/history   Page<HistoryEntry>
 *   POST   /api/v1/claims                                   Claim -> SupplyEntry (201)
 *   GET    /api/v1/owners                                   Page<Owner>
 *   POST   /api/v1/owners                                   OwnerCreate -> Owner (201)
 *   DELETE /api/v1/owners/{name}                            204
 *   GET    /api/v1/devices/{id}/life                        Life
 *   GET    /api/v1/devices/{id}/life/history                Page<HistoryEntry>; also of devices that are gone
 *   POST   /api/v1/devices/{id}/life/model                  ModelAssignment -> Life
 *   POST   /api/v1/devices/{id}/life/commission             Reason -> Life
 *   POST   /api/v1/devices/{id}/life/retire                 Retirement -> Tombstone
 *   POST   /api/v1/devices/{id}/transfer                    TransferOffer -> Offered (201)
 *   DELETE /api/v1/devices/{id}/transfer                    204
 *   POST   /api/v1/transfers/accept                         Acceptance -> Life
 *   GET    /api/v1/tombstones?device=                       Page<Tombstone>
 */

import Type from 'typebox'

const strict = { additionalProperties: false }

/** What the document of a model holds is read by the domain, which names every fault. */
export const ModelDocument = Type.Record(Type.String(), Type.Unknown())
export type ModelDocument = Type.Static<typeof ModelDocument>

export interface Model {
  id: string
  manufacturer: string
  description?: string
  tier: 'full' | 'secure-element' | 'constrained' | 'legacy'
  hardwareRevisions: string[]
  announces?: string[]
  /** As its document says it; `effective` is what holds. */
  requirements: Record<string, boolean | string[]>
  connection?: object
  attestation?: object
  effective: {
    credentials: string[]
    /** What is asked at each step of a device's life. */
    steps: Record<string, string[]>
  }
  etag: string
  createdTime: string
  updatedTime: string
}

export const ManufacturerCreate = Type.Object(
  { name: Type.String(), publicKey: Type.String({ minLength: 1, maxLength: 16_384 }) },
  strict,
)
export type ManufacturerCreate = Type.Static<typeof ManufacturerCreate>

export interface Manufacturer {
  name: string
  /** SHA-256 of the key's SubjectPublicKeyInfo, upper-case hex. */
  sha256: string
  addedTime: string
}

export interface ImportCounts {
  imported: number
  duplicate: number
  conflict: number
  malformed: number
}

export interface Manifest {
  /** Of the file, upper-case hex. */
  sha256: string
  name: string
  manufacturer: string
  importedTime: string
  actor: string
  counts: ImportCounts
  /** False of an import that was broken off: import the file again. */
  complete: boolean
}

export interface LineReport {
  /** From 1; the head is line 1. */
  line: number
  outcome: 'imported' | 'duplicate' | 'conflict' | 'malformed'
  serial?: string
  member?: string
  reason?: string
  remedy?: string
}

/** The last line of the answer to an import. */
export interface ImportEnd {
  manifest: Manifest
}

export interface SupplyEntry {
  manufacturer: string
  serial: string
  model: string
  hardwareRevision: string
  key: 'public-key' | 'certificate' | 'endorsement-key'
  /** Of the key, upper-case hex. */
  keySha256: string
  keyStorage: 'software' | 'secure-element' | 'tpm'
  /** Whether it is claimed by a code only. */
  hasCode: boolean
  state: 'manufactured' | 'expired' | 'claimed' | 'provisioned' | 'retired'
  manifest: string
  importedTime: string
  /** While it waits to be claimed. */
  expires?: string
  owner?: string
  claimedTime?: string
  registrationId?: string
}

/** By `code`, or by `serial` where the entry has none. */
export const Claim = Type.Object(
  {
    code: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    serial: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    manufacturer: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    owner: Type.String({ minLength: 1, maxLength: 128 }),
    registrationId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  },
  strict,
)
export type Claim = Type.Static<typeof Claim>

export const OwnerCreate = Type.Object({ name: Type.String() }, strict)
export type OwnerCreate = Type.Static<typeof OwnerCreate>

export interface Owner {
  name: string
  addedTime: string
}

export interface Life {
  deviceId: string
  generationId: string
  state: 'manufactured' | 'claimed' | 'provisioned' | 'commissioned' | 'active' | 'quarantined' | 'retired'
  since: string
  reason?: string
  model?: string
  hardwareRevision?: string
  keyStorage?: string
  owner?: string
  manufacturer?: string
  serial?: string
  /** An offer that waits. */
  offeredTo?: string
}

export interface HistoryEntry {
  sequence: number
  at: string
  actor: string
  move: string
  from?: string
  to?: string
  detail: Record<string, string>
}

export const ModelAssignment = Type.Object(
  { model: Type.String({ maxLength: 128 }), hardwareRevision: Type.Optional(Type.String({ maxLength: 64 })) },
  strict,
)
export type ModelAssignment = Type.Static<typeof ModelAssignment>

export const Reason = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 256 })) }, strict)
export type Reason = Type.Static<typeof Reason>

export const Retirement = Type.Object(
  {
    reason: Type.Optional(Type.String({ maxLength: 256 })),
    /** Destroy its files too, and replace the keys of the state, so that those of now open no older copy. */
    shred: Type.Optional(Type.Boolean()),
  },
  strict,
)
export type Retirement = Type.Static<typeof Retirement>

export const TransferOffer = Type.Object(
  { to: Type.String({ minLength: 1, maxLength: 128 }), clearTags: Type.Optional(Type.Boolean()) },
  strict,
)
export type TransferOffer = Type.Static<typeof TransferOffer>

export interface Offered {
  deviceId: string
  from?: string
  to: string
  /** Told this once. */
  code: string
  expires: string
  clearTags: boolean
}

export const Acceptance = Type.Object({ code: Type.String({ minLength: 1, maxLength: 256 }) }, strict)
export type Acceptance = Type.Static<typeof Acceptance>

export interface Tombstone {
  sequence?: number
  deviceId: string
  generationId: string
  at: string
  actor: string
  reason: string
  model?: string
  owner?: string
  manufacturer?: string
  serial?: string
  keys: { kind: string; digest: string }[]
}

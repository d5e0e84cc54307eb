/**
 * Holdfast's own API, `/api/v1`: the shapes that the hub, the CLI and the console agree on.
 * Times are RFC 3339 UTC. Errors are problem+json (RFC 9457) with `title`, `status`, `detail` (what to do), `code`, and
 * for a request of the wrong form `faults`: each with `path` (JSON pointer, or `?name`) and `message`.
 * Changes of devices take `If-Match`. Lists take `after` and `limit` (100 unless told, at most 1000).
 *
 *   GET    /api/v1/status                                   Status
 *   GET    /api/v1/devices?after=&limit=                    Page<Device>
 *   POST   /api/v1/devices                                  DeviceCreate -> Device (201)
 *   GET    /api/v1/devices/{id}                             Device
 *   PATCH  /api/v1/devices/{id}                             DeviceChange -> Changed
 *   DELETE /api/v1/devices/{id}                             Changed
 *   GET    /api/v1/devices/{id}/connection-string?key=      ConnectionString (key: primary, secondary)
 *   POST   /api/v1/devices/{id}/regenerate-key              KeyChoice -> Changed
 *   the same under /api/v1/devices/{id}/modules[/{module}]  POST takes ModuleCreate
 *   POST   the same with /messages behind the id            MessageToDevice -> MessageSent (201)
 *   DELETE the same                                         Purged: what waits for it is ended
 *   POST   the same with /methods behind the id             MethodCall -> MethodAnswer (waits for the device)
 *   POST   /api/v1/query                                    QueryRequest -> QueryPage
 *   GET    /api/v1/policies                                 Page<Policy>
 *   GET    /api/v1/policies/{name}/connection-string?eventHub=&key=  ConnectionString
 *   POST   /api/v1/policies/{name}/regenerate-key           KeyChoice -> Changed
 *   GET    /api/v1/consumer-groups                          Page<ConsumerGroup>
 *   POST   /api/v1/consumer-groups                          ConsumerGroupCreate -> ConsumerGroup (201)
 *   DELETE /api/v1/consumer-groups/{name}                   204
 *   GET    /api/v1/enrollments, /api/v1/enrollment-groups   Page<Enrollment>
 *   POST   the same                                         EnrollmentCreate -> Enrollment (201)
 *   GET    /api/v1/enrollments/{id}, /enrollment-groups/{id}            Enrollment
 *   GET    /api/v1/enrollment-groups/{id}/derived-key/{registrationId}  { key }
 *   DELETE the same                                         204
 *   GET    /api/v1/authorities                              Page<Authority>
 *   POST   /api/v1/authorities                              AuthorityCreate -> Authority (201; state pending, with nonce)
 *   GET    /api/v1/authorities/{name}                       Authority
 *   POST   /api/v1/authorities/{name}/verify                AuthorityProof -> Authority
 *   DELETE /api/v1/authorities/{name}                       Changed
 *   GET    /api/v1/messages?device=&partition=&from=&to=&sequence=&limit=&follow=   application/x-ndjson of Message
 *   GET    /api/v1/files?device=&after=&limit=              Page<File>
 *   GET    /api/v1/files/{id}/content                       application/octet-stream
 *   DELETE /api/v1/files/{id}                               204
 *   GET    /api/v1/keys                                     Page<DataKey>
 *   POST   /api/v1/keys/rotate                              DataKey
 *   DELETE /api/v1/keys/{epoch}                             DataKeyDropped
 *   POST   /api/v1/certificate/renew                        Certificate
 *   GET    /api/v1/events?limit=&follow=                    application/x-ndjson of Event
 */

import Type from 'typebox'
import type { Quarantined } from './masquerade.ts'

export type { Lapse } from './calendar.ts'
export type {
  HubAuthority,
  HubAuthorityChanged,
  RolloverProgress,
  RolloverState,
  Root,
  RootBundle,
  Serving,
} from './hub-authority.ts'
export { RolloverBegin, RolloverFinish, RolloverSwitch, RootBrought, RootExport, RootUse } from './hub-authority.ts'
export type { KeyProvider, KeyProviderKind } from './key-provider.ts'
export { KeyProviderChange } from './key-provider.ts'
export type { Shredded } from './shred.ts'
export { ShredRequest } from './shred.ts'

const strict = { additionalProperties: false }

export interface Page<T> {
  items: T[]
  /** Pass as `after` to go on; absent on the last page. */
  next?: string
}

export const DeviceCreate = Type.Object(
  {
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
  },
  strict,
)
export type DeviceCreate = Type.Static<typeof DeviceCreate>

/** As `DeviceCreate`; the device is the one of the path. */
export const ModuleCreate = Type.Object(
  {
    moduleId: Type.String(),
    auth: Type.Optional(Type.Union([Type.Literal('sas'), Type.Literal('x509-thumbprint'), Type.Literal('x509-ca')])),
    thumbprints: Type.Optional(Type.Array(Type.String(), { maxItems: 2 })),
    primaryKey: Type.Optional(Type.String()),
    secondaryKey: Type.Optional(Type.String()),
  },
  strict,
)
export type ModuleCreate = Type.Static<typeof ModuleCreate>

export const DeviceChange = Type.Object(
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
  { ...strict, minProperties: 1 },
)
export type DeviceChange = Type.Static<typeof DeviceChange>

/** A query over twins, in the language of IoT Hub; the same text again with each continuation. */
export const QueryRequest = Type.Object(
  {
    query: Type.String({ minLength: 1, maxLength: 65_536 }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    continuation: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
  },
  strict,
)
export type QueryRequest = Type.Static<typeof QueryRequest>

/** A page may be short or empty and not the last: that is the one without a continuation. */
export interface QueryPage {
  items: object[]
  continuation?: string
}

/** A direct method; the module, if it is one's, stands in the path. */
export const MethodCall = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    /** Any JSON of at most 128 KiB; `null` unless told. */
    payload: Type.Optional(Type.Unknown()),
    responseTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 300 })),
    connectTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 300 })),
  },
  strict,
)
export type MethodCall = Type.Static<typeof MethodCall>

export interface MethodAnswer {
  /** The device's own, any 32-bit number. */
  status: number
  payload: unknown
}

export const KeyChoice = Type.Object({ key: Type.Union([Type.Literal('primary'), Type.Literal('secondary')]) }, strict)
export type KeyChoice = Type.Static<typeof KeyChoice>

/** Keys are never part of it; `connection-string` discloses them, asked for by name. */
export interface Device {
  deviceId: string
  moduleId?: string
  generationId: string
  etag: string
  status: 'enabled' | 'disabled'
  statusReason?: string
  auth: 'sas' | 'x509-thumbprint' | 'x509-ca' | 'none'
  thumbprints?: string[]
  connected: boolean
  connectedSince?: string
  lastActivityTime?: string
  createdTime: string
  /** Of an edge device: true, and the scope by which others name it as their parent. */
  iotEdge?: boolean
  deviceScope?: string
  /** The scope of the edge device above it. */
  parentScope?: string
  /** Of a module: who looks after it, where somebody said so. */
  managedBy?: string
  /** It is not trusted until an operator lets it out; of a module it may be its device's. */
  quarantined?: Quarantined
}

/** What a change did to live sessions that rested on what it took away. */
export interface Changed {
  sessionsClosed: number
  /** From the decision until the last socket was closed. */
  milliseconds: number
}

export interface ConnectionString {
  connectionString: string
}

export const ConsumerGroupCreate = Type.Object({ name: Type.String() }, strict)
export type ConsumerGroupCreate = Type.Static<typeof ConsumerGroupCreate>

/** Of the Event Hubs-compatible endpoint. */
export interface ConsumerGroup {
  name: string
}

export interface Policy {
  name: string
  rights: string[]
}

export const EnrollmentCreate = Type.Object(
  {
    id: Type.String(),
    attestation: Type.Union([Type.Literal('symmetric-key'), Type.Literal('x509'), Type.Literal('tpm')]),
    /** PEM; the leaf of an individual enrolment, the signing authority of a group. */
    certificate: Type.Optional(Type.String()),
    primaryKey: Type.Optional(Type.String()),
    secondaryKey: Type.Optional(Type.String()),
    /** Of a TPM (individual): base64 of TPM2B_PUBLIC, as the next. */
    endorsementKey: Type.Optional(Type.String()),
    storageRootKey: Type.Optional(Type.String()),
    /** PEM of the endorsement key's certificate, and of those between it and its manufacturer's root. */
    endorsementCertificate: Type.Optional(Type.String()),
    /** Absent: as the hub is configured. */
    requireEndorsementCertificate: Type.Optional(Type.Boolean()),
    deviceId: Type.Optional(Type.String()),
    disabled: Type.Optional(Type.Boolean()),
    /** By which devices get certificates with their registrations; absent: they get none. */
    certificateProfile: Type.Optional(Type.String()),
  },
  strict,
)
export type EnrollmentCreate = Type.Static<typeof EnrollmentCreate>

export interface Enrollment {
  id: string
  scope: 'individual' | 'group'
  attestation: 'symmetric-key' | 'x509' | 'tpm'
  status: 'enabled' | 'disabled'
  etag: string
  deviceId?: string
  certificateProfile?: string
  createdTime: string
}

export const AuthorityCreate = Type.Object({ name: Type.String(), certificate: Type.String() }, strict)
export type AuthorityCreate = Type.Static<typeof AuthorityCreate>
/** PEM of a certificate signed by the authority whose common name is the nonce. */
export const AuthorityProof = Type.Object({ certificate: Type.String() }, strict)
export type AuthorityProof = Type.Static<typeof AuthorityProof>

export interface Authority {
  name: string
  subject: string
  sha256: string
  notAfter: string
  state: 'pending' | 'verified'
  /** While pending: what a certificate signed by the authority must carry as common name. */
  nonce?: string
}

export interface Message {
  deviceId: string
  moduleId?: string
  enqueuedTime: string
  sequenceNumber: number
  offset: string
  partition: number
  properties: Record<string, string | null>
  systemProperties: Record<string, string>
  body: string
  bodyEncoding: 'utf8' | 'base64'
}

/** Kept for the device until it takes it, or until the message's time is over. */
export const MessageToDevice = Type.Object(
  {
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
  },
  strict,
)
export type MessageToDevice = Type.Static<typeof MessageToDevice>

export interface MessageSent {
  sequenceNumber: number
  messageId?: string
  enqueuedTime: string
  expiryTime: string
}

export interface Purged {
  messages: number
}

/** What a device has uploaded; `completed` when it has said so, and back ends were told. */
export interface File {
  id: string
  deviceId: string
  /** With the device's prefix. */
  blobName: string
  state: 'uploaded' | 'completed'
  bytes: number
  uploadedTime: string
  /** As the device said. */
  contentType?: string
}

export interface DataKey {
  epoch: number
  purpose: 'telemetry' | 'state'
  createdTime: string
  state: 'current' | 'retired' | 'dropped'
}

export interface DataKeyDropped {
  epoch: number
  /** Messages that can never be read again. */
  messages: number
}

/** The listeners' certificate. */
export interface Certificate {
  notAfter: string
  /** Upper-case hex of its DER. */
  sha256: string
}

export interface Event {
  type: string
  time: string
  subject: string
  actor: string
  detail: Record<string, string | number | boolean>
}

export interface Status {
  hostname: string
  idScope: string
  version: string
  pid: number
  uptimeSeconds: number
  /** What the hub waits for: why it cannot take telemetry just now, or what an operator has to do; empty when all is well. */
  conditions: { code: string; detail: string }[]
  /** What the operator should change although all is well: what is so, and what to do. */
  notices: { code: string; detail: string; advice: string }[]
  connected: number
  devices: { total: number; enabled: number }
  messages: { stored: number; perSecond: number; bytesSealed: number }
  refused: { total: number; perSecond: number }
  /** Requests that were more than their sender or all together may ask, by operation. */
  throttled: { total: number; perSecond: number; operations: Record<string, number> }
  partitions: { partition: number; firstSequence: number; nextSequence: number; lastEnqueuedTime?: string }[]
  ports: { mqtt: number; amqp: number; https: number }
  memory: { residentBytes: number }
  certificate: Certificate
  /** The hub's own authority, in short: `GET /api/v1/hub-authority` says more. */
  authority?: {
    issuingNotAfter: string
    roots: { generation: number; key: 'machine' | 'passphrase' | 'away' }[]
    /** Only while it rolls over to another root. */
    rollover?: { generation: number; serving: 'old' | 'crossed' | 'new' }
  }
  /** Path of the root certificate that clients must trust; told on the local socket only. */
  caFile?: string
}

/** Sinks: receivers of the audit log's events, over syslog, webhooks and OpenTelemetry. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, numberedPaging, page, paging, shape } from './shape.ts'

const name = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$' })
const patterns = Type.Optional(Type.Array(Type.String({ maxLength: 1_025 }), { minItems: 1, maxItems: 64 }))
const pem = Type.String({ maxLength: 32_768 })

/** Every member narrows; of the patterns of one member, one has to fit. */
export const EventFilter = shape('EventFilter', {
  /** `identity.created`, or `identity.*`. */
  types: patterns,
  /** `device/pump-1`, or with a star at its end `device/pump-*`. */
  subjects: patterns,
  actors: patterns,
  organisations: patterns,
  from: Type.Optional(instant),
  until: Type.Optional(instant),
})
export type EventFilter = Type.Static<typeof EventFilter>

/** As whom the hub comes: PEM of a certificate with its chain, and of its key. */
const client = closed({ certificate: pem, key: pem })
const headers = Type.Record(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' }), Type.String({ maxLength: 4_096 }), {
  maxProperties: 16,
})

export const SinkDraft = shape('SinkDraft', {
  name,
  kind: Type.Enum(['syslog', 'webhook', 'otlp']),
  /** `https://host/path`, or `syslog://host:6514` (always TLS). */
  address: Type.String({ maxLength: 2_048 }),
  filter: Type.Optional(EventFilter),
  /** The filter of this saved view, as it is now. */
  view: Type.Optional(Type.String({ maxLength: 63 })),
  /** PEM of the roots that are trusted; without them, the public ones. */
  authorities: Type.Optional(pem),
  client: Type.Optional(client),
  /** Sent with each request, e.g. `authorization`; never shown. Not for syslog. */
  headers: Type.Optional(headers),
  /** Where it begins: with what comes from now on (`now`), or at the log's start. */
  from: Type.Optional(Type.Enum(['now', 'start'])),
})
export type SinkDraft = Type.Static<typeof SinkDraft>

/** What is absent stays; null takes away. */
export const SinkChange = shape('SinkChange', {
  address: Type.Optional(Type.String({ maxLength: 2_048 })),
  filter: Type.Optional(EventFilter),
  view: Type.Optional(Type.String({ maxLength: 63 })),
  authorities: Type.Optional(Type.Union([pem, Type.Null()])),
  client: Type.Optional(Type.Union([client, Type.Null()])),
  headers: Type.Optional(Type.Union([headers, Type.Null()])),
  isEnabled: Type.Optional(Type.Boolean()),
})
export type SinkChange = Type.Static<typeof SinkChange>

const sink = {
  name: Type.String(),
  kind: Type.Enum(['syslog', 'webhook', 'otlp']),
  address: Type.String(),
  filter: EventFilter,
  view: Type.Optional(Type.String()),
  hasAuthorities: Type.Boolean(),
  hasClientCertificate: Type.Boolean(),
  /** Their names. */
  headers: Type.Array(Type.String()),
  /** Whether it may have an address of the hub's own network. */
  allowPrivate: Type.Boolean(),
  /** Of a webhook: those that sign now, the current one first. */
  secrets: Type.Array(closed({ createdTime: instant, endsTime: Type.Optional(instant) })),
  /**
   * `current`: nothing waits; `sending`; `failing`: tried again and again; `held`: as much as may be is set aside, and the
   * receiver refuses more; `paused`.
   */
  state: Type.Enum(['current', 'sending', 'failing', 'held', 'paused']),
  /** Failures in a row, and why the last one. */
  failures: Type.Integer(),
  reason: Type.Optional(Type.String()),
  lastTakenTime: Type.Optional(instant),
  /** The first entry of the log that was not dealt with. */
  cursor: Type.Integer(),
  /** Entries from there to the log's end, and when the first of them happened. */
  backlog: Type.Integer(),
  backlogSince: Type.Optional(instant),
  /** How many times the receiver refused something for good that waits for somebody to look. */
  setAside: Type.Integer(),
  etag: Type.String(),
  createdTime: instant,
  updatedTime: instant,
}

export const Sink = shape('Sink', sink)
export type Sink = Type.Static<typeof Sink>

export const SinkCreated = shape('SinkCreated', {
  ...sink,
  /** Of a webhook, as Standard Webhooks writes it. Told this once. */
  secret: Type.Optional(Type.String()),
})
export type SinkCreated = Type.Static<typeof SinkCreated>

export const SecretRotation = shape('SecretRotation', {
  /** How long the former secret goes on signing beside the new one: a day unless told, 0 ends it now. */
  overlapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_592_000 })),
})

export const PrivateAddresses = shape('PrivateAddresses', { allowed: Type.Boolean() })

export const SetAsideEntry = shape('SetAsideEntry', {
  sequence: Type.Integer(),
  /** Indexes in the log. */
  first: Type.Integer(),
  last: Type.Integer(),
  /** How many of them; a receiver may not say which. */
  count: Type.Integer(),
  reason: Type.String(),
  time: instant,
})
export type SetAsideEntry = Type.Static<typeof SetAsideEntry>

export const RetryOutcome = shape('RetryOutcome', { taken: Type.Integer(), left: Type.Integer() })
export type RetryOutcome = Type.Static<typeof RetryOutcome>

export const DismissOutcome = shape('DismissOutcome', { dismissed: Type.Integer() })
export type DismissOutcome = Type.Static<typeof DismissOutcome>

const SINKS = '/api/v1/audit/sinks' as const
const SINK = `${SINKS}/{name}` as const
const none = { kind: 'none' } as const

export const sinkOperations = {
  list: operation({
    id: 'sink.list',
    method: 'GET',
    path: SINKS,
    summary: 'Lists who receives events of the audit log, with what waits for them',
    action: 'audit:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Sink', Sink) },
  }),
  create: operation({
    id: 'sink.create',
    method: 'POST',
    path: SINKS,
    summary: 'Sends events of the audit log to a receiver from now on',
    action: 'audit:manage',
    on: 'hub',
    body: SinkDraft,
    answer: { kind: 'json', status: 201, schema: SinkCreated },
    isVersioned: true,
    disclosesSecret: true,
  }),
  show: operation({
    id: 'sink.show',
    method: 'GET',
    path: SINK,
    summary: 'Shows a receiver of events, and what waits for it',
    action: 'audit:read',
    on: 'hub',
    answer: { kind: 'json', schema: Sink },
    isVersioned: true,
  }),
  change: operation({
    id: 'sink.change',
    method: 'PATCH',
    path: SINK,
    summary: 'Changes a receiver of events, pauses it or lets it go on; takes If-Match',
    action: 'audit:manage',
    on: 'hub',
    body: SinkChange,
    answer: { kind: 'json', schema: Sink },
    isVersioned: true,
  }),
  remove: operation({
    id: 'sink.remove',
    method: 'DELETE',
    path: SINK,
    summary: 'Sends nothing more to a receiver of events, and forgets what was set aside for it',
    action: 'audit:manage',
    on: 'hub',
    answer: none,
    isVersioned: true,
  }),
  rotate: operation({
    id: 'sink.rotate',
    method: 'POST',
    path: `${SINK}/rotate`,
    summary: 'Gives a webhook a new secret; for a while the former one signs beside it',
    action: 'audit:manage',
    on: 'hub',
    body: SecretRotation,
    answer: { kind: 'json', schema: SinkCreated },
    disclosesSecret: true,
  }),
  allowPrivate: operation({
    id: 'sink.allowPrivate',
    method: 'PUT',
    path: `${SINK}/private`,
    summary: "Says whether a receiver may have an address of the hub's own network",
    action: 'audit:forward-private',
    on: 'hub',
    body: PrivateAddresses,
    answer: { kind: 'json', schema: Sink },
  }),
  setAside: operation({
    id: 'sink.setAside',
    method: 'GET',
    path: `${SINK}/set-aside`,
    summary: 'Lists what a receiver refused for good',
    action: 'audit:read',
    on: 'hub',
    query: closed({ ...numberedPaging }),
    answer: { kind: 'json', schema: page('SetAsideEntry', SetAsideEntry) },
  }),
  retry: operation({
    id: 'sink.retry',
    method: 'POST',
    path: `${SINK}/set-aside/retry`,
    summary: 'Sends again what a receiver refused, the oldest hundred of it',
    action: 'audit:manage',
    on: 'hub',
    answer: { kind: 'json', schema: RetryOutcome },
  }),
  dismiss: operation({
    id: 'sink.dismiss',
    method: 'POST',
    path: `${SINK}/set-aside/dismiss`,
    summary: 'Accepts that a receiver never gets what it refused so far',
    action: 'audit:manage',
    on: 'hub',
    answer: { kind: 'json', schema: DismissOutcome },
  }),
}

/** Everything security-relevant that happens is one of these. An unknown type cannot be written. */

import type { Timestamp } from '@holdfast/base'

export const EVENT_TYPES = [
  'hub.started',
  'hub.stopped',
  'hub.configuration-refused',
  'store.unavailable',
  'store.available',
  'store.damaged',
  'identity.created',
  'identity.updated',
  'identity.deleted',
  'identity.secret-disclosed',
  'policy.created',
  'policy.key-changed',
  'policy.secret-disclosed',
  'authority.added',
  'authority.verified',
  'authority.verification-failed',
  'authority.removed',
  'enrollment.created',
  'enrollment.updated',
  'enrollment.deleted',
  'enrollment.secret-disclosed',
  'registration.assigned',
  'registration.refused',
  'registration.deleted',
  'session.opened',
  'session.closed',
  'session.refused',
  'session.lane-changed',
  'session.not-admitted',
  'session.telemetry-withheld',
  'session.taken-over',
  'session.cut-off',
  'connection.turned-away',
  'request.refused',
  'request.throttled',
  'key.created',
  'key.rotated',
  'key.dropped',
  'certificate.issued',
  'certificate.renewed',
  'certificate.activated',
  'certificate.revoked',
  'certificate.profile-changed',
  'telemetry.retired',
  'upload.granted',
  'upload.completed',
  'upload.failed',
  'file.read',
  'file.deleted',
  'command.sent',
  'command.purged',
  'service-queue.overflowed',
  'twin.changed',
  'method.invoked',
  'amqp.opened',
  'amqp.refused',
  'amqp.closed',
  'amqp.link-refused',
  'consumer-group.created',
  'consumer-group.deleted',
  'model.created',
  'model.updated',
  'model.deleted',
  'manufacturer.added',
  'manufacturer.removed',
  'manifest.imported',
  'manifest.refused',
  'owner.added',
  'owner.removed',
  'claim.accepted',
  'claim.refused',
  'claim.expired',
  'device.life-changed',
  'device.life-refused',
  'device.model-assigned',
  'device.model-mismatch',
  'device.transfer-offered',
  'device.transfer-withdrawn',
  'device.transfer-refused',
  'device.transferred',
  'device.retired',
] as const

export type EventType = (typeof EVENT_TYPES)[number]

export interface SecurityEvent {
  readonly type: EventType
  readonly at: Timestamp
  /** What it happened to, e.g. `device/pump-1`, `policy/service`, `hub`. */
  readonly subject: string
  /** Who did it, e.g. `device/pump-1`, `policy/iothubowner`, `operator/local`, `hub`, `address/10.0.0.7`. */
  readonly actor: string
  /** Facts; never a secret, never raw bytes of a peer. */
  readonly detail: Readonly<Record<string, string | number | boolean>>
}

/** Where events go. MUST NOT throw and MUST NOT block. */
export type EventSink = (event: SecurityEvent) => void

/** Stored telemetry against what the audit log says of it. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { shape } from './shape.ts'

export const TelemetryFinding = shape('TelemetryFinding', {
  /**
   * `altered`, `added` or `missing` in the store; `cut` at its end; `contradicts` the digest that the log has; `unlogged` for
   * more than a day.
   */
  kind: Type.Enum(['altered', 'added', 'missing', 'cut', 'contradicts', 'unlogged']),
  partition: Type.Integer(),
  firstSequence: Type.Integer(),
  lastSequence: Type.Integer(),
  detail: Type.String(),
})
export type TelemetryFinding = Type.Static<typeof TelemetryFinding>

export const TelemetryVerification = shape('TelemetryVerification', {
  segments: Type.Integer(),
  pages: Type.Integer(),
  bytes: Type.Integer(),
  /** Segments in use for less than a day that are not in the audit log yet. */
  pending: Type.Integer(),
  /** In the order of partitions and sequence numbers, at most 100; empty: all is well. */
  findings: Type.Array(TelemetryFinding),
})
export type TelemetryVerification = Type.Static<typeof TelemetryVerification>

export const telemetryOperations = {
  verify: operation({
    id: 'telemetry.verify',
    method: 'GET',
    path: '/api/v1/telemetry/verification',
    summary: 'Compares stored telemetry, page by page, with the digests in the audit log',
    action: 'audit:read',
    on: 'hub',
    answer: { kind: 'json', schema: TelemetryVerification },
  }),
}

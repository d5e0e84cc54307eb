/** What is throttled, and how much of it is allowed: one table. */

import type { Rate } from './rate.ts'

export interface OperationLimits {
  /** Of all together. */
  readonly hub: Rate
  /** Of one device, module or policy. */
  readonly principal: Rate
}

export const OPERATIONS = [
  // Of back ends; a principal is a shared access policy.
  'registry.read',
  'registry.write',
  'twin.read',
  'twin.write',
  'query',
  'method',
  'command.send',
  'service',
  // Of devices and modules.
  'device.twin-read',
  'device.twin-report',
  'device.telemetry-https',
  'device.command-receive',
  'device.upload',
  'device.certificate',
  'device.attestation',
] as const

export type Operation = (typeof OPERATIONS)[number]

export type Limits = Readonly<Record<Operation, OperationLimits>>

/** A policy may do all that the hub does while nobody else wants to: most hubs have one back end. */
function ofServices(perSecond: number, burst: number): OperationLimits {
  return { hub: { perSecond, burst }, principal: { perSecond, burst } }
}

/**
 * For one machine of a few processors: about half of what two processors were measured to do, so that telemetry keeps the
 * other half. An operator with a larger machine sets more.
 */
export const DEFAULT_LIMITS: Limits = {
  'registry.read': ofServices(1_000, 4_000),
  // Each is a transaction of its own.
  'registry.write': ofServices(500, 2_000),
  'twin.read': ofServices(1_000, 4_000),
  'twin.write': ofServices(500, 2_000),
  // A page looks at thousands of twins.
  query: ofServices(50, 400),
  method: ofServices(2_000, 4_000),
  'command.send': ofServices(1_000, 4_000),
  // Everything else: statistics, file notifications, enrolments.
  service: ofServices(200, 1_000),
  // A fleet that comes back after a cut reads its twins all at once.
  'device.twin-read': { hub: { perSecond: 2_000, burst: 20_000 }, principal: { perSecond: 10, burst: 100 } },
  'device.twin-report': { hub: { perSecond: 1_000, burst: 10_000 }, principal: { perSecond: 20, burst: 100 } },
  'device.telemetry-https': { hub: { perSecond: 2_000, burst: 10_000 }, principal: { perSecond: 100, burst: 400 } },
  // The SDK asks once a second, and then for each message that is there.
  'device.command-receive': { hub: { perSecond: 2_000, burst: 20_000 }, principal: { perSecond: 20, burst: 200 } },
  // A signature and a transaction each; a device needs one in months, and tries again when it fails.
  'device.certificate': { hub: { perSecond: 100, burst: 2_000 }, principal: { perSecond: 0.2, burst: 10 } },
  'device.upload': { hub: { perSecond: 50, burst: 500 }, principal: { perSecond: 2, burst: 40 } },
  // Two requests a quote, four for a new key; a log of half a megabyte is hashed for the second.
  'device.attestation': { hub: { perSecond: 200, burst: 4_000 }, principal: { perSecond: 1, burst: 30 } },
}

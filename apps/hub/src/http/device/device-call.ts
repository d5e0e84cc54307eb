/** A request of a device, and who it was found to be of. */

import { type Allowed, type IdentityKey, identitySubject, type Lane, narrower } from '@holdfast/identity'
import type { PeerFacts } from '@holdfast/messaging'
import type { Context } from 'hono'
import { attemptOf } from '../../core/attempt.ts'
import type { HttpEnvironment } from '../environment.ts'
import { HubError } from '../hub/errors.ts'
import type { DeviceServices } from './services.ts'

export interface DeviceCall {
  readonly context: Context<HttpEnvironment>
  readonly services: DeviceServices
  readonly device: Admitted
}

/** What deciding on a request takes of the hub. */
export type AdmissionServices = Pick<DeviceServices, 'authenticator' | 'gates' | 'events' | 'clock' | 'active'>

export interface Admitted extends Allowed {
  /** Whether a certificate may be renewed for it. */
  readonly mayRenew: boolean
}

/** How often a decision is made anew because something was taken away meanwhile. */
const DECISIONS_MAX = 3

/**
 * Each request proves itself: by a shared access signature in `Authorization`, or by the connection's client certificate.
 * @throws HubError `IotHubUnauthorizedAccess` for every denial alike; the log tells them apart.
 */
export function authenticateDevice(
  context: Context<HttpEnvironment>,
  services: AdmissionServices,
  deviceId: string,
): Promise<Admitted> {
  return admit(context, services, { deviceId }, context.req.header('authorization'))
}

/**
 * Whether the request is of `key`: by `token`, or without one by the client certificate.
 * @throws HubError as `authenticateDevice`.
 */
export async function admit(
  context: Context<HttpEnvironment>,
  services: AdmissionServices,
  key: IdentityKey,
  token: string | undefined,
): Promise<Admitted> {
  const { peer } = context.env
  const clientType = context.req.header('user-agent')?.slice(0, 256)
  // Whichever socket the request came by: to the gates it is one over HTTPS.
  const attempt = attemptOf(key, { ...peer, transport: 'https' }, { clientType }, services.clock.wall())
  for (let decisions = 0; decisions < DECISIONS_MAX; decisions += 1) {
    const decision = await services.authenticator.authenticate({
      key,
      address: peer.address,
      ...(token === undefined ? {} : { token }),
      ...(peer.certificate === undefined ? {} : { certificate: peer.certificate }),
    })
    if (decision.kind === 'denied') {
      for (const gate of services.gates.gates) gate.denied?.(attempt, decision.code)
      throw refused(services, key, peer, decision)
    }
    const { basis, lane, identity } = decision
    const verdict = await services.gates.judge({ ...attempt, generationId: identity.generationId, basis, lane })
    if (verdict.kind === 'refused') {
      throw refused(services, key, peer, { code: verdict.code, detail: `${verdict.gate}: ${verdict.detail}` })
    }
    if (!services.authenticator.isCurrent(decision)) continue
    services.active(key)
    return { ...decision, lane: verdict.lane, mayRenew: verdict.mayRenew }
  }
  throw new HubError('ServiceUnavailable', 'Credentials are being changed just now; try again.', {
    headers: { 'retry-after': '1' },
  })
}

/**
 * The bytes of the body, bounded while they arrive.
 * @throws HubError `MessageTooLarge`.
 */
export async function readDeviceBody({ context }: DeviceCall, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new HubError('MessageTooLarge', `The body is longer than ${bytesMax} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The request's headers with their names as they were written: the names of properties are case-sensitive. */
export function rawHeaders({ context }: DeviceCall): Iterable<readonly [string, string]> {
  return context.env.headers ?? context.req.raw.headers
}

/** @throws HubError `IotHubSuspended` where the device is in a narrower lane than `lane`. */
export function requireLane({ device }: DeviceCall, lane: Lane): void {
  if (narrower(device.lane, lane) === lane) return
  throw new HubError('IotHubSuspended', `The device is in the lane ${device.lane} just now, where this is not served.`)
}

function refused(
  services: AdmissionServices,
  key: IdentityKey,
  { address, transport }: PeerFacts,
  { code, detail }: { readonly code: string; readonly detail: string },
): HubError {
  services.events.sink({
    type: 'session.refused',
    at: services.clock.wall(),
    subject: identitySubject(key),
    actor: `address/${address}`,
    detail: { code, detail, transport },
  })
  return new HubError('IotHubUnauthorizedAccess', 'Unauthorized')
}

/** A request of a device, and who it was found to be of. */

import type { Context } from 'hono'
import { type Allowed, identitySubject } from '@holdfast/identity'
import type { HttpEnvironment } from '../environment.ts'
import { HubError } from '../hub/errors.ts'
import type { DeviceServices } from './services.ts'

export interface DeviceCall {
  readonly context: Context<HttpEnvironment>
  readonly services: DeviceServices
  readonly device: Allowed
}

/** How often a decision is made anew because something was taken away meanwhile. */
const DECISIONS_MAX = 3

/**
 * Each request proves itself: by a shared access signature in `Authorization`, or by the connection's client certificate.
 * @throws HubError `IotHubUnauthorizedAccess` for every denial alike; the log tells them apart.
 */
export async function authenticateDevice(
  context: Context<HttpEnvironment>,
  services: DeviceServices,
  deviceId: string,
): Promise<Allowed> {
  const { peer } = context.env
  const token = context.req.header('authorization')
  const key = { deviceId }
  for (let attempt = 0; attempt < DECISIONS_MAX; attempt += 1) {
    const decision = await services.authenticator.authenticate({
      key,
      address: peer.address,
      ...(token === undefined ? {} : { token }),
      ...(peer.certificate === undefined ? {} : { certificate: peer.certificate }),
    })
    if (decision.kind === 'denied') {
      services.events.sink({
        type: 'session.refused',
        at: services.clock.wall(),
        subject: identitySubject(key),
        actor: `address/${peer.address}`,
        detail: { code: decision.code, detail: decision.detail, transport: peer.transport },
      })
      throw new HubError('IotHubUnauthorizedAccess', 'Unauthorized')
    }
    if (!services.authenticator.isCurrent(decision)) continue
    services.active(key)
    return decision
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

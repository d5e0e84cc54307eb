/**
 * The devices' own HTTPS API, at Azure's addresses (azure-iot.md §4): what `azure-iot-device-http` speaks, and the
 * uploads of every transport.
 */

import { Hono } from 'hono'
import { assertNever } from '@holdfast/base'
import { identitySubject, type Lane } from '@holdfast/identity'
import { isApiVersion } from '@holdfast/iothub'
import type { Operation } from '@holdfast/throttling'
import type { HttpEnvironment } from '../environment.ts'
import { refusal } from '../hub/answer.ts'
import { HubError } from '../hub/errors.ts'
import { guardAsHub } from '../hub/hub-guard.ts'
import { refusalOf } from '../hub/refusals.ts'
import { tellRefusal } from '../told-refusals.ts'
import { throttle } from '../throttled.ts'
import { activateKey, challenge, showKeys, submitEvidence } from './attestation.ts'
import { receiveCommand, settleCommand } from './commands.ts'
import { authenticateDevice, type DeviceCall, requireLane } from './device-call.ts'
import { type DeviceAddress, parseDevicePath } from './device-path.ts'
import { grantUpload, notifyUpload } from './files.ts'
import type { DeviceServices } from './services.ts'
import { sendTelemetry } from './telemetry.ts'

export { blobRoutes, isBlobPath } from './blobs.ts'
export { isDevicePath } from './device-path.ts'
export type { DeviceServices } from './services.ts'

/** What a request counts as. */
const OPERATIONS: Readonly<Record<DeviceAddress['kind'], Operation>> = {
  events: 'device.telemetry-https',
  receive: 'device.command-receive',
  settle: 'device.command-receive',
  abandon: 'device.command-receive',
  grant: 'device.upload',
  notify: 'device.upload',
  'attestation-keys': 'device.attestation',
  'attestation-activate': 'device.attestation',
  'attestation-challenge': 'device.attestation',
  'attestation-evidence': 'device.attestation',
}

/** The narrowest lane in which it is served. */
const LANE: Readonly<Record<DeviceAddress['kind'], Lane>> = {
  events: 'full',
  receive: 'full',
  settle: 'full',
  abandon: 'full',
  grant: 'full',
  notify: 'full',
  // The way out of every narrow lane.
  'attestation-keys': 'renewal',
  'attestation-activate': 'renewal',
  'attestation-challenge': 'renewal',
  'attestation-evidence': 'renewal',
}

/** To be handed its requests by `fetch`, as the guard asks. */
export function deviceRoutes(services: DeviceServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  guardAsHub(app, services)
  app.all('*', async (context) => {
    try {
      const { deviceId, address } = parseDevicePath(new URL(context.req.url).pathname)
      const device = await authenticateDevice(context, services, deviceId)
      // What is not Azure's knows none of Azure's versions.
      if (!address.kind.startsWith('attestation-')) checkApiVersion(context.req.query('api-version'))
      throttle(services.throttling, identitySubject({ deviceId }), OPERATIONS[address.kind])
      const call = { context, services, device }
      requireLane(call, LANE[address.kind])
      return await answer(call, address)
    } catch (error) {
      const refused = refusalOf(error, false)
      if (refused === undefined) throw error
      tellRefusal(refused.code, context, services)
      return refusal(refused, services)
    }
  })
  return app
}

async function answer(call: DeviceCall, address: DeviceAddress): Promise<Response> {
  switch (address.kind) {
    case 'events':
      allow(call, 'POST')
      return sendTelemetry(call)
    case 'receive':
      allow(call, 'GET')
      return receiveCommand(call)
    case 'settle':
      allow(call, 'DELETE')
      // A key without a value: that it is there says it.
      return settleCommand(call, address.lockToken, isRejecting(call) ? 'reject' : 'complete')
    case 'abandon':
      allow(call, 'POST')
      return settleCommand(call, address.lockToken, 'abandon')
    case 'grant':
      allow(call, 'POST')
      return grantUpload(call)
    case 'notify':
      allow(call, 'POST')
      return notifyUpload(call, address.correlationId)
    case 'attestation-keys':
      allow(call, 'POST')
      return showKeys(call)
    case 'attestation-activate':
      allow(call, 'POST')
      return activateKey(call)
    case 'attestation-challenge':
      allow(call, 'POST')
      return challenge(call)
    case 'attestation-evidence':
      allow(call, 'POST')
      return submitEvidence(call)
    default:
      return assertNever(address)
  }
}

function isRejecting({ context }: DeviceCall): boolean {
  return new URL(context.req.url).searchParams.has('reject')
}

/** @throws HubError `GenericMethodNotAllowed`. */
function allow({ context }: DeviceCall, method: string): void {
  if (context.req.method === method) return
  throw new HubError('GenericMethodNotAllowed', `This address takes ${method}.`, { headers: { allow: method } })
}

/** Clients of every age are served: any date is taken (§1). @throws HubError `InvalidProtocolVersion`. */
function checkApiVersion(version: string | undefined): void {
  if (version !== undefined && isApiVersion(version)) return
  throw new HubError('InvalidProtocolVersion', 'The address needs a parameter api-version, a date such as 2021-04-12.')
}

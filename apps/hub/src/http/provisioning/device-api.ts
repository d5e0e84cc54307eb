/** The device side over HTTPS: register, poll, look up (azure-iot.md §6). */

import type { Context } from 'hono'
import {
  DEVICE_BODY_BYTES_MAX,
  type DevicePath,
  DpsError,
  type Operation,
  type RegisterRequest,
  checkApiVersion,
  formatOperation,
  formatRegistrationState,
  parseRegisterRequest,
} from '@holdfast/dps'
import { type Credentials, RETRY_AFTER_SECONDS } from '@holdfast/provisioning'
import type { HttpEnvironment } from '../environment.ts'
import { challengeAnswer, json } from './answer.ts'
import { readBody } from './body.ts'
import type { ProvisioningServices } from './services.ts'

/** @throws DpsError. */
export async function answerDevice(
  path: DevicePath,
  context: Context<HttpEnvironment>,
  services: ProvisioningServices,
): Promise<Response> {
  const { provisioning } = services
  const apiVersion = checkApiVersion(context.req.query('api-version'))
  const credentials = credentialsOf(context)
  const { method } = context.req
  switch (path.kind) {
    case 'register': {
      expectMethod(method, 'PUT')
      const request = await requestOf(context)
      // A TPM begins without a credential, and is challenged.
      if (request.tpm !== undefined && credentials.token === undefined) {
        return challengeAnswer(await provisioning.challenge(path, credentials.address, request), services)
      }
      const operation = await provisioning.register(path, credentials, request)
      return answerOperation(operation, locationOf(path, operation.operationId, apiVersion))
    }
    case 'operation': {
      expectMethod(method, 'GET')
      return answerOperation(await provisioning.poll(path, credentials, path.operationId))
    }
    case 'look-up': {
      expectMethod(method, 'POST')
      const request = await requestOf(context)
      return json(200, formatRegistrationState(await provisioning.lookUp(path, credentials, request)))
    }
  }
}

function answerOperation(operation: Operation, location?: string): Response {
  if (operation.status !== 'assigning') return json(200, formatOperation(operation))
  return json(202, formatOperation(operation), {
    'retry-after': String(RETRY_AFTER_SECONDS),
    ...(location !== undefined && { location }),
  })
}

function locationOf(path: DevicePath, operationId: string, apiVersion: string): string {
  const scope = encodeURIComponent(path.idScope)
  const id = encodeURIComponent(path.registrationId)
  return `/${scope}/registrations/${id}/operations/${operationId}?api-version=${apiVersion}`
}

function credentialsOf(context: Context<HttpEnvironment>): Credentials {
  const { address, certificate } = context.env.peer
  const token = context.req.header('authorization')
  return {
    address,
    ...(token !== undefined && token !== '' && { token }),
    ...(certificate !== undefined && { certificate }),
  }
}

async function requestOf(context: Context<HttpEnvironment>): Promise<RegisterRequest> {
  return parseRegisterRequest(await readBody(context, DEVICE_BODY_BYTES_MAX))
}

export function expectMethod(method: string, expected: string): void {
  if (method !== expected) throw new DpsError('method-not-allowed', `This address takes ${expected}.`)
}

/** Uploads of files: where to, and how it went (azure-iot.md §4). */

import Type from 'typebox'
import { UPLOAD_CONTAINER } from '@holdfast/iothub'
import { blobPath, readNotification, UploadError, type UploadErrorCode } from '@holdfast/uploads'
import type { RestErrorCode } from '@holdfast/iothub'
import { empty, json } from '../hub/answer.ts'
import { HubError } from '../hub/errors.ts'
import { checked } from '../hub/request.ts'
import { type DeviceCall, readDeviceBody } from './device-call.ts'

/** A name of 1,024 characters, escaped, with the JSON around it. */
const BODY_BYTES_MAX = 16_384

const GrantRequest = Type.Object({ blobName: Type.String() })

const decoder = new TextDecoder('utf-8', { fatal: true })

const REFUSALS: Readonly<Record<UploadErrorCode, RestErrorCode>> = {
  'bad-name': 'ArgumentInvalid',
  'bad-block-id': 'ArgumentInvalid',
  'bad-block-list': 'ArgumentInvalid',
  'bad-notification': 'ArgumentInvalid',
  'unknown-block': 'ArgumentInvalid',
  'too-many-blocks': 'ArgumentInvalid',
  'too-many-uploads': 'DeviceMaximumActiveFileUploadLimitExceeded',
  'too-many-writes': 'ThrottlingException',
  'not-authorized': 'IotHubUnauthorizedAccess',
  // Not 404: the SDK would take the device for unknown.
  'unknown-upload': 'ArgumentInvalid',
  'nothing-uploaded': 'InvalidOperation',
  'blob-too-large': 'MessageTooLarge',
  'no-room': 'IotHubQuotaExceeded',
  incomplete: 'ArgumentInvalid',
  'wrong-checksum': 'ArgumentInvalid',
  'already-uploaded': 'InvalidOperation',
}

export async function grantUpload(call: DeviceCall): Promise<Response> {
  const { services, device } = call
  const { blobName: requested } = checked(parseJson(await readDeviceBody(call, BODY_BYTES_MAX)), GrantRequest)
  const granted = await refusing(() => services.uploads.grant(device.identity, requested))
  const { correlationId, blobName, sasToken } = granted
  return json({ correlationId, hostName: hostOf(call), containerName: UPLOAD_CONTAINER, blobName, sasToken })
}

export async function notifyUpload(call: DeviceCall, correlationId: string | undefined): Promise<Response> {
  const { services, device } = call
  const body = await readDeviceBody(call, BODY_BYTES_MAX)
  const uri = (blobName: string): string => `https://${hostOf(call)}/${UPLOAD_CONTAINER}/${blobPath(blobName)}`
  await refusing(() => services.uploads.conclude(device.identity, readNotification(body, correlationId), uri))
  return empty()
}

async function refusing<T>(what: () => Promise<T>): Promise<T> {
  try {
    return await what()
  } catch (error) {
    if (!(error instanceof UploadError)) throw error
    throw new HubError(REFUSALS[error.code], `${error.message}.`, { cause: error })
  }
}

/**
 * Where the device finds this hub: the name by which it came, if that is one of ours, with the port it named, or else
 * ours. Without a port where that is 443: clients in C take the name for a host alone.
 */
function hostOf({ context, services }: DeviceCall): string {
  const [, given = '', givenPort] = /^([^:]+)(?::(\d{1,5}))?$/.exec(context.req.header('host') ?? '') ?? []
  const { hostNames, httpsPort } = services.address
  const name = hostNames.find((one) => one.toLowerCase() === given.toLowerCase())
  const port = name === undefined || givenPort === undefined ? httpsPort : Number(givenPort)
  const host = name ?? hostNames[0] ?? 'localhost'
  return port === 443 ? host : `${host}:${port}`
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body)) as unknown
  } catch {
    throw new HubError('IotHubFormatError', 'The body is not JSON in UTF-8.')
  }
}

/** Errors of the hub's REST interfaces, of methods and of twins, in the forms that the SDKs parse (azure-iot.md §9). */

import { formatTimestamp } from '@holdfast/base'
import type { Timestamp } from '@holdfast/base'

interface RestErrorRow {
  /** HTTP status. */
  readonly status: number
  /** Azure's number: the status and three digits. */
  readonly errorCode: number
}

export type RestErrorCode =
  | 'InvalidProtocolVersion'
  | 'InvalidOperation'
  | 'ArgumentInvalid'
  | 'ArgumentNull'
  | 'IotHubFormatError'
  | 'DeviceDefinedMultipleTimes'
  | 'IotHubNotFound'
  | 'IotHubUnauthorizedAccess'
  | 'IotHubSuspended'
  | 'IotHubQuotaExceeded'
  | 'DeviceMaximumQueueDepthExceeded'
  | 'DeviceMaximumActiveFileUploadLimitExceeded'
  | 'DeviceNotFound'
  | 'JobNotFound'
  | 'ModuleNotFound'
  | 'DeviceNotOnline'
  | 'DeviceAlreadyExists'
  | 'ModuleAlreadyExistsOnDevice'
  | 'PreconditionFailed'
  | 'DeviceMessageLockLost'
  | 'MessageTooLarge'
  | 'ThrottlingException'
  | 'ServerError'
  | 'InvalidDeviceResponse'
  | 'ServiceUnavailable'
  | 'GatewayTimeout'
  | 'BulkRegistryOperationFailure'
  | 'TooManyDevices'
  | 'TooManyModulesOnDevice'
  | 'GenericNotFound'
  | 'GenericMethodNotAllowed'
  | 'GenericUnsupportedMediaType'
  | 'DeviceConnectionClosedRemotely'

export const REST_ERRORS: Readonly<Record<RestErrorCode, RestErrorRow>> = {
  InvalidProtocolVersion: { status: 400, errorCode: 400_001 },
  InvalidOperation: { status: 400, errorCode: 400_003 },
  ArgumentInvalid: { status: 400, errorCode: 400_004 },
  ArgumentNull: { status: 400, errorCode: 400_005 },
  IotHubFormatError: { status: 400, errorCode: 400_006 },
  DeviceDefinedMultipleTimes: { status: 400, errorCode: 400_011 },
  BulkRegistryOperationFailure: { status: 400, errorCode: 400_013 },
  IotHubNotFound: { status: 401, errorCode: 401_001 },
  IotHubUnauthorizedAccess: { status: 401, errorCode: 401_002 },
  IotHubSuspended: { status: 403, errorCode: 403_001 },
  IotHubQuotaExceeded: { status: 403, errorCode: 403_002 },
  DeviceMaximumQueueDepthExceeded: { status: 403, errorCode: 403_004 },
  DeviceMaximumActiveFileUploadLimitExceeded: { status: 403, errorCode: 403_006 },
  GenericNotFound: { status: 404, errorCode: 404_000 },
  DeviceNotFound: { status: 404, errorCode: 404_001 },
  JobNotFound: { status: 404, errorCode: 404_002 },
  ModuleNotFound: { status: 404, errorCode: 404_010 },
  DeviceNotOnline: { status: 404, errorCode: 404_103 },
  DeviceConnectionClosedRemotely: { status: 404, errorCode: 404_104 },
  GenericMethodNotAllowed: { status: 405, errorCode: 405_000 },
  DeviceAlreadyExists: { status: 409, errorCode: 409_001 },
  ModuleAlreadyExistsOnDevice: { status: 409, errorCode: 409_301 },
  PreconditionFailed: { status: 412, errorCode: 412_001 },
  DeviceMessageLockLost: { status: 412, errorCode: 412_002 },
  MessageTooLarge: { status: 413, errorCode: 413_001 },
  TooManyDevices: { status: 413, errorCode: 413_002 },
  TooManyModulesOnDevice: { status: 413, errorCode: 413_003 },
  GenericUnsupportedMediaType: { status: 415, errorCode: 415_000 },
  ThrottlingException: { status: 429, errorCode: 429_001 },
  ServerError: { status: 500, errorCode: 500_001 },
  // Azure documents no number for this one; clients go by the status.
  InvalidDeviceResponse: { status: 502, errorCode: 502_001 },
  ServiceUnavailable: { status: 503, errorCode: 503_001 },
  GatewayTimeout: { status: 504, errorCode: 504_101 },
}

/** The header that carries the code beside the body. */
export const ERROR_CODE_HEADER = 'iothub-errorcode'

/** What went wrong, once. `trackingId` leads from the answer to the log line. */
export interface RestError {
  readonly code: RestErrorCode
  readonly message: string
  readonly trackingId: string
  readonly at: Timestamp
}

/** Everything an HTTP answer needs; the body is JSON text, and without the content type Node does not read it. */
export interface RestErrorResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `{"Message":"ErrorCode:<code>;<text>","ExceptionMessage":"Tracking ID:<id>-G:0-TimeStamp:<time>"}`. */
export function formatRestError(error: RestError): RestErrorResponse {
  // Node takes what stands between the first `:` and the first `;` for the code.
  return response(error, `ErrorCode:${error.code};${error.message}`, exceptionMessage(error))
}

/**
 * The form of failed method calls, with JSON inside the string.
 * @param info as `info` of that JSON, for example `{"timeout":"00:00:00"}`.
 */
export function formatMethodError(error: RestError, info: Readonly<Record<string, string>> = {}): RestErrorResponse {
  const { errorCode } = REST_ERRORS[error.code]
  const inner = {
    errorCode,
    trackingId: error.trackingId,
    message: error.message,
    info,
    timestampUtc: formatTimestamp(error.at),
  }
  return response(error, JSON.stringify(inner), '')
}

/**
 * The body of a failed twin operation over MQTT or AMQP: `{errorCode, trackingId, message, timestampUtc}`.
 * Node goes by `errorCode` alone, Python by the status in the topic: send both.
 */
export function formatTwinError(error: RestError): string {
  const { errorCode } = REST_ERRORS[error.code]
  const { trackingId, message } = error
  return JSON.stringify({ errorCode, trackingId, message, timestampUtc: formatTimestamp(error.at) })
}

function response(error: RestError, message: string, exception: string): RestErrorResponse {
  return {
    status: REST_ERRORS[error.code].status,
    headers: { 'content-type': 'application/json; charset=utf-8', [ERROR_CODE_HEADER]: error.code },
    body: JSON.stringify({ Message: message, ExceptionMessage: exception }),
  }
}

function exceptionMessage(error: RestError): string {
  return `Tracking ID:${error.trackingId}-G:0-TimeStamp:${formatTimestamp(error.at)}`
}

/** What a device says of the end of an upload, and what back ends are told of a file (azure-iot.md §4, §5.5). */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { UploadError } from './errors.ts'

export interface UploadOutcome {
  readonly correlationId: string
  readonly isSuccess: boolean
  readonly statusCode?: number
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads `{correlationId?, isSuccess, statusCode?, statusDescription?}`. The description is free text of the device and
 * goes nowhere.
 * @param addressed the correlation id of the address, where the client put it (Node does; others put it in the body).
 * @throws UploadError `bad-notification`.
 */
export function readNotification(body: Uint8Array, addressed: string | undefined): UploadOutcome {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(body))
  } catch {
    throw bad('the notification is not JSON in UTF-8')
  }
  if (typeof value !== 'object' || value === null) throw bad('the notification is no object')
  const inside = 'correlationId' in value ? value.correlationId : undefined
  const correlationId = addressed ?? inside
  if (typeof correlationId !== 'string' || correlationId === '') throw bad('the notification names no correlationId')
  if (addressed !== undefined && inside !== undefined && inside !== addressed) {
    throw bad('the notification names another correlationId than its address')
  }
  const isSuccess = 'isSuccess' in value ? value.isSuccess : undefined
  if (typeof isSuccess !== 'boolean') throw bad('isSuccess is neither true nor false')
  const statusCode = 'statusCode' in value ? value.statusCode : undefined
  return {
    correlationId,
    isSuccess,
    ...(typeof statusCode === 'number' && Number.isSafeInteger(statusCode) ? { statusCode } : {}),
  }
}

/** As back ends receive it; a field of the SDKs' own choosing is none. */
export interface FileNotification {
  readonly deviceId: string
  readonly blobUri: string
  readonly blobName: string
  readonly lastUpdatedTime: string
  readonly blobSizeInBytes: number
  readonly enqueuedTimeUtc: string
}

export function fileNotification(file: {
  readonly deviceId: string
  readonly blobUri: string
  readonly blobName: string
  readonly uploaded: Timestamp
  readonly bytes: number
  readonly now: Timestamp
}): FileNotification {
  return {
    deviceId: file.deviceId,
    blobUri: file.blobUri,
    blobName: file.blobName,
    lastUpdatedTime: formatTimestamp(file.uploaded),
    blobSizeInBytes: file.bytes,
    enqueuedTimeUtc: formatTimestamp(file.now),
  }
}

function bad(message: string): UploadError {
  return new UploadError('bad-notification', message)
}

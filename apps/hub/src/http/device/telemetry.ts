/** Telemetry over HTTPS, one message or a batch (azure-iot.md §4). */

import {
  BAG_CHARACTERS_MAX,
  BATCH_CONTENT_TYPE,
  formatBag,
  HubFormatError,
  readTelemetryBatch,
  readTelemetryHeaders,
  TELEMETRY_BYTES_MAX,
  type TelemetryItem,
  telemetryBytes,
} from '@holdfast/iothub'
import { TelemetryUnavailableError } from '../../core/telemetry-inlet.ts'
import { empty } from '../hub/answer.ts'
import { HubError } from '../hub/errors.ts'
import { type DeviceCall, rawHeaders, readDeviceBody } from './device-call.ts'

/** A batch of 256 KB in base64 with the JSON around it; the listener takes no more than this anyway. */
const BATCH_BODY_BYTES_MAX = 1_048_576

/** 204 when, and only when, everything is on disk. A batch is stored whole or not at all. */
export async function sendTelemetry(call: DeviceCall): Promise<Response> {
  const items = await readItems(call)
  // The bound is that of one message, for a batch in all (§10).
  if (items.reduce((sum, item) => sum + telemetryBytes(item), 0) > TELEMETRY_BYTES_MAX) {
    throw new HubError('MessageTooLarge', `A message, or a batch in all, has at most ${TELEMETRY_BYTES_MAX} bytes.`)
  }
  if (items.some(({ entries }) => entries.length > 0 && formatBag(entries).length > BAG_CHARACTERS_MAX)) {
    throw new HubError('MessageTooLarge', 'The properties of a message are too long.')
  }
  const { identity, authMethod } = call.device
  try {
    await call.services.appendTelemetry(
      { deviceId: identity.deviceId, generationId: identity.generationId, authMethod },
      items,
    )
  } catch (error) {
    if (!(error instanceof TelemetryUnavailableError)) throw error
    throw new HubError('ServiceUnavailable', 'Telemetry cannot be stored just now; try again.', {
      cause: error,
      headers: { 'retry-after': '5' },
    })
  }
  return empty()
}

async function readItems(call: DeviceCall): Promise<readonly TelemetryItem[]> {
  const { deviceId } = call.device.identity
  const [type = ''] = (call.context.req.header('content-type') ?? '').split(';')
  const isBatch = type.trim().toLowerCase() === BATCH_CONTENT_TYPE
  const body = await readDeviceBody(call, isBatch ? BATCH_BODY_BYTES_MAX : TELEMETRY_BYTES_MAX)
  try {
    if (isBatch) return readTelemetryBatch(body, deviceId)
    return [{ entries: readTelemetryHeaders(rawHeaders(call), deviceId), body }]
  } catch (error) {
    if (error instanceof HubFormatError) throw new HubError('ArgumentInvalid', `${error.message}.`, { cause: error })
    throw error
  }
}

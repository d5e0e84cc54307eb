/** What the refusals of twins are called in Azure's words, over MQTT and over REST (azure-iot.md §3.4, §9). */

import { HubFormatError, type RestErrorCode } from '@holdfast/iothub'
import { TwinError, type TwinErrorCode } from '@holdfast/twins'

const TWIN: Readonly<Record<TwinErrorCode, RestErrorCode>> = {
  missing: 'DeviceNotFound',
  'etag-mismatch': 'PreconditionFailed',
  'version-mismatch': 'PreconditionFailed',
  'too-large': 'ArgumentInvalid',
}

export interface TwinRefusal {
  readonly code: RestErrorCode
  /** For the peer. */
  readonly message: string
}

/** Undefined for what is no refusal of a twin. */
export function twinRefusalOf(error: unknown): TwinRefusal | undefined {
  if (error instanceof TwinError) return { code: TWIN[error.code], message: error.message }
  if (!(error instanceof HubFormatError)) return undefined
  return { code: error.code === 'bad-json' ? 'IotHubFormatError' : 'ArgumentInvalid', message: error.message }
}

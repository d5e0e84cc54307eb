import type { Timestamp } from '@holdfast/base'

/** One message of a device as it is read back. */
export interface TelemetryMessage {
  readonly partition: number
  /** Counts messages of the partition from 0, without gaps. */
  readonly sequenceNumber: number
  /** Byte position in the partition's stream of records. */
  readonly offset: number
  readonly enqueuedTime: Timestamp
  readonly deviceId: string
  readonly moduleId?: string
  readonly generationId: string
  /** JSON text of `iothub-connection-auth-method`, see azure-iot.md section 5.6. */
  readonly authMethod: string
  /** DTDL model id of the connection, or undefined. */
  readonly modelId?: string
  /** The property bag as received, percent-encoded (`protocol/iothub` parses it); '' when there was none. */
  readonly bag: string
  readonly isWill: boolean
  readonly isRetained: boolean
  readonly body: Uint8Array
}

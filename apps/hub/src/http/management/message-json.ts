/** A message as one line of `messages read --json` shows it (interfaces.md), under the names of azure-iot.md §5.6. */

import type { Api } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { HubFormatError, type MessageProperties, readMessageProperties } from '@holdfast/iothub'
import type { TelemetryMessage } from '@holdfast/messaging'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function messageJson(message: TelemetryMessage): Api.Message {
  const { properties, systemProperties } = propertiesOf(message.bag)
  return {
    deviceId: message.deviceId,
    ...(message.moduleId === undefined ? {} : { moduleId: message.moduleId }),
    enqueuedTime: formatTimestamp(message.enqueuedTime),
    sequenceNumber: message.sequenceNumber,
    offset: String(message.offset),
    partition: message.partition,
    properties: {
      ...properties,
      // What MQTT says beside the bag becomes properties (azure-iot.md §3).
      ...(message.isRetained && { 'mqtt-retain': 'true' }),
      ...(message.isWill && { 'iothub-MessageType': 'Will' }),
    },
    systemProperties: {
      ...systemProperties,
      // Last, so that nothing a device says can stand in for what the hub knows.
      'iothub-connection-device-id': message.deviceId,
      ...(message.moduleId === undefined ? {} : { 'iothub-connection-module-id': message.moduleId }),
      'iothub-connection-auth-method': message.authMethod,
      'iothub-connection-auth-generation-id': message.generationId,
      'iothub-enqueuedtime': formatTimestamp(message.enqueuedTime),
      'iothub-message-source': 'Telemetry',
      ...(message.modelId === undefined ? {} : { 'dt-dataschema': message.modelId }),
    },
    ...bodyOf(message.body),
  }
}

function bodyOf(body: Uint8Array): Pick<Api.Message, 'body' | 'bodyEncoding'> {
  try {
    return { body: utf8.decode(body), bodyEncoding: 'utf8' }
  } catch {
    return { body: Buffer.from(body).toString('base64'), bodyEncoding: 'base64' }
  }
}

/** The fronts take no bag that cannot be read; should one be stored all the same, it must not hide the others. */
function propertiesOf(bag: string): MessageProperties {
  try {
    return readMessageProperties(bag)
  } catch (error) {
    if (!(error instanceof HubFormatError)) throw error
    return { properties: {}, systemProperties: { 'unreadable-properties': bag } }
  }
}

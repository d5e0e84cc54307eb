/** A property bag as a reader of messages sees it: application properties, and system properties under Azure's names. */

import { parseBag } from './property-bag.ts'

/** System properties by their name in a bag (azure-iot.md §3.2), and as documents show them. */
export const SYSTEM_PROPERTIES = {
  '$.mid': 'messageId',
  '$.cid': 'correlationId',
  '$.uid': 'userId',
  '$.to': 'to',
  '$.exp': 'expiryTimeUtc',
  '$.ct': 'contentType',
  '$.ce': 'contentEncoding',
  '$.ifid': 'interfaceId',
  '$.sub': 'dt-subject',
  '$.on': 'outputName',
  '$.ctime': 'creationTimeUtc',
  '$.cdid': 'connectionDeviceId',
  '$.cmid': 'connectionModuleId',
} as const

/** The application property that marks a will which became telemetry, and the one of a PUBLISH with RETAIN (§3). */
export const WILL_PROPERTY = { name: 'iothub-MessageType', value: 'Will' } as const
export const RETAIN_PROPERTY = { name: 'mqtt-retain', value: 'true' } as const

export type SystemPropertyKey = keyof typeof SYSTEM_PROPERTIES
export type SystemPropertyName = (typeof SYSTEM_PROPERTIES)[SystemPropertyKey]

const NAME_BY_KEY: ReadonlyMap<string, string> = new Map(Object.entries(SYSTEM_PROPERTIES))

/** Both objects have no prototype: their names come from devices. */
export interface MessageProperties {
  /** A property without `=` is null. */
  readonly properties: Readonly<Record<string, string | null>>
  /** By Azure's name; `$.`-names that we do not know stay as they are. A system property without `=` is ''. */
  readonly systemProperties: Readonly<Record<string, string>>
}

/**
 * Reads a bag. Of a name that stands twice, the last counts.
 * @throws HubFormatError `bad-bag`.
 */
export function readMessageProperties(bag: string): MessageProperties {
  const properties: Record<string, string | null> = Object.create(null)
  const systemProperties: Record<string, string> = Object.create(null)
  for (const { name, value } of parseBag(bag)) {
    if (name.startsWith('$.')) systemProperties[NAME_BY_KEY.get(name) ?? name] = value ?? ''
    else properties[name] = value
  }
  return { properties, systemProperties }
}

/** The twin that a device is born with (azure-iot.md §7, §10). */

import {
  checkSection,
  HubFormatError,
  isWithin,
  TWIN_DESIRED_BYTES_MAX,
  TWIN_TAGS_BYTES_MAX,
  type TwinObject,
} from '@holdfast/iothub'
import type { FieldReader } from './field-reader.ts'

export interface InitialTwin {
  /** JSON texts of objects. */
  readonly tags: string
  readonly desired: string
}

/** Reads `initialTwin`: `{tags?, properties?: {desired?}}`. Faults go to `twin`. */
export function readInitialTwin(twin: FieldReader): InitialTwin | undefined {
  const tags = section(twin, 'tags', TWIN_TAGS_BYTES_MAX)
  const properties = twin.object('properties')
  const desired = properties === undefined ? '{}' : section(properties, 'desired', TWIN_DESIRED_BYTES_MAX)
  return tags === undefined || desired === undefined ? undefined : { tags, desired }
}

export function formatInitialTwin(twin: InitialTwin): {
  readonly tags: unknown
  readonly properties: { readonly desired: unknown }
} {
  return { tags: JSON.parse(twin.tags), properties: { desired: JSON.parse(twin.desired) } }
}

/** The text of a section as a twin holds it: what an enrolment takes, the device's twin can be made of. */
function section(reader: FieldReader, key: string, bytesMax: number): string | undefined {
  const object = reader.json(key)
  if (object === undefined) return reader.has(key) ? undefined : '{}'
  try {
    // What came of JSON is JSON.
    const checked = checkSection(object as TwinObject, 'it')
    const text = JSON.stringify(checked)
    if (isWithin(checked, text, bytesMax)) return text
    reader.fault(key, `has at most ${bytesMax} bytes`)
  } catch (error) {
    if (!(error instanceof HubFormatError)) throw error
    reader.fault(key, error.message.replace(/^it /, ''))
  }
  return undefined
}

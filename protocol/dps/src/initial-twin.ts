/** The twin that a device is born with (azure-iot.md §7, §10). */

import type { FieldReader } from './field-reader.ts'
import { type JsonObject, isJsonObject } from './json.ts'
import { DESIRED_CHARACTERS_MAX, TAGS_CHARACTERS_MAX, TWIN_DEPTH_MAX } from './limits.ts'

export interface InitialTwin {
  /** JSON texts of objects. */
  readonly tags: string
  readonly desired: string
}

/** Metadata that documents of the service carry back with them; they are not properties. */
const METADATA = new Set(['$metadata', '$version'])

/** Reads `initialTwin`: `{tags?, properties?: {desired?}}`. Faults go to `twin`. */
export function readInitialTwin(twin: FieldReader): InitialTwin | undefined {
  const tags = section(twin, 'tags', TAGS_CHARACTERS_MAX)
  const properties = twin.object('properties')
  const desired = properties === undefined ? '{}' : section(properties, 'desired', DESIRED_CHARACTERS_MAX)
  return tags === undefined || desired === undefined ? undefined : { tags, desired }
}

export function formatInitialTwin(twin: InitialTwin): {
  readonly tags: unknown
  readonly properties: { readonly desired: unknown }
} {
  return { tags: JSON.parse(twin.tags), properties: { desired: JSON.parse(twin.desired) } }
}

function section(reader: FieldReader, key: string, charactersMax: number): string | undefined {
  const object = reader.json(key)
  if (object === undefined) return reader.has(key) ? undefined : '{}'
  const bare = withoutMetadata(object)
  const fault = keyFault(bare, 1)
  const text = JSON.stringify(bare)
  if (fault !== undefined) reader.fault(key, fault)
  else if (text.length > charactersMax) reader.fault(key, `has at most ${charactersMax} characters`)
  else return text
  return undefined
}

function withoutMetadata(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !METADATA.has(key)))
}

/** Why the value cannot stand in a twin; its depth is bounded by JSON_DEPTH_MAX already. */
function keyFault(value: unknown, depth: number): string | undefined {
  if (Array.isArray(value)) {
    for (const item of value) {
      const fault = keyFault(item, depth + 1)
      if (fault !== undefined) return fault
    }
    return undefined
  }
  if (!isJsonObject(value)) return undefined
  if (depth > TWIN_DEPTH_MAX) return `has at most ${TWIN_DEPTH_MAX} levels`
  for (const [key, inner] of Object.entries(value)) {
    if (key === '' || isForbiddenKey(key))
      return 'has a key that is empty or holds ., $, a space or a control character'
    const fault = keyFault(inner, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function isForbiddenKey(key: string): boolean {
  for (let at = 0; at < key.length; at += 1) {
    const unit = key.charCodeAt(at)
    // Controls of C0 and C1, DEL, space, `$` and `.`.
    if (unit <= 0x20 || (unit >= 0x7f && unit <= 0x9f) || unit === 0x24 || unit === 0x2e) return true
  }
  return false
}

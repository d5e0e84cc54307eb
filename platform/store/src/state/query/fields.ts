/** Where the fields of a twin's document stand in the tables: `i` identity, `t` twin, `p` presence or nothing. */

import type { Path } from '@holdfast/iothub'
import { type Bindings, type Sql, sql } from './sql-text.ts'

/** What a path leads to. */
export type Field =
  /** Nothing has it. */
  | { readonly kind: 'nothing' }
  /** An object whose members are fields. */
  | { readonly kind: 'object' }
  /** `absent`: what a NULL of the column stands for. */
  | { readonly kind: 'text'; readonly column: Sql; readonly absent: 'undefined' | 'null' }
  | { readonly kind: 'number' | 'truth'; readonly column: Sql }
  /** Milliseconds since 1970; a NULL is the time that never was. */
  | { readonly kind: 'time'; readonly column: Sql }
  /** JSON text of an array, or NULL for undefined. */
  | { readonly kind: 'array'; readonly column: Sql }
  /** Somewhere in a JSON text; `place` is the bound path to it. */
  | { readonly kind: 'json'; readonly column: Sql; readonly place: Sql }

/** The text of `0001-01-01T00:00:00Z` in milliseconds: what documents show for a time that has not come. */
export const NEVER_MS = Date.parse('0001-01-01T00:00:00Z')

const text = (column: Sql, absent: 'undefined' | 'null' = 'undefined'): Field => ({ kind: 'text', column, absent })

/** Messages that wait for a device; `:now` in milliseconds. */
export const COMMANDS = sql`(SELECT count(*) FROM command AS c
  WHERE c.device_id = i.device_id AND c.module_id = i.module_id AND c.expires_time > :now)`

const PLAIN: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['deviceId', text(sql`i.device_id`)],
  ['moduleId', text(sql`nullif(i.module_id, '')`)],
  ['etag', text(sql`t.etag`)],
  ['deviceEtag', text(sql`i.etag`)],
  ['status', text(sql`i.status`)],
  ['statusReason', text(sql`i.status_reason`)],
  ['statusUpdateTime', { kind: 'time', column: sql`i.status_updated_time` }],
  ['connectionState', text(sql`iif(p.connected IS 1, 'Connected', 'Disconnected')`)],
  ['lastActivityTime', { kind: 'time', column: sql`p.last_activity` }],
  ['cloudToDeviceMessageCount', { kind: 'number', column: COMMANDS }],
  ['authenticationType', text(sql`i.authentication`)],
  ['x509Thumbprint', { kind: 'object' }],
  ['x509Thumbprint.primaryThumbprint', text(sql`i.primary_thumbprint`, 'null')],
  ['x509Thumbprint.secondaryThumbprint', text(sql`i.secondary_thumbprint`, 'null')],
  ['modelId', text(sql`coalesce(p.model_id, '')`)],
  ['version', { kind: 'number', column: sql`t.version` }],
  ['properties', { kind: 'object' }],
  ['properties.desired.$version', { kind: 'number', column: sql`t.desired_version` }],
  ['properties.reported.$version', { kind: 'number', column: sql`t.reported_version` }],
  ['capabilities', { kind: 'object' }],
  ['capabilities.iotEdge', { kind: 'truth', column: sql`i.iot_edge` }],
  ['deviceScope', text(sql`coalesce(i.device_scope, i.parent_scope)`)],
  ['parentScopes', { kind: 'array', column: sql`iif(i.parent_scope IS NULL, NULL, json_array(i.parent_scope))` }],
])

/** JSON texts; the longest of two that fit is meant. */
const TREES: readonly { readonly at: readonly string[]; readonly column: Sql }[] = [
  { at: ['properties', 'desired', '$metadata'], column: sql`t.desired_metadata` },
  { at: ['properties', 'reported', '$metadata'], column: sql`t.reported_metadata` },
  { at: ['properties', 'desired'], column: sql`t.desired` },
  { at: ['properties', 'reported'], column: sql`t.reported` },
  { at: ['tags'], column: sql`t.tags` },
]

export function fieldOf(path: Path, bindings: Bindings): Field {
  // A name may hold a dot; then it is none of these.
  const plain = path.some((name) => name.includes('.')) ? undefined : PLAIN.get(path.join('.'))
  if (plain !== undefined) return plain
  for (const { at, column } of TREES) {
    if (!at.every((name, index) => path[index] === name)) continue
    const names = path.slice(at.length)
    // A whole section has `$metadata` beside what is stored; no text is kept of that.
    return names.length === 0 ? { kind: 'object' } : { kind: 'json', column, place: bindings.bind(placeOf(names)) }
  }
  return { kind: 'nothing' }
}

/** A path in SQLite's form; names are quoted as JSON quotes them, for so they stand in the text. */
export function placeOf(names: readonly string[]): string {
  return `$${names.map((name) => `.${JSON.stringify(name)}`).join('')}`
}

/** Whether what a path leads to is a time: compared with a text that is one, it is compared as such. */
export function isTimePath(path: Path): boolean {
  if (path.length === 1) return path[0] === 'statusUpdateTime' || path[0] === 'lastActivityTime'
  return path[0] === 'properties' && path[2] === '$metadata' && path.at(-1) === '$lastUpdated'
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})?$/

/** The milliseconds of a time as RFC 3339 writes it; without a zone it is UTC. Undefined for any other text. */
export function timeOf(text: string): number | undefined {
  if (!RFC3339.test(text)) return undefined
  const milliseconds = Date.parse(/(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`)
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds)
}

/**
 * Where the fields of a twin's document stand in the tables: `i` identity, `t` twin, `p` presence or nothing; and the
 * columns that a row gets of those that a query asks for, each worked out once however often it is asked for.
 */

import type { Path } from '@holdfast/iothub'
import { type Bindings, joined, named, type Sql, sql } from './sql-text.ts'

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
  /** Somewhere in a JSON text: its type as `json_type` says it, and its value as `json_extract` gives it. */
  | { readonly kind: 'json'; readonly type: Sql; readonly value: Sql }

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

/** JSON texts; the first that fits is meant. */
const TREES: readonly { readonly at: readonly string[]; readonly column: Sql }[] = [
  { at: ['properties', 'desired', '$metadata'], column: sql`t.desired_metadata` },
  { at: ['properties', 'reported', '$metadata'], column: sql`t.reported_metadata` },
  { at: ['properties', 'desired'], column: sql`t.desired` },
  { at: ['properties', 'reported'], column: sql`t.reported` },
  { at: ['tags'], column: sql`t.tags` },
]

/** The columns of `r`, the rows that a condition is put to, as far as the condition wants them. */
export class FieldColumns {
  readonly #bindings: Bindings
  readonly #inner: Sql[] = []
  readonly #outer: Sql[] = []
  readonly #known = new Map<string, unknown>()

  constructor(bindings: Bindings) {
    this.#bindings = bindings
  }

  get bindings(): Bindings {
    return this.#bindings
  }

  /** Columns of `b`, made of `i`, `t` and `p`; a comma stands before each. */
  get inner(): Sql {
    return joined(this.#inner, sql``)
  }

  /** Columns of `r`, made of `b`; likewise. */
  get outer(): Sql {
    return joined(this.#outer, sql``)
  }

  of(path: Path): Field {
    return this.#once(`field ${JSON.stringify(path)}`, () => this.#field(path))
  }

  /** JSON text of what a path leads to, NULL for nothing. @throws TypeError for an object that the hub puts together. */
  quoted(path: Path): Sql {
    return this.#once(`quoted ${JSON.stringify(path)}`, () => {
      const tree = plainOf(path) === undefined ? treeOf(path) : undefined
      if (tree === undefined || tree.names.length === 0) return quotedField(this.of(path))
      return this.#fromTree(tree, (json, place) => sql`${json} -> ${place}`)
    })
  }

  #field(path: Path): Field {
    const plain = plainOf(path)
    if (plain !== undefined) return 'column' in plain ? { ...plain, column: this.#plain(plain.column) } : plain
    const tree = treeOf(path)
    if (tree === undefined) return { kind: 'nothing' }
    // A whole section has `$metadata` beside what is stored; no text is kept of that.
    if (tree.names.length === 0) return { kind: 'object' }
    return {
      kind: 'json',
      type: this.#fromTree(tree, (json, place) => sql`json_type(${json}, ${place})`),
      value: this.#fromTree(tree, (json, place) => sql`json_extract(${json}, ${place})`),
    }
  }

  #plain(column: Sql): Sql {
    return this.#once(`plain ${column}`, () => {
      const name = named(sql`f`, this.#inner.length)
      this.#inner.push(sql`, ${column} AS ${name}`)
      this.#outer.push(sql`, b.${name}`)
      return sql`r.${name}`
    })
  }

  #fromTree(tree: Tree, made: (json: Sql, place: Sql) => Sql): Sql {
    // In binary form: read once a row, and what is asked of it is found without reading it again.
    const json = this.#once(`json ${tree.column}`, () => {
      const name = named(sql`j`, this.#inner.length)
      this.#inner.push(sql`, jsonb(${tree.column}) AS ${name}`)
      return sql`b.${name}`
    })
    const name = named(sql`x`, this.#outer.length)
    this.#outer.push(sql`, ${made(json, this.#bindings.bind(placeOf(tree.names)))} AS ${name}`)
    return sql`r.${name}`
  }

  #once<T>(key: string, make: () => T): T {
    if (this.#known.has(key)) return this.#known.get(key) as T
    const made = make()
    this.#known.set(key, made)
    return made
  }
}

interface Tree {
  readonly column: Sql
  /** From there on. */
  readonly names: readonly string[]
}

function plainOf(path: Path): Field | undefined {
  // A name may hold a dot; then it is none of these.
  return path.some((name) => name.includes('.')) ? undefined : PLAIN.get(path.join('.'))
}

function treeOf(path: Path): Tree | undefined {
  const tree = TREES.find(({ at }) => at.every((name, index) => path[index] === name))
  return tree && { column: tree.column, names: path.slice(tree.at.length) }
}

function quotedField(field: Field): Sql {
  switch (field.kind) {
    case 'nothing':
      return sql`NULL`
    case 'text':
      return field.absent === 'null'
        ? sql`json_quote(${field.column})`
        : sql`iif(${field.column} IS NULL, NULL, json_quote(${field.column}))`
    case 'number':
      return sql`json_quote(${field.column})`
    case 'truth':
      return sql`iif(${field.column}, 'true', 'false')`
    case 'time':
      return sql`json_quote(${timeText(field.column)})`
    case 'array':
      return field.column
    case 'json':
    case 'object':
      throw new TypeError('it has no column for its text')
  }
}

/** The text of a time as documents show it. */
export function timeText(column: Sql): Sql {
  return sql`coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', ${column} / 1000.0, 'unixepoch'), '0001-01-01T00:00:00Z')`
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

/** Shapes of `/api/v1`, as JSON Schema: closed objects that have a name, by which the OpenAPI document refers to them. */

import Type, { type TObject, type TProperties, type TSchema } from 'typebox'

/** RFC 3339. What the hub answers is UTC, to the millisecond. */
export const instant = Type.String({ format: 'date-time' })

/** Any object at all. */
export const anyObject = Type.Unsafe<object>({ type: 'object' })

/** An object with these members and no others. */
export function closed<P extends TProperties>(properties: P, options: object = {}): TObject<P> {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

/** The same with a name, unique in the API: in the document it stands once. */
export function shape<P extends TProperties>(name: string, properties: P, options: object = {}): TObject<P> {
  return closed(properties, { ...options, title: name })
}

/** What one page of a list holds. */
export interface Page<T> {
  items: T[]
  /** Pass as `after` to go on; absent on the last page. */
  next?: string
}

/** The page of a list of these. */
export function page<T extends TSchema>(name: string, item: T) {
  return shape(`${name}Page`, { items: Type.Array(item), next: Type.Optional(Type.String()) })
}

/** Where a page begins, and how many it holds: 100 unless told. */
export const paging = {
  /** As the page before said `next`. */
  after: Type.Optional(Type.String({ maxLength: 1_024 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
}

/** The same where a number says where the page begins. */
export const numberedPaging = {
  after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: paging.limit,
}

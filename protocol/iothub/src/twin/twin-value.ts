/** The JSON that a twin's section can hold (azure-iot.md §10). */

export type TwinValue = string | number | boolean | null | TwinObject | readonly TwinValue[]

/**
 * A section, or an object inside one. Keys are a peer's: read own ones only (`Object.hasOwn`, `Object.keys`), write into
 * objects of `emptyTwinObject`. Null stands in patches alone, where it takes a property away.
 */
export interface TwinObject {
  readonly [key: string]: TwinValue
}

/** An object that is being made. */
export interface TwinDraft {
  [key: string]: TwinValue
}

/** Without a prototype, so that `__proto__` is a key like any other. */
export function emptyTwinObject(): TwinDraft {
  return Object.create(null) as TwinDraft
}

export function isTwinObject(value: TwinValue | undefined): value is TwinObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The own property, or undefined. */
export function propertyOf(object: TwinObject, key: string): TwinValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

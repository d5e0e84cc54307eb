/** The JSON that a twin's section can hold (azure-iot.md §10). */

export type TwinValue = string | number | boolean | null | TwinObject | readonly TwinValue[]

/**
 * A section, or an object inside one. Keys are a peer's: read own ones only (`propertyOf`, `Object.keys`), write them by
 * `putProperty`. Null stands in patches alone, where it takes a property away.
 */
export interface TwinObject {
  readonly [key: string]: TwinValue
}

/** An object that is being made. */
export interface TwinDraft {
  [key: string]: TwinValue
}

/** `__proto__` is a key like any other. */
export function putProperty(object: TwinDraft, key: string, value: TwinValue): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    object[key] = value
  }
}

export function isTwinObject(value: TwinValue | undefined): value is TwinObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The own property, or undefined. */
export function propertyOf(object: TwinObject, key: string): TwinValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

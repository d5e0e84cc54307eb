/** Reads the fields of a document and gathers every fault, so that a client mends them all at once. */

import { DpsError, type Fault } from './errors.ts'
import { type JsonObject, isJsonObject, member } from './json.ts'
import { FAULTS_MAX } from './limits.ts'

export class FieldReader {
  readonly #object: JsonObject
  readonly #path: string
  readonly #faults: Fault[]

  private constructor(object: JsonObject, path: string, faults: Fault[]) {
    this.#object = object
    this.#path = path
    this.#faults = faults
  }

  /** @throws DpsError `bad-request` if `value` is no object. */
  static of(value: unknown): FieldReader {
    if (!isJsonObject(value)) {
      throw new DpsError('bad-request', 'The body is not a JSON object.', {
        faults: [{ path: '', message: 'is an object' }],
      })
    }
    return new FieldReader(value, '', [])
  }

  get faults(): readonly Fault[] {
    return this.#faults
  }

  /** @throws DpsError `bad-request` with every fault found so far, if there is one. */
  check(): void {
    const [first] = this.#faults
    if (first === undefined) return
    const where = first.path === '' ? 'The body' : first.path
    const more = this.#faults.length === 1 ? '' : ` And ${this.#faults.length - 1} more.`
    throw new DpsError('bad-request', `${where}: ${first.message}.${more}`, { faults: this.#faults })
  }

  fault(key: string, message: string): void {
    if (this.#faults.length < FAULTS_MAX) this.#faults.push({ path: this.#pathOf(key), message })
  }

  has(key: string): boolean {
    return member(this.#object, key) !== undefined
  }

  /** The keys that the object has, in its order. */
  keys(): readonly string[] {
    return Object.keys(this.#object)
  }

  string(key: string, charactersMax: number): string | undefined {
    const value = member(this.#object, key)
    if (value === undefined) return undefined
    if (typeof value === 'string' && value.length <= charactersMax) return value
    this.fault(key, typeof value === 'string' ? `has at most ${charactersMax} characters` : 'is a string')
    return undefined
  }

  boolean(key: string): boolean | undefined {
    const value = member(this.#object, key)
    if (value === undefined || typeof value === 'boolean') return value
    this.fault(key, 'is true or false')
    return undefined
  }

  /** One of `choices`, compared without case, as Azure does; returned as it stands in `choices`. */
  choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const value = member(this.#object, key)
    if (value === undefined) return undefined
    const lower = typeof value === 'string' ? value.toLowerCase() : undefined
    const found = choices.find((choice) => choice.toLowerCase() === lower)
    if (found === undefined) this.fault(key, `is one of ${choices.join(', ')}`)
    return found
  }

  /** The object's fields, for reading on; undefined when absent or no object. */
  object(key: string): FieldReader | undefined {
    const value = member(this.#object, key)
    if (value === undefined) return undefined
    if (isJsonObject(value)) return new FieldReader(value, this.#pathOf(key), this.#faults)
    this.fault(key, 'is an object')
    return undefined
  }

  /** The object itself, when its content is its owner's business. */
  json(key: string): JsonObject | undefined {
    const value = member(this.#object, key)
    if (value === undefined || isJsonObject(value)) return value
    this.fault(key, 'is an object')
    return undefined
  }

  /** Any JSON value, when its content is its owner's business. */
  value(key: string): unknown {
    return member(this.#object, key)
  }

  array(key: string, itemsMax: number): readonly unknown[] | undefined {
    const value = member(this.#object, key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length <= itemsMax) return value
    this.fault(key, Array.isArray(value) ? `has at most ${itemsMax} items` : 'is an array')
    return undefined
  }

  #pathOf(key: string): string {
    if (this.#path === '' || key === '') return this.#path + key
    return `${this.#path}.${key}`
  }
}

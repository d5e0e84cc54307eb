/**
 * JSON as requests may hold it: I-JSON (RFC 7493), bounded. What two readers could take for two things is refused:
 * members that stand twice, numbers that lose digits, text that has no UTF-8 form.
 */

/** Arrays and objects within each other. */
export const JSON_DEPTH_MAX = 32
/** Members of all objects and elements of all arrays together. */
export const JSON_MEMBERS_MAX = 10_000

/** `path` is where, as far as it is known: an RFC 6901 pointer. */
export type JsonReading =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'fault'; readonly path: string; readonly message: string }

/** Reads one JSON text. Throws for nothing. */
export function readStrictJson(text: string): JsonReading {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'fault', path: '', message: 'is not JSON' }
  }
  const fault = new Scan(text).run()
  return fault === undefined ? { kind: 'value', value } : { kind: 'fault', ...fault }
}

interface Fault {
  readonly path: string
  readonly message: string
}

/** An object with the names that it has so far, or an array with the place that is next. */
type Level = { readonly names: Set<string>; name: string } | { at: number }

/** A second look at a text that is known to be JSON. */
class Scan {
  readonly #text: string
  readonly #levels: Level[] = []
  #at = 0
  #members = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): Fault | undefined {
    while (this.#at < this.#text.length) {
      const fault = this.#step(this.#text.charAt(this.#at))
      if (fault !== undefined) return fault
    }
    return undefined
  }

  #step(character: string): Fault | undefined {
    switch (character) {
      case '{':
        return this.#open({ names: new Set(), name: '' })
      case '[':
        return this.#open({ at: 0 })
      case '}':
      case ']':
        this.#levels.pop()
        break
      case '"':
        return this.#string()
      case ',': {
        const level = this.#levels.at(-1)
        if (level !== undefined && 'at' in level) level.at += 1
        this.#at += 1
        return this.#count()
      }
      default:
        if (/[-0-9]/.test(character)) return this.#number()
    }
    this.#at += 1
    return undefined
  }

  #open(level: Level): Fault | undefined {
    if (this.#levels.length >= JSON_DEPTH_MAX) return this.#fault(`is nested more than ${JSON_DEPTH_MAX} deep`)
    this.#levels.push(level)
    this.#at += 1
    return this.#count()
  }

  /** One more, though what was opened may be empty: a bound need not be exact. */
  #count(): Fault | undefined {
    this.#members += 1
    return this.#members > JSON_MEMBERS_MAX
      ? this.#fault(`has more than ${JSON_MEMBERS_MAX} members in all`)
      : undefined
  }

  #string(): Fault | undefined {
    const begin = this.#at
    let end = begin + 1
    while (this.#text.charAt(end) !== '"') end += this.#text.charAt(end) === '\\' ? 2 : 1
    this.#at = end + 1
    const raw = this.#text.slice(begin, this.#at)
    const value = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1)
    if (!value.isWellFormed()) return this.#fault('is no text that has a UTF-8 form')
    const level = this.#levels.at(-1)
    if (level === undefined || 'at' in level || !this.#isName()) return undefined
    if (level.names.has(value)) return { path: `${this.#path(-1)}/${pointer(value)}`, message: 'stands twice' }
    level.names.add(value)
    level.name = value
    return undefined
  }

  #isName(): boolean {
    let at = this.#at
    while (/\s/.test(this.#text.charAt(at))) at += 1
    return this.#text.charAt(at) === ':'
  }

  #number(): Fault | undefined {
    const begin = this.#at
    while (/[-+.0-9eE]/.test(this.#text.charAt(this.#at))) this.#at += 1
    const token = this.#text.slice(begin, this.#at)
    const value = Number(token)
    if (!Number.isFinite(value)) return this.#fault('is a number too large')
    // RFC 7493 §2.2: beyond, readers would not agree on its last digits.
    if (/^-?\d+$/.test(token) && !Number.isSafeInteger(value)) return this.#fault('is an integer beyond 2^53 - 1')
    return undefined
  }

  #fault(message: string): Fault {
    return { path: this.#path(this.#levels.length), message }
  }

  /** Of the innermost that is open; `levels` of them, from the outermost; -1: all but the last. */
  #path(levels: number): string {
    const steps = this.#levels.slice(0, levels).map((level) => ('at' in level ? String(level.at) : pointer(level.name)))
    return steps.length === 0 ? '' : `/${steps.join('/')}`
  }
}

/** A name from the peer, short and escaped as RFC 6901 §3 asks. */
export function pointer(name: string): string {
  return name.slice(0, 64).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}

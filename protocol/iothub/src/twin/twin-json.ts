/**
 * JSON (RFC 8259) of a twin, read by ourselves: the engine's parser takes two members of one name, any depth, and whole
 * numbers that it then changes, and a twin must hold what its writer meant or be refused.
 */

import { HubFormatError } from '../errors.ts'
import { TWIN_INTEGER_MAX, TWIN_INTEGER_MIN, TWIN_JSON_DEPTH_MAX, TWIN_JSON_VALUES_MAX } from '../limits.ts'
import { putProperty, type TwinDraft, type TwinValue } from './twin-value.ts'

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses bytes of a peer, whose number the caller bounds. Keys are a peer's: see `TwinObject`.
 * @throws HubFormatError `bad-json` for what is no UTF-8, no JSON, has a member twice or half a surrogate pair;
 *   `bad-twin` for JSON that no twin can hold: nested deeper than TWIN_JSON_DEPTH_MAX, more
 *   than TWIN_JSON_VALUES_MAX values, or a number no double holds.
 */
export function parseTwinJson(bytes: Uint8Array): TwinValue {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw new HubFormatError('bad-json', 'the body is not UTF-8')
  }
  return new Parser(text).whole()
}

class Parser {
  readonly #text: string
  #at = 0
  #values = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): TwinValue {
    const value = this.#value(1)
    this.#space()
    if (this.#at < this.#text.length) throw notJson()
    return value
  }

  #value(depth: number): TwinValue {
    this.#values += 1
    if (this.#values > TWIN_JSON_VALUES_MAX) throw new HubFormatError('bad-twin', 'the body holds too many values')
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(checkedDepth(depth))
      case '[':
        return this.#array(checkedDepth(depth))
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(depth: number): TwinValue {
    const object: TwinDraft = {}
    this.#at += 1
    if (this.#isNext('}')) return object
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw notJson()
      const key = this.#string()
      // Two readers of such a text would not see the same twin.
      if (Object.hasOwn(object, key)) throw new HubFormatError('bad-json', 'the body has a member twice')
      if (!this.#isNext(':')) throw notJson()
      putProperty(object, key, this.#value(depth + 1))
    } while (this.#isNext(','))
    if (!this.#isNext('}')) throw notJson()
    return object
  }

  #array(depth: number): TwinValue {
    const items: TwinValue[] = []
    this.#at += 1
    if (this.#isNext(']')) return items
    do items.push(this.#value(depth + 1))
    while (this.#isNext(','))
    if (!this.#isNext(']')) throw notJson()
    return items
  }

  #string(): string {
    const text = this.#text
    const start = this.#at
    let isEscaped = false
    for (let at = start + 1; ; at += 1) {
      const unit = text.charCodeAt(at)
      if (unit === 0x22) {
        this.#at = at + 1
        break
      }
      // Not below a space, and NaN at the end of the text.
      if (!(unit >= 0x20)) throw notJson()
      if (unit === 0x5c) {
        isEscaped = true
        at += 1
      }
    }
    return isEscaped ? unescaped(text.slice(start, this.#at)) : text.slice(start + 1, this.#at - 1)
  }

  #number(): number {
    NUMBER.lastIndex = this.#at
    const literal = NUMBER.exec(this.#text)?.[0]
    if (literal === undefined) throw notJson()
    this.#at += literal.length
    const value = Number(literal)
    if (!Number.isFinite(value)) throw new HubFormatError('bad-twin', 'a number is too large')
    // Digits that the engine would change; what is whole by its value is judged with the section.
    if (/^-?[0-9]+$/.test(literal) && !Number.isSafeInteger(value)) {
      throw new HubFormatError('bad-twin', `an integer is not within ${TWIN_INTEGER_MIN} and ${TWIN_INTEGER_MAX}`)
    }
    // Minus nothing is written as 0.
    return value === 0 ? 0 : value
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw notJson()
    this.#at += word.length
    return value
  }

  /** Whether `mark` comes next; then it is behind us. */
  #isNext(mark: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== mark) return false
    this.#at += 1
    return true
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at += 1
    }
  }
}

function checkedDepth(depth: number): number {
  if (depth > TWIN_JSON_DEPTH_MAX) throw new HubFormatError('bad-twin', 'the body is nested too deeply')
  return depth
}

/** @param literal with its quotes. */
function unescaped(literal: string): string {
  let value: unknown
  try {
    value = JSON.parse(literal)
  } catch {
    throw notJson()
  }
  if (typeof value !== 'string') throw notJson()
  // It has no UTF-8 form, so nobody could be sent it as it is.
  if (!value.isWellFormed()) throw new HubFormatError('bad-json', 'the body holds half a surrogate pair')
  return value
}

/** The text itself stays here: it is a peer's. */
function notJson(): HubFormatError {
  return new HubFormatError('bad-json', 'the body is not JSON')
}

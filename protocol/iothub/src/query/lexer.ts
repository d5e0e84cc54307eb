/** The words of a query, one at a time. */

import { positionAt, QueryError } from './errors.ts'
import { QUERY_CHARACTERS_MAX, QUERY_NAME_CHARACTERS_MAX } from './limits.ts'
import { type Keyword, keywordOf } from './vocabulary.ts'

export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly keyword: Keyword | undefined; readonly at: number }
  /** `[[name]]`, without the brackets. */
  | { readonly kind: 'escaped'; readonly text: string; readonly at: number }
  | { readonly kind: 'string'; readonly value: string; readonly at: number }
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly at: number }

const SPACE = /[ \t\r\n]+/y
const WORD = /[\p{L}_$][\p{L}\p{M}\p{N}_$]*/uy
const NUMBER = /0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const NAME_PART = /[\p{L}\p{N}_$]/uy
const SYMBOL = /<>|!=|<=|>=|[=<>()[\],.*+\-/%]/y
const ESCAPES: Readonly<Record<string, string>> = {
  "'": "'",
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Largest number of sixteens that a double holds exactly. */
const HEX_MAX = Number.MAX_SAFE_INTEGER

export class Lexer {
  readonly #text: string
  #at = 0

  /** @throws QueryError `too-large`. */
  constructor(text: string) {
    this.#text = text
    if (text.length > QUERY_CHARACTERS_MAX) {
      throw new QueryError('too-large', {
        position: positionAt(text, QUERY_CHARACTERS_MAX),
        found: `a query of ${text.length} characters`,
        expected: `at most ${QUERY_CHARACTERS_MAX}`,
      })
    }
  }

  /**
   * @param mayEscape whether `[[` begins a name here: behind a dot and AS. Elsewhere it begins a list in a list.
   * @throws QueryError `bad-token`.
   */
  next(mayEscape: boolean): Token {
    this.#at += this.#match(SPACE).length
    const at = this.#at
    if (at >= this.#text.length) return { kind: 'end', at: this.#text.length }
    if (mayEscape && this.#text.startsWith('[[', at)) return this.#escapedName()
    const first = this.#text.charAt(at)
    if (first === "'" || first === '"') return this.#string(first)
    if (first >= '0' && first <= '9') return this.#number()
    const word = this.#match(WORD)
    if (word !== '') {
      if (word.length > QUERY_NAME_CHARACTERS_MAX) throw this.#nameTooLong(at)
      this.#at += word.length
      return { kind: 'word', text: word, keyword: keywordOf(word), at }
    }
    const symbol = this.#match(SYMBOL)
    if (symbol === '') {
      throw this.#bad(at, 'a character that means nothing here', 'a name, a value, an operator or the end of the query')
    }
    this.#at += symbol.length
    return { kind: 'symbol', text: symbol === '<>' ? '!=' : symbol, at }
  }

  #escapedName(): Token {
    const at = this.#at
    const end = this.#text.indexOf(']]', at + 2)
    if (end === -1) throw this.#bad(at, '[[ without an end', ']] behind the name')
    const text = this.#text.slice(at + 2, end)
    if (text.length > QUERY_NAME_CHARACTERS_MAX) throw this.#nameTooLong(at)
    if (text === '' || !text.isWellFormed()) throw this.#bad(at + 2, 'no name', 'a name between [[ and ]]')
    this.#at = end + 2
    return { kind: 'escaped', text, at }
  }

  #number(): Token {
    const at = this.#at
    const text = this.#match(NUMBER)
    this.#at += text.length
    if (this.#match(NAME_PART) !== '') {
      throw this.#bad(at, 'a number with letters behind it', 'a number, or a name that begins with a digit as [[name]]')
    }
    const value = Number(text)
    if (!Number.isFinite(value) || (/^0x/i.test(text) && value > HEX_MAX)) {
      throw this.#bad(at, 'a number that is too large', 'a number of double precision')
    }
    return { kind: 'number', value, at }
  }

  #string(quote: string): Token {
    const start = this.#at
    let value = ''
    let from = start + 1
    for (let at = from; at < this.#text.length; at += 1) {
      const character = this.#text.charAt(at)
      if (character === quote) {
        value += this.#text.slice(from, at)
        if (!value.isWellFormed()) throw this.#bad(start, 'half a surrogate pair in a string', 'whole characters')
        this.#at = at + 1
        return { kind: 'string', value, at: start }
      }
      if (character !== '\\') continue
      value += this.#text.slice(from, at)
      const escape = this.#escape(at)
      value += escape.character
      at = escape.end
      from = at + 1
    }
    throw this.#bad(start, 'a string without an end', `${quote} at its end`)
  }

  /** @returns `end`: the place of the last character of the escape. */
  #escape(at: number): { readonly character: string; readonly end: number } {
    const letter = this.#text.charAt(at + 1)
    if (letter === 'u') {
      const digits = this.#text.slice(at + 2, at + 6)
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#bad(at, 'an escape that is none', 'four hexadecimal digits')
      return { character: String.fromCharCode(Number.parseInt(digits, 16)), end: at + 5 }
    }
    const character = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined
    if (character === undefined) {
      throw this.#bad(at, 'an escape that is none', String.raw`one of \' \" \\ \/ \b \f \n \r \t \uXXXX`)
    }
    return { character, end: at + 1 }
  }

  #match(expression: RegExp): string {
    expression.lastIndex = this.#at
    return expression.exec(this.#text)?.[0] ?? ''
  }

  #nameTooLong(at: number): QueryError {
    return new QueryError('too-large', {
      position: positionAt(this.#text, at),
      found: 'a longer name',
      expected: `a name of at most ${QUERY_NAME_CHARACTERS_MAX} characters`,
    })
  }

  #bad(at: number, found: string, expected: string): QueryError {
    return new QueryError('bad-token', { position: positionAt(this.#text, at), found, expected })
  }
}

/** A token as messages name it: its kind, and its text where that is a short plain word or a symbol. */
export function describe(token: Token): string {
  switch (token.kind) {
    case 'word':
      return token.keyword ?? (/^[A-Za-z_$][\w$]{0,31}$/.test(token.text) ? `'${token.text}'` : 'a name')
    case 'escaped':
      return 'a name in [[ ]]'
    case 'string':
      return 'a string'
    case 'number':
      return 'a number'
    case 'symbol':
      return `'${token.text}'`
    case 'end':
      return 'the end of the query'
  }
}

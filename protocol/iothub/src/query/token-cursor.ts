/** One token ahead, and the words to refuse it with. */

import { positionAt, QueryError, type QueryErrorCode } from './errors.ts'
import { describe, Lexer, type Token } from './lexer.ts'
import type { Keyword } from './vocabulary.ts'

export class TokenCursor {
  readonly #text: string
  readonly #lexer: Lexer
  #token: Token

  /** @throws QueryError. */
  constructor(text: string) {
    this.#text = text
    this.#lexer = new Lexer(text)
    this.#token = this.#lexer.next(false)
  }

  get token(): Token {
    return this.#token
  }

  isKeyword(keyword: Keyword): boolean {
    return this.#token.kind === 'word' && this.#token.keyword === keyword
  }

  isSymbol(symbol: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === symbol
  }

  /** The token, and on to the next. `mayEscape`: what follows may be `[[name]]`. */
  take(mayEscape = false): Token {
    const token = this.#token
    this.#token = this.#lexer.next(mayEscape)
    return token
  }

  /** Whether the keyword stood here; it is taken then. */
  takeKeyword(keyword: Keyword): boolean {
    const isThere = this.isKeyword(keyword)
    if (isThere) this.take(keyword === 'AS')
    return isThere
  }

  takeSymbol(symbol: string): boolean {
    const isThere = this.isSymbol(symbol)
    if (isThere) this.take(symbol === '.')
    return isThere
  }

  expectKeyword(keyword: Keyword): void {
    if (!this.takeKeyword(keyword)) throw this.unexpected(keyword)
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected(`'${symbol}'`)
  }

  /** The token is not what may stand here. */
  unexpected(expected: string): QueryError {
    return this.refuse('unexpected', this.#token.at, { found: describe(this.#token), expected })
  }

  refuse(code: QueryErrorCode, at: number, facts: { readonly found: string; readonly expected: string }): QueryError {
    return new QueryError(code, { position: positionAt(this.#text, at), ...facts })
  }
}

/** Words of the query grammar. */

import { DpsError } from './errors.ts'

export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly at: number }
  | { readonly kind: 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly at: number }

const SPACE = /[ \t\r\n]+/y
const WORD = /[A-Za-z_][A-Za-z0-9_.]*/y
const SYMBOL = /<>|!=|<=|>=|[=<>(),*[\]]/y

/** @throws DpsError `bad-query` with the position, counted from 1. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const space = match(SPACE, text, at)
    if (space !== undefined) {
      at += space.length
      continue
    }
    const quote = text[at]
    if (quote === "'" || quote === '"') {
      const { value, end } = stringAt(text, at, quote)
      tokens.push({ kind: 'string', text: value, at })
      at = end
      continue
    }
    const word = match(WORD, text, at)
    const found = word ?? match(SYMBOL, text, at)
    if (found === undefined) throw badQuery('unexpected character', at)
    tokens.push({ kind: word === undefined ? 'symbol' : 'word', text: found, at })
    at += found.length
  }
  tokens.push({ kind: 'end', at })
  return tokens
}

export function badQuery(what: string, at: number): DpsError {
  return new DpsError('bad-query', `The query has an error at position ${at + 1}: ${what}.`)
}

function match(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at
  return expression.exec(text)?.[0]
}

/** A string in either quote; a backslash takes the next character as it is. */
function stringAt(text: string, start: number, quote: string): { readonly value: string; readonly end: number } {
  let value = ''
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === quote) return { value, end: at + 1 }
    if (character === '\\') {
      at += 1
      value += text.charAt(at)
    } else value += character
  }
  throw badQuery('the string has no end', start)
}

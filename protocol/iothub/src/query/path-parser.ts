/** Paths: `tags.site`, `properties.desired.[[a name]].x`, `devices.modules.moduleId`. */

import { describe } from './lexer.ts'
import { QUERY_PATH_MAX } from './limits.ts'
import type { Path } from './syntax.ts'
import type { TokenCursor } from './token-cursor.ts'
import { TWIN_FIELDS } from './vocabulary.ts'

/**
 * A path whose first name is a field of the twin. The source may stand before it, as Azure's examples have it.
 * @throws QueryError `unexpected`, `unknown-name` or `too-large`.
 */
export function parsePath(cursor: TokenCursor): Path {
  const { at } = cursor.token
  const first = parseName(cursor, 'a field of the twin')
  const names = [first]
  while (cursor.takeSymbol('.')) {
    if (names.length >= QUERY_PATH_MAX) {
      throw cursor.refuse('too-large', cursor.token.at, {
        found: 'one name more',
        expected: `a path of at most ${QUERY_PATH_MAX} names`,
      })
    }
    names.push(parseName(cursor, 'a name behind the dot (others than of letters, digits, _ and $ as [[name]])'))
  }
  return withoutSource(cursor, names, at)
}

/**
 * One name, plain or escaped. Behind a dot a keyword is a name like any other.
 * @throws QueryError `unexpected`.
 */
export function parseName(cursor: TokenCursor, expected: string): string {
  const { token } = cursor
  if (token.kind !== 'word' && token.kind !== 'escaped') throw cursor.unexpected(expected)
  cursor.take()
  return token.text
}

function withoutSource(cursor: TokenCursor, names: readonly string[], at: number): Path {
  const behind =
    names[0]?.toLowerCase() === 'devices' ? names.slice(names[1]?.toLowerCase() === 'modules' ? 2 : 1) : names
  const [field, ...rest] = behind
  if (field === undefined) {
    throw cursor.refuse('unexpected', at, { found: 'the source alone', expected: 'a field of the twin behind it' })
  }
  if (!TWIN_FIELDS.includes(field)) {
    const inAnyCase = TWIN_FIELDS.find((known) => known.toLowerCase() === field.toLowerCase())
    throw cursor.refuse('unknown-name', at, {
      found: describe({ kind: 'word', text: field, keyword: undefined, at }),
      expected:
        inAnyCase === undefined
          ? 'a field of the twin: tags.…, properties.desired.…, properties.reported.…, deviceId and so on'
          : `'${inAnyCase}' (names are read with case)`,
    })
  }
  return [field, ...rest]
}

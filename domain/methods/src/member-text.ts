/**
 * The text of one member of a JSON object, as it was written: what goes on to a device unchanged must not lose the
 * digits of a large number on its way through JavaScript. RFC 8259.
 */

/**
 * @param json text of an object that `JSON.parse` takes; of anything else the result means nothing.
 * @returns the last member of that name, as `JSON.parse` takes it, without the space around it; undefined if there is none.
 */
export function memberText(json: string, name: string): string | undefined {
  let found: string | undefined
  let at = skipSpace(json, json.indexOf('{') + 1)
  while (json[at] === '"') {
    const nameEnd = skipString(json, at)
    const isIt = JSON.parse(json.slice(at, nameEnd)) === name
    // Over the colon.
    const valueStart = skipSpace(json, skipSpace(json, nameEnd) + 1)
    const valueEnd = skipValue(json, valueStart)
    if (isIt) found = json.slice(valueStart, valueEnd)
    // Over the comma, or the end.
    at = skipSpace(json, skipSpace(json, valueEnd) + 1)
  }
  return found
}

function skipSpace(json: string, from: number): number {
  let at = from
  while (json[at] === ' ' || json[at] === '\t' || json[at] === '\n' || json[at] === '\r') at += 1
  return at
}

/** Behind the string that begins at `from`. */
function skipString(json: string, from: number): number {
  let at = from + 1
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at + 1
}

/** Behind the value that begins at `from`. */
function skipValue(json: string, from: number): number {
  let at = from
  let depth = 0
  while (at < json.length) {
    const character = json[at]
    if (character === '"') {
      at = skipString(json, at)
      continue
    }
    if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') {
      // The end of the object around it.
      if (depth === 0) break
      depth -= 1
    } else if (depth === 0 && (character === ',' || skipSpace(json, at) !== at)) break
    at += 1
  }
  return at
}

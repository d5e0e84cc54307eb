/** JSON with one text for each value: RFC 8785 (JCS), for the values that events are made of. */

export type CanonicalValue = string | number | boolean | { readonly [name: string]: CanonicalValue }

/**
 * Members sorted by their UTF-16 code units (RFC 8785 §3.2.3); strings and numbers as ECMAScript writes them.
 * @throws TypeError on half a surrogate pair, and on what is no finite number: neither has a text.
 */
export function canonicalJson(value: CanonicalValue): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('half a surrogate pair has no text')
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('only finite numbers have a text')
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      return `{${Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member)}`)
        .join(',')}}`
  }
}

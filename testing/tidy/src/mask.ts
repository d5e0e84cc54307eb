/**
 * Blanks out what is not code: comments whole, strings, templates and regular expressions between their delimiters.
 * Length and line breaks stay, so that a position in the result is a position in the text. `${…}` in a template is code.
 * Not a parser: it knows just enough of TypeScript's tokens to tell a division from a regular expression.
 */
export function mask(text: string): string {
  const out: string[] = []
  /** Brace depth at which each open template goes on. */
  const templates: number[] = []
  let depth = 0
  let i = 0
  /** The last significant character and the word that ends there, to tell `/` apart. */
  let before = ''
  const keep = (count: number): void => {
    out.push(text.slice(i, i + count))
    i += count
  }
  const blank = (end: number): void => {
    out.push(text.slice(i, end).replace(/[^\n]/g, ' '))
    i = end
  }
  const template = (): void => {
    let end = i
    while (end < text.length) {
      if (text[end] === '\\') end += 2
      else if (text[end] === '`' || text.startsWith('${', end)) break
      else end += 1
    }
    blank(Math.min(end, text.length))
    if (text.startsWith('${', i)) {
      keep(2)
      templates.push(depth)
      depth += 1
      before = '{'
    } else {
      keep(1)
      before = '`'
    }
  }
  while (i < text.length) {
    const char = text[i] ?? ''
    if (text.startsWith('//', i) || (i === 0 && text.startsWith('#!'))) {
      const end = text.indexOf('\n', i)
      blank(end === -1 ? text.length : end)
    } else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i + 2)
      blank(end === -1 ? text.length : end + 2)
    } else if (char === "'" || char === '"') {
      let end = i + 1
      while (end < text.length && text[end] !== char && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1
      keep(1)
      blank(Math.min(end, text.length))
      keep(1)
      before = char
    } else if (char === '`') {
      keep(1)
      template()
    } else if (char === '/' && startsExpression(before)) {
      let end = i + 1
      let inClass = false
      while (end < text.length && text[end] !== '\n' && (inClass || text[end] !== '/')) {
        if (text[end] === '\\') end += 1
        else if (text[end] === '[') inClass = true
        else if (text[end] === ']') inClass = false
        end += 1
      }
      keep(1)
      blank(Math.min(end, text.length))
      keep(1)
      before = ')'
    } else if (char === '}' && templates.length > 0 && templates.at(-1) === depth - 1) {
      templates.pop()
      depth -= 1
      keep(1)
      template()
    } else {
      if (char === '{') depth += 1
      if (char === '}') depth -= 1
      const word = /[\w$]+/y
      word.lastIndex = i
      const found = word.exec(text)?.[0]
      if (found !== undefined) {
        before = found
        keep(found.length)
      } else {
        if (!/\s/.test(char)) before = char
        keep(1)
      }
    }
  }
  return out.join('')
}

/** Words after which a `/` opens a regular expression rather than divides. */
const OPERATOR_WORDS = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'do',
  'else',
  'void',
  'delete',
  'throw',
  'new',
  'await',
  'yield',
])

function startsExpression(before: string): boolean {
  if (before === '') return true
  if (/^[\w$]/.test(before)) return OPERATOR_WORDS.has(before)
  return !/[)\]}'"`]/.test(before)
}

/** A line of the log for people, made from the line for machines. */

const RESERVED = new Set(['level', 'time', 'msg', 'error'])

/** @param line one JSON object of our own log. What is no object comes back as it is. */
export function formatLogText(line: string): string {
  const record: unknown = JSON.parse(line)
  if (typeof record !== 'object' || record === null) return line
  const fields: Record<string, unknown> = { ...record }
  const parts = [textOf(fields.time), textOf(fields.level).toUpperCase().padEnd(5), plain(textOf(fields.msg))]
  for (const [name, value] of Object.entries(fields)) {
    if (!RESERVED.has(name)) parts.push(`${plain(name)}=${formatValue(value)}`)
  }
  if (fields.error !== undefined) parts.push(formatError(fields.error))
  return `${parts.join(' ')}\n`
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : plain(JSON.stringify(value))
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const members = Object.entries(value).map(([name, member]) => `${plain(name)}=${formatValue(member)}`)
    return `{${members.join(' ')}}`
  }
  return plain(JSON.stringify(value) ?? 'undefined')
}

function formatError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return `error=${formatValue(error)}`
  const { name, code, message, cause }: Record<string, unknown> = { ...error }
  const head = `${formatName(name)}${code === undefined ? '' : ` (${formatName(code)})`}: ${plain(textOf(message))}`
  return cause === undefined ? head : `${head}, because ${formatError(cause)}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function formatName(value: unknown): string {
  return typeof value === 'string' ? plain(value) : 'Error'
}

/**
 * Nothing that moves a terminal's cursor, changes its state or turns the reading direction: a device's id or a bad
 * packet's reason may be an attack on whoever reads the log.
 */
function plain(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

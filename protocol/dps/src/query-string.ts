/** `name=value&name=value` in MQTT user names and topics: decoded once, each name once. */

/** Fields looked at; a request has three at most. */
const FIELDS_MAX = 16

/** The fields by name, or undefined if the text is malformed, a name stands twice, or there are too many. */
export function parseQueryString(text: string): ReadonlyMap<string, string> | undefined {
  const parts = text.split('&', FIELDS_MAX + 1)
  if (parts.length > FIELDS_MAX) return undefined
  const fields = new Map<string, string>()
  for (const part of parts) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = at < 0 ? part : part.slice(0, at)
    if (fields.has(name)) return undefined
    try {
      fields.set(name, at < 0 ? '' : decodeURIComponent(part.slice(at + 1)))
    } catch {
      return undefined
    }
  }
  return fields
}

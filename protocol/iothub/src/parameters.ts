/** `name=value&name=value` as it stands in user names and behind the `?` of topics. */

import { QUERY_PARAMETERS_MAX } from './limits.ts'

/** Values as received, by name as received; undefined if there are too many or one name stands twice. */
export function splitQuery(text: string): ReadonlyMap<string, string> | undefined {
  const parts = text.split('&', QUERY_PARAMETERS_MAX + 1)
  if (parts.length > QUERY_PARAMETERS_MAX) return undefined
  const parameters = new Map<string, string>()
  for (const part of parts) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = at < 0 ? part : part.slice(0, at)
    if (parameters.has(name)) return undefined
    parameters.set(name, at < 0 ? '' : part.slice(at + 1))
  }
  return parameters
}

/** `text` percent-decoded as a URI component (`+` stays), or undefined if it cannot be. */
export function decodeComponent(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** `text` percent-encoded as a URI component. @throws TypeError on half a surrogate pair: a bug in the caller. */
export function encodeComponent(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch (cause) {
    throw new TypeError('text that has no UTF-8 form', { cause })
  }
}

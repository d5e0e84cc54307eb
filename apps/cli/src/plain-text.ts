/**
 * Text from devices and hubs, made safe for a terminal. A device chooses its message bodies, so an escape sequence in
 * one must not move the operator's cursor, rename the window or hide a line.
 */

/** C0, DEL, C1, line and paragraph separators, and the marks that turn the reading direction. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** One line, with what could steer a terminal written as `\u…`. */
export function plain(text: string): string {
  return text.replace(UNSAFE, escaped)
}

/** JSON on one line that a terminal shows as it is; JSON.stringify leaves DEL, C1 and direction marks alone. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

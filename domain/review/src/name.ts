/** Names that people give to views, plans and sinks: lower-case labels. */

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export function isName(text: string): boolean {
  return NAME.test(text)
}

/** `api-version`: a date, perhaps with `-preview`. Clients of every age are served, so any real date is taken. */

import { HubFormatError } from './errors.ts'

const VERSION = /^(20[1-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(?:-preview)?$/

/** Whether `text` is `YYYY-MM-DD` or `YYYY-MM-DD-preview`, from 2010 on. */
export function isApiVersion(text: string): boolean {
  const [, year, month, day] = VERSION.exec(text) ?? []
  if (year === undefined) return false
  // Date rolls the 31st of a short month over into the next.
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
}

/** @throws HubFormatError `bad-api-version`. */
export function parseApiVersion(text: string): string {
  if (!isApiVersion(text)) throw new HubFormatError('bad-api-version', 'api-version is a date')
  return text
}

/** The `api-version` that every request names (azure-iot.md §6, §7). */

import { DpsError } from './errors.ts'

const FORM = /^(20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(-preview)?$/

/** The service's first version and the newest one whose meaning we know. */
const FIRST = '2017-08-31'
const LAST = '2025-07-01'

/**
 * Checks an `api-version`. Any version between the first and the last known is taken, for clients name many and the
 * parts that we serve did not change between them.
 * @throws DpsError `bad-api-version`.
 */
export function checkApiVersion(text: string | undefined): string {
  if (text === undefined || text === '') throw new DpsError('bad-api-version', 'The query needs an api-version.')
  const date = FORM.test(text) ? text.slice(0, 10) : ''
  if (date < FIRST || date > LAST) {
    throw new DpsError('bad-api-version', `The api-version is not one of ${FIRST} to ${LAST}.`)
  }
  return text
}

/** Pages of lists that are short enough to be held whole. */

import type { Context } from 'hono'
import type { Api } from '@holdfast/api'
import type { HttpEnvironment } from '../environment.ts'
import { readQuery, text, wholeNumber } from '../query.ts'

/** Items of one page unless told, and at most. */
export const PAGE_ITEMS = 100
export const PAGE_ITEMS_MAX = 1_000

/**
 * The page that a request asks for with `after` and `limit`: items in ascending order of their names.
 * @throws Problem 400.
 */
export function onePage<T, U>(
  context: Context<HttpEnvironment>,
  items: readonly T[],
  nameOf: (item: T) => string,
  shown: (item: T) => U,
): Api.Page<U> {
  const { after, limit = PAGE_ITEMS } = readQuery(context, { after: text(256), limit: wholeNumber(1, PAGE_ITEMS_MAX) })
  const rest = items
    .filter((item) => after === undefined || nameOf(item) > after)
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  return {
    items: page.map((item) => shown(item)),
    ...(last === undefined || page.length === rest.length ? {} : { next: nameOf(last) }),
  }
}

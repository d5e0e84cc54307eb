/** Pages of lists. */

import { type About, type Reach, within } from '../../people/reach.ts'

/** Items of one page unless told. */
export const PAGE_ITEMS = 100

export interface PageQuery {
  readonly after?: string
  readonly limit?: number
}

export interface PageOf<T> {
  items: T[]
  next?: string
}

/** The page that a request asks for, of a list short enough to be held whole: items in ascending order of their names. */
export function onePage<T, U>(
  { after, limit = PAGE_ITEMS }: PageQuery,
  items: readonly T[],
  nameOf: (item: T) => string,
  shown: (item: T) => U,
): PageOf<U> {
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

/** A page that a store has cut: a full one may have one after it. */
export function cutPage<T, U>(
  records: readonly T[],
  limit: number,
  nameOf: (record: T) => string,
  shown: (record: T) => U,
): PageOf<U> {
  const last = records.length < limit ? undefined : records.at(-1)
  return { items: records.map((record) => shown(record)), ...(last === undefined ? {} : { next: nameOf(last) }) }
}

/** Records read at once while those within reach are looked for. */
const SEARCHED_RECORDS = 500

/**
 * A page of those that are within reach, out of a store that cannot narrow its lists by itself. What is next is named by
 * what was shown: nothing tells that there are others between. It reads at most what the store holds.
 */
export async function narrowedPage<T, U>(
  {
    reach,
    after,
    limit = PAGE_ITEMS,
  }: { readonly reach: Reach; readonly after?: string | undefined; readonly limit?: number | undefined },
  read: (page: { readonly after?: string; readonly limit: number }) => Promise<readonly T[]>,
  of: { readonly name: (record: T) => string; readonly about: (record: T) => About; readonly shown: (record: T) => U },
): Promise<PageOf<U>> {
  const size = reach.within === undefined ? limit : Math.max(limit, SEARCHED_RECORDS)
  const found: T[] = []
  let cursor = after
  let isEnd = false
  while (found.length < limit && !isEnd) {
    const records = await read({ limit: size, ...(cursor === undefined ? {} : { after: cursor }) })
    found.push(...(await within(reach, records, of.about)))
    const last = records.at(-1)
    isEnd = records.length < size || last === undefined
    cursor = last === undefined ? cursor : of.name(last)
  }
  const page = found.slice(0, limit)
  const last = found.length > limit || !isEnd ? page.at(-1) : undefined
  return { items: page.map((record) => of.shown(record)), ...(last === undefined ? {} : { next: of.name(last) }) }
}

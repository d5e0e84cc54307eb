/** Pages of lists. */

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

/** Pages of a query over a store that lists by id. */

import { QUERY_BATCH, QUERY_SCAN_MAX } from './limits.ts'
import type { Page } from './store.ts'

export interface Results<T> {
  readonly items: readonly T[]
  /** Where the next page begins; absent on the last one. */
  readonly next?: string
}

/**
 * Up to `limit` records that `keep` takes. A page of a selective query may come back short, even empty, with a `next`:
 * one request looks at QUERY_SCAN_MAX records and no more.
 */
export async function pageOf<T>(
  list: (page: Page) => Promise<readonly T[]>,
  query: {
    readonly after?: string
    readonly limit: number
    readonly idOf: (one: T) => string
    readonly keep: (one: T) => boolean
  },
): Promise<Results<T>> {
  const { limit, idOf, keep } = query
  const items: T[] = []
  let after = query.after
  for (let scanned = 0; scanned < QUERY_SCAN_MAX; ) {
    const batch = await list({ ...(after !== undefined && { after }), limit: QUERY_BATCH })
    for (const one of batch) {
      // One more than fits: only now is it known that there is a next page.
      if (items.length === limit && keep(one)) return { items, ...(after !== undefined && { next: after }) }
      after = idOf(one)
      if (keep(one)) items.push(one)
    }
    if (batch.length < QUERY_BATCH) return { items }
    scanned += batch.length
  }
  return { items, ...(after !== undefined && { next: after }) }
}

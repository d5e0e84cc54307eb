/** Pages of the history of a device, or of what is on a manifest. */

import type { SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { cutPage, PAGE_ITEMS, type PageOf } from './page.ts'
import type { Call } from './route.ts'

export async function historyPage(
  { services, query }: Call & { readonly query: { readonly after?: number; readonly limit?: number } },
  subject: string,
): Promise<PageOf<SupplyApi.HistoryEntry>> {
  const { after = 0, limit = PAGE_ITEMS } = query
  const entries = await services.supply.lives.history(subject, { after, limit })
  return cutPage(
    entries,
    limit,
    ({ sequence }) => String(sequence),
    ({ sequence, at, actor, move, from, to, detail }) => ({
      sequence,
      at: formatTimestamp(at),
      actor,
      move,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      detail: { ...detail },
    }),
  )
}

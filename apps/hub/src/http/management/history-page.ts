/** Pages of the history of a device, or of what is on a manifest. */

import type { Api, SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { readQuery, wholeNumber } from '../query.ts'
import { PAGE_ITEMS, PAGE_ITEMS_MAX } from './page.ts'
import { type Call, json } from './route.ts'

export async function historyPage(call: Call, subject: string): Promise<Response> {
  const { after = 0, limit = PAGE_ITEMS } = readQuery(call.context, {
    after: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(1, PAGE_ITEMS_MAX),
  })
  const entries = await call.services.supply.lives.history(subject, { after, limit })
  const last = entries.length < limit ? undefined : entries.at(-1)
  const page: Api.Page<SupplyApi.HistoryEntry> = {
    items: entries.map(({ sequence, at, actor, move, from, to, detail }) => ({
      sequence,
      at: formatTimestamp(at),
      actor,
      move,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      detail: { ...detail },
    })),
    ...(last === undefined ? {} : { next: String(last.sequence) }),
  }
  return json(page)
}

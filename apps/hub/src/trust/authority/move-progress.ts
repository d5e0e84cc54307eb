/** How far the fleet has moved to the root to come: counted page by page, so that nobody waits behind it. */

import type { Timestamp } from '@holdfast/base'
import type { MoveEvidenceKind, MoveEvidenceStore } from '@holdfast/store'

export interface MoveProgress {
  readonly active: number
  readonly moved: number
  readonly by: Readonly<Record<MoveEvidenceKind, number>>
  readonly remaining: readonly string[]
}

const PAGE_ITEMS = 1_000
/** Devices that are named of those that have not moved: enough to go and look. */
const REMAINING_MAX = 100

/** @param since devices that are connected or spoke after it are active. */
export async function countMoves(
  store: Pick<MoveEvidenceStore, 'listActiveDevices'>,
  since: Timestamp,
): Promise<MoveProgress> {
  const by: Record<MoveEvidenceKind, number> = { fetched: 0, renewed: 0, connected: 0 }
  const remaining: string[] = []
  let active = 0
  let moved = 0
  for (let after: string | undefined; ; ) {
    const page = await store.listActiveDevices({ limit: PAGE_ITEMS, ...(after === undefined ? {} : { after }) })
    for (const { deviceId, isConnected, lastActivity, evidence } of page) {
      if (!isConnected && lastActivity < since) continue
      active += 1
      if (evidence === undefined) {
        if (remaining.length < REMAINING_MAX) remaining.push(deviceId)
      } else {
        by[evidence] += 1
        moved += 1
      }
    }
    after = page.at(-1)?.deviceId
    // As many pages as there are devices in thousands: each begins behind the last.
    if (after === undefined || page.length < PAGE_ITEMS) return { active, moved, by, remaining }
  }
}

/** Whether a list is of today. */

import type { Timestamp } from '@holdfast/base'
import type { KnownRevocationList } from './revocation-lists.ts'

export interface StaleList {
  readonly list: KnownRevocationList
  /** When the next list should have been there; undefined: none has ever come. */
  readonly since: Timestamp | undefined
}

export function staleListOf(list: KnownRevocationList, now: Timestamp): StaleList | undefined {
  const { parsed } = list
  if (parsed === undefined) return { list, since: undefined }
  return parsed.freshnessAt(now) === 'stale' ? { list, since: parsed.nextUpdate } : undefined
}

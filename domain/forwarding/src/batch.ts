/** How much goes out at once. */

import { entryDocument, type LogEntry } from '@holdfast/review'
import { BATCH_CHARACTERS_MAX } from './limits.ts'

/** The first of them: at most `entriesMax`, at most BATCH_CHARACTERS_MAX, and one of whatever size. */
export function batchOf(entries: readonly LogEntry[], entriesMax: number): readonly LogEntry[] {
  let characters = 0
  let count = 0
  for (const entry of entries.slice(0, entriesMax)) {
    characters += JSON.stringify(entryDocument(entry)).length
    if (count > 0 && characters > BATCH_CHARACTERS_MAX) break
    count += 1
  }
  return entries.slice(0, count)
}

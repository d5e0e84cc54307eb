/** The operator's lists of weak keys: `weak-keys/*.txt` in the data folder, read when the hub starts. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PkiError, WeakKeys } from '@holdfast/pki'
import type { Notices } from '../core/notices.ts'

/** Files that are looked at, and bytes of each: half a million keys have 32 MiB. */
const FILES_MAX = 64
const FILE_BYTES_MAX = 33_554_432

/** A file that cannot be read stands in a notice, and the others count all the same: no list may keep a hub from starting. */
export function readWeakKeys(folder: string, notices: Notices): WeakKeys {
  const good: string[] = []
  let count = 0
  for (const name of namesIn(folder).slice(0, FILES_MAX)) {
    const fault = faultOf(join(folder, name), good)
    if (fault === undefined) continue
    count += 1
    const detail = `the list of weak keys ${join(folder, name)} does not count: ${fault}`
    notices.set(`weak-keys/${count}`, { detail, advice: 'mend or remove it, then start the hub again' })
  }
  return WeakKeys.parse(good)
}

function faultOf(file: string, good: string[]): string | undefined {
  try {
    if (statSync(file).size > FILE_BYTES_MAX) return `it has more than ${FILE_BYTES_MAX} bytes`
    const text = readFileSync(file, 'latin1')
    WeakKeys.parse([...good, text])
    good.push(text)
    return undefined
  } catch (error) {
    return error instanceof PkiError ? error.message : 'it cannot be read'
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.txt'))
      .toSorted((a, b) => (a < b ? -1 : 1))
  } catch {
    // Nobody has to have one.
    return []
  }
}

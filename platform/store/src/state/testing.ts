/** Stores in a folder of their own, for tests. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStateStore, type StateStore } from './state-store.ts'
import type { StateKeys } from './value-sealer.ts'

export const random = (n: number): Uint8Array => new Uint8Array(randomBytes(n))

/** Keys of these epochs; the last one seals. The same epoch has the same key in every call. */
export function testKeys(...epochs: readonly number[]): StateKeys {
  return {
    current: epochs.at(-1) ?? 1,
    keys: epochs.map((epoch) => ({ epoch, bytes: new Uint8Array(32).fill(epoch) })),
  }
}

/** Gives `use` a path for `state.db` that is gone afterwards. */
export async function withFile(use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-state-'))
  try {
    await use(join(folder, 'state.db'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

export async function withStore(use: (store: StateStore, file: string) => Promise<void>): Promise<void> {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random })
    try {
      await use(store, file)
    } finally {
      await store.close()
    }
  })
}

/** Runs a campaign in a thread of its own and watches it: an input on which code never comes back is a finding too. */

import { Worker } from 'node:worker_threads'
import type { CampaignReport } from './campaign.ts'
import { HANG_MS, WATCH_MS } from './limits.ts'

/** What the thread is given. */
export interface WatchedCampaign {
  /** URL of the module whose `subjects` has the target: `targets.ts`, but for tests. */
  readonly module: string
  readonly target: string
  readonly seed: number
  readonly milliseconds: number
  readonly stored: readonly Uint8Array[]
}

/** Shared memory: a count that is odd while an input runs, the input's length, the input. */
export const STATE_HEAD_BYTES = 8
export const STATE_BYTES_MAX = STATE_HEAD_BYTES + 1024 * 1024

/** @throws what the thread threw, if that is no finding but a fault of the fuzzer. */
export function runWatched(campaign: WatchedCampaign, hangMs = HANG_MS): Promise<CampaignReport> {
  const memory = new SharedArrayBuffer(STATE_BYTES_MAX)
  const head = new Int32Array(memory, 0, 2)
  const worker = new Worker(new URL('./campaign-thread.ts', import.meta.url), { workerData: { campaign, memory } })
  const { promise, resolve, reject } = Promise.withResolvers<CampaignReport>()
  let count = 0
  let since = performance.now()
  const timer = setInterval(
    () => {
      const now = Atomics.load(head, 0)
      if (now !== count || now % 2 === 0) {
        count = now
        since = performance.now()
      } else if (performance.now() - since > hangMs) {
        const input = Uint8Array.from(new Uint8Array(memory, STATE_HEAD_BYTES, Atomics.load(head, 1)))
        const reason = `it did not come back within ${hangMs} ms`
        resolve({ runs: (count + 1) / 2, blocks: 0, corpus: [], failure: { input, reason } })
      }
    },
    Math.min(WATCH_MS, hangMs / 2),
  )
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', () => reject(new Error('the thread ended without a report')))
  return promise.finally(async () => {
    clearInterval(timer)
    await worker.terminate()
  })
}

/** The thread of one campaign; see `watch.ts`. */

import { parentPort, workerData } from 'node:worker_threads'
import { Campaign } from './campaign.ts'
import type { Subject } from './target.ts'
import { STATE_BYTES_MAX, STATE_HEAD_BYTES, type WatchedCampaign } from './watch.ts'

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- given by `watch.ts`, which starts no other thread
const { campaign, memory } = workerData as { readonly campaign: WatchedCampaign; readonly memory: SharedArrayBuffer }
const { subjects } = (await import(campaign.module)) as { readonly subjects: readonly Subject[] }
const subject = subjects.find((it) => it.name === campaign.target)
if (subject === undefined) throw new TypeError(`there is no target ${campaign.target}`)

const head = new Int32Array(memory, 0, 2)
const input = new Uint8Array(memory, STATE_HEAD_BYTES)
const end = performance.now() + campaign.milliseconds

const report = new Campaign({
  subject,
  seed: campaign.seed,
  stored: campaign.stored,
  isOver: () => performance.now() >= end,
  watch: (bytes) => {
    if (bytes !== undefined) {
      const kept = bytes.subarray(0, STATE_BYTES_MAX - STATE_HEAD_BYTES)
      input.set(kept)
      Atomics.store(head, 1, kept.length)
    }
    Atomics.add(head, 0, 1)
  },
}).run()
parentPort?.postMessage(report)

/**
 * The state thread: a worker that owns `state.db` and answers the core's calls. Start it with
 * `new Worker(new URL(import.meta.resolve('@holdfast/store/state-thread')))`, take `connect<StateThread>(worker)` from
 * `@holdfast/node/threads`, and call `open` before anything else: what is wrong with the file rejects that call, in words.
 */

import { randomFillSync } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { serve } from '@holdfast/node/threads'
import { fromSource } from './state/call-source.ts'
import { type StateThreadData, stateDispatch } from './state/state-dispatch.ts'

if (parentPort === null) throw new TypeError('this is the entry of a worker')
const { events } = workerData as StateThreadData
serve(
  parentPort,
  stateDispatch(
    (n) => randomFillSync(new Uint8Array(n)),
    (told) => events.postMessage(told),
  ),
  { within: fromSource },
)

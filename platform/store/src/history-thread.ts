/**
 * The history thread: a worker that owns `history.db` and reads `log.db`. The core calls it through
 * `connect<HistoryThread>(worker)`: `open` (after the log thread's), `setKeys`, then the rest; it hears `HistoryEvent`
 * on the `events` port.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { connectHistoryThread, type HistoryThreadData } from './history/history-dispatch.ts'

if (parentPort === null) throw new TypeError('this is the entry of a worker')
connectHistoryThread(parentPort, workerData as HistoryThreadData)

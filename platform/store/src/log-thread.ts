/**
 * The log thread: a worker that owns `log.db`. Fronts append through ports of their own (`FrontToLog`, `LogToFront`);
 * the core calls it through `connect<LogThread>(worker)` and hears `LogProgress` on the `events` port; the history
 * thread calls `LogControl` on a port between the two. Nothing is taken before `open` was called.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { connectLogThread, type LogThreadData } from './log/log-dispatch.ts'

if (parentPort === null) throw new TypeError('this is the entry of a worker')
connectLogThread(parentPort, workerData as LogThreadData)

import { Worker, type WorkerOptions } from 'node:worker_threads'

const PRELOAD = import.meta.resolve('./compile-cache.ts')

/**
 * Starts a thread. What it throws and does not catch goes to `failed`: no thread of ours may be lost without the
 * process noticing.
 */
export function startThread(entry: string, options: WorkerOptions, failed: (error: Error) => void): Worker {
  const worker = new Worker(new URL(entry), { ...options, execArgv: ['--import', PRELOAD] })
  worker.once('error', (error: unknown) => failed(error instanceof Error ? error : new Error(String(error))))
  return worker
}

import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Starts a thread. Whatever ends it other than `terminate` or its own clean end goes to `failed`: no thread of ours may
 * be lost without the process noticing.
 */
export function startThread(entry: string, options: WorkerOptions, failed: (error: Error) => void): Worker {
  const worker = new Worker(new URL(entry), options)
  worker.once('error', (error: unknown) => failed(error instanceof Error ? error : new Error(String(error))))
  return worker
}

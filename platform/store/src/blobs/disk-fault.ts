import { StoreUnavailableError } from '../damaged.ts'

/** Runs what touches the disk; its faults are the store's. */
export async function onDisk<T>(what: () => Promise<T>): Promise<T> {
  try {
    return await what()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    const code = 'code' in error ? String(error.code) : 'unknown'
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    throw new StoreUnavailableError(isFull ? 'disk-full' : 'io-error', `a file of an upload: ${code}`, error)
  }
}

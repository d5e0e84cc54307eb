/** Reading a key file. */

import { KeyError } from './errors.ts'

/** Runs a read; what the disk says becomes a KeyError that names the file. */
export async function whileReading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof KeyError) throw cause
    const reason = cause instanceof Error ? cause.message : 'the disk refused'
    throw new KeyError('unavailable', `${file} could not be read: ${reason}`, cause)
  }
}

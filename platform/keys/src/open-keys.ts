/** The keys of a data folder with the file provider, as the hub opens them. */

import type { KeyEnvironment } from './environment.ts'
import { FileKeyProvider } from './file-provider.ts'
import type { KeyFolder } from './folder.ts'
import { KeyRing } from './key-ring.ts'
import { RING_BYTES_MAX } from './limits.ts'
import { whileReading } from './reading.ts'
import { RING_FILE } from './ring-file.ts'

export interface OpenKeys {
  readonly ring: KeyRing
  readonly provider: FileKeyProvider
}

/**
 * Opens `kek.json` and `ring.json`, made where there are none, and finishes a rotation of the key-encryption key that
 * was interrupted.
 * @throws KeyError, naming the file and what to do.
 */
export async function openKeys(folder: KeyFolder, environment: KeyEnvironment): Promise<OpenKeys> {
  // A ring without its key-encryption key is a loss, whatever the caller knows of the rest of the folder.
  const ringPath = `${folder.path}/${RING_FILE}`
  const hasRing = (await whileReading(ringPath, () => folder.read(RING_FILE, RING_BYTES_MAX))) !== undefined
  const provider = await FileKeyProvider.open(folder, {
    ...environment,
    mayCreate: environment.mayCreate && !hasRing,
  })
  const ring = await KeyRing.open(folder, provider, environment)
  if (provider.isRotating) await rotateKeyEncryptionKey({ ring, provider })
  return { ring, provider }
}

/**
 * Replaces the key-encryption key. Three steps, each of which leaves files that open: both keys are there, the ring is
 * wrapped by the new one, the old one is gone. After a crash between them `openKeys` goes on; so does calling it again.
 */
export async function rotateKeyEncryptionKey(keys: OpenKeys): Promise<void> {
  await keys.provider.beginRotation()
  await keys.ring.rewrap(keys.provider)
  await keys.provider.endRotation()
}

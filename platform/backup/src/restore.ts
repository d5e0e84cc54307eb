/**
 * From a sealed archive to a data folder. Everything is unpacked and proved beside the place where it is to be, and put
 * there by one rename: after a crash at any moment the folder is as it was, or restored.
 */

import { createReadStream } from 'node:fs'
import { chmod, lstat, mkdir, mkdtemp, open as openFile, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openKeyFolder, VolatileFolder } from '@holdfast/keys'
import { BackupError } from './errors.ts'
import { STREAM_BYTES } from './limits.ts'
import { type KeyElsewhere, keysElsewhere } from './keys-elsewhere.ts'
import { checkSignature } from './manifest-signature.ts'
import { type Proof, prove } from './prove.ts'
import { formatRestored, RESTORED_FILE } from './restored.ts'
import { open, type Opening } from './sealing.ts'
import { onDisk, syncFolder, unpack, type Unpacked } from './unpack.ts'
import type { Manifest } from './manifest.ts'

export interface Restoring {
  readonly file: string
  readonly opening: Opening
  /** Of the audit log that the hub had, as vkey; without it, the archive is believed when it says its own. */
  readonly logKey?: string
  /** Hears how many bytes were unpacked, now and then. */
  readonly onBytes?: (bytes: number) => void
}

export interface Restored {
  readonly manifest: Manifest
  /** SHA-256 of the manifest, hex, as the event `backup.taken` has it. */
  readonly manifestDigest: string
  readonly proof: Proof
  /** Key that signed the manifest, as vkey; undefined: nobody did. */
  readonly signedBy: string | undefined
  /** Keys of the authority that are in a token, and so not in the backup. */
  readonly elsewhere: readonly KeyElsewhere[]
}

/**
 * Restores into `data`, which is not there or holds nothing.
 * @throws BackupError; then `data` is as it was.
 */
export async function restore(restoring: Restoring, data: string): Promise<Restored> {
  const target = resolve(data)
  await demandEmpty(target)
  const staging = `${target}.restoring`
  const lock = await begin(staging)
  let isDone = false
  try {
    const unpacked = await unpackFile(restoring, staging)
    const { manifest, manifestDigest } = unpacked
    // First: databases of somebody else are not even opened.
    const signedBy = await checkSignature(unpacked, { folder: staging, logKey: restoring.logKey })
    const keys = join(staging, 'keys')
    await chmod(keys, 0o700).catch(() => {
      throw new BackupError('does-not-hold', 'what the backup holds does not hold together: it has no keys')
    })
    const proof = await prove({ folder: staging, keys: await openKeyFolder(keys), manifest })
    const elsewhere = await keysElsewhere(staging)
    await writeDurably(join(staging, RESTORED_FILE), formatRestored(manifest, manifestDigest))
    await syncFolder(staging)
    await putInPlace(staging, target)
    isDone = true
    return { manifest, manifestDigest, proof, signedBy, elsewhere }
  } finally {
    lock.close()
    if (!isDone) await rm(staging, { recursive: true, force: true })
  }
}

/** Does all of it but the last step, in a folder under `scratch` that is removed after; keys stay in memory. */
export async function verifyBackup(restoring: Restoring, scratch: string): Promise<Restored> {
  const folder = await mkdtemp(join(scratch, '.holdfast-verify-')).catch((error: unknown) => {
    throw onDisk(error, scratch)
  })
  try {
    const unpacked = await unpackFile(restoring, folder, (name) => name.startsWith(KEYS))
    const { manifest, manifestDigest, held } = unpacked
    const files = [...held].map(([name, bytes]) => [name.slice(KEYS.length), bytes] as const)
    const keys = new VolatileFolder(join(folder, 'keys'), files)
    try {
      const signedBy = await checkSignature(unpacked, { folder, logKey: restoring.logKey })
      const proof = await prove({ folder, keys, manifest })
      return { manifest, manifestDigest, proof, signedBy, elsewhere: await keysElsewhere(folder) }
    } finally {
      keys.wipe()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const KEYS = 'keys/'

async function unpackFile(
  { file, opening, onBytes }: Restoring,
  folder: string,
  isHeld?: (name: string) => boolean,
): Promise<Unpacked> {
  const source = createReadStream(file, { highWaterMark: STREAM_BYTES })
  try {
    const opened = await open(opening, fromDisk(source, file))
    return await unpack(opened, folder, {
      ...(onBytes === undefined ? {} : { onBytes }),
      ...(isHeld === undefined ? {} : { isHeld }),
    })
  } finally {
    source.destroy()
  }
}

async function* fromDisk(source: AsyncIterable<unknown>, file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source) if (chunk instanceof Uint8Array) yield chunk
  } catch (cause) {
    throw new BackupError(
      'unavailable',
      `${file} cannot be read: ${cause instanceof Error ? cause.message : ''}`,
      cause,
    )
  }
}

async function demandEmpty(target: string): Promise<void> {
  let names: readonly string[]
  try {
    // The folder is put in place by a rename, which would take the link's place or fail when all the work is done.
    if ((await lstat(target)).isSymbolicLink()) {
      throw new BackupError(
        'unavailable',
        `${target} is a link, which no folder can take the place of; name the folder that it leads to`,
      )
    }
    names = await readdir(target)
  } catch (cause) {
    if (cause instanceof BackupError) throw cause
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new BackupError('unavailable', `${target} cannot be restored into: ${why}`, cause)
  }
  if (names.length === 0) return
  throw new BackupError(
    'folder-not-empty',
    `${target} holds something, and a backup is restored into a folder that is empty or not there; name another, or move away what is in it`,
  )
}

/** The folder beside the target, for this process alone; what a crash has left in it is cleared away. */
async function begin(staging: string): Promise<DatabaseSync> {
  try {
    await mkdir(dirname(staging), { recursive: true })
    await mkdir(staging, { mode: 0o700 }).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  } catch (error) {
    throw onDisk(error, staging)
  }
  let lock: DatabaseSync | undefined
  try {
    // The kernel's lock, as the hub has it on its folder: it ends with the process, however that ends.
    lock = new DatabaseSync(join(staging, LOCK), { timeout: 0 })
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    for (const name of await readdir(staging)) {
      if (name !== LOCK) await rm(join(staging, name), { recursive: true, force: true })
    }
    return lock
  } catch (cause) {
    lock?.close()
    throw new BackupError('busy', `another restore is under way in ${staging}, or the folder cannot be used`, cause)
  }
}

const LOCK = 'lock.db'

async function putInPlace(staging: string, target: string): Promise<void> {
  try {
    // Replaces an empty folder; one that holds something by now is refused by the kernel.
    await rename(staging, target)
    await syncFolder(dirname(target))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOTEMPTY' || code === 'EEXIST') {
      throw new BackupError('folder-not-empty', `${target} came to hold something meanwhile; name another`, error)
    }
    if (code === 'EBUSY' || code === 'EXDEV') {
      const what = `${target} is where a disk is mounted, which no folder can take the place of; name a folder on that disk`
      throw new BackupError('unavailable', what, error)
    }
    throw onDisk(error, target)
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const file = await openFile(path, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw onDisk(error, path)
  }
}

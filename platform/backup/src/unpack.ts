/** From the bytes of an archive to files of a folder, each compared with the manifest before anybody may believe one. */

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BackupError, damaged } from './errors.ts'
import { HELD_BYTES_MAX, HELD_FILES_MAX, MANIFEST_BYTES_MAX } from './limits.ts'
import { type Manifest, MANIFEST_FILE, type PackedFile, parseManifest, SIGNATURE_FILE } from './manifest.ts'
import { type ReadEntry, readTar } from './tar-reader.ts'

/** Names of the archive that never become files of a folder. */
const OWN: ReadonlySet<string> = new Set([MANIFEST_FILE, SIGNATURE_FILE])
const SIGNATURE_BYTES_MAX = 16_384

export interface Unpacked {
  readonly manifest: Manifest
  /** SHA-256 of the manifest as it stands in the archive, hex. */
  readonly manifestDigest: string
  /** The signed note, if there is one. */
  readonly signature: Uint8Array | undefined
  /** Files that were to stay in memory, by name. */
  readonly held: ReadonlyMap<string, Uint8Array>
}

export interface Unpacking {
  /** Hears how many bytes have been written, now and then. */
  readonly onBytes?: (bytes: number) => void
  /** Files that are to stay in memory, at most `HELD_BYTES_MAX` each: keys, where the folder is only looked at. */
  readonly isHeld?: (name: string) => boolean
}

/**
 * Writes an archive's files into `folder`, which is there, empty, and nobody else's. Durable when it resolves.
 * @throws BackupError `archive-damaged`, `archive-newer`, `no-room`, `unavailable`: what was written is worth nothing then.
 */
export async function unpack(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  { onBytes = () => undefined, isHeld = () => false }: Unpacking = {},
): Promise<Unpacked> {
  const held = new Map<string, Uint8Array>()
  const found: PackedFile[] = []
  const folders = new Set<string>([folder])
  let manifestBytes: Uint8Array | undefined
  let signature: Uint8Array | undefined
  let written = 0
  for await (const entry of readTar(archive)) {
    if (manifestBytes !== undefined && (entry.name !== SIGNATURE_FILE || signature !== undefined)) {
      throw damaged('something stands behind its manifest')
    }
    if (entry.name === MANIFEST_FILE) manifestBytes = await inMemory(entry, MANIFEST_BYTES_MAX)
    else if (entry.name === SIGNATURE_FILE) signature = await inMemory(entry, SIGNATURE_BYTES_MAX)
    else if (isHeld(entry.name)) {
      const { name } = entry
      const bytes = await inMemory(entry, HELD_BYTES_MAX)
      if (held.size >= HELD_FILES_MAX) throw damaged('it holds more keys than there are')
      held.set(name, bytes)
      found.push({ name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
    } else {
      found.push(await toDisk(entry, { folder, folders }))
      written += entry.bytes
      onBytes(written)
    }
  }
  if (manifestBytes === undefined) throw damaged('it has no manifest')
  const manifest = parseManifest(manifestBytes)
  compare(found, manifest.files)
  for (const path of folders) await syncFolder(path)
  return { manifest, manifestDigest: createHash('sha256').update(manifestBytes).digest('hex'), signature, held }
}

/** @throws BackupError naming the first file that is not what the manifest says. */
function compare(found: readonly PackedFile[], listed: readonly PackedFile[]): void {
  for (const [at, file] of listed.entries()) {
    const other = found[at]
    if (other === undefined || other.name !== file.name) throw damaged(`${file.name} is missing from it`)
    if (other.bytes !== file.bytes || other.sha256 !== file.sha256) throw damaged(`${file.name} is not what was packed`)
  }
  const more = found[listed.length]
  if (more !== undefined) throw damaged(`${more.name} was added to it`)
}

async function toDisk(
  { name, bytes, content }: ReadEntry,
  { folder, folders }: { readonly folder: string; readonly folders: Set<string> },
): Promise<PackedFile> {
  if (OWN.has(name)) throw damaged('its manifest is not where it belongs')
  const path = join(folder, name)
  const hash = createHash('sha256')
  try {
    const parent = dirname(path)
    if (!folders.has(parent)) {
      await mkdir(parent, { recursive: true, mode: 0o700 })
      folders.add(parent)
    }
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW
    const file = await open(path, flags, 0o600)
    try {
      for await (const chunk of content) {
        hash.update(chunk)
        await file.writeFile(chunk)
      }
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw onDisk(error, name)
  }
  return { name, bytes, sha256: hash.digest('hex') }
}

async function inMemory({ name, bytes, content }: ReadEntry, bytesMax: number): Promise<Uint8Array> {
  if (bytes > bytesMax) throw damaged(`its ${name} is too large`)
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What a disk says, in our words; what is ours already stays. */
export function onDisk(error: unknown, name: string): unknown {
  if (error instanceof BackupError || !(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new BackupError('no-room', `there is no room for ${name}: make some, and begin anew`, error)
  }
  // A file where another wants a folder: an archive of ours holds no such two.
  if (error.code === 'ENOTDIR' || error.code === 'EEXIST' || error.code === 'EISDIR') {
    return damaged(`${name} is a file and a folder in it`, error)
  }
  return new BackupError('unavailable', `${name} cannot be written: ${error.message}`, error)
}

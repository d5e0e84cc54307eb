/**
 * Files of the data folder beside databases, keys and uploads: the hub's authority, its settings, lists of the operator. All
 * that there are, but for what is made anew or copied otherwise: a file that is added some day is not forgotten.
 */

import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupError, isEntryName, type Source } from '@holdfast/backup'

/** Files of all folders together, and their bytes; they are in memory until they are packed. */
const FILES_MAX = 4_096
const BYTES_MAX = 64 * 1024 * 1024

/** Copied otherwise, or worth nothing elsewhere: locks, sockets, what is half done. */
const LEFT_OUT =
  /^(?:(?:state|log|history|lock)\.db.*|.*\.(?:sock|part|new|tmp)|keys|blobs|manifests|backup-work|restored\.json)$/

export async function smallFiles(folder: string): Promise<readonly Source[]> {
  const sources: Source[] = []
  let left = BYTES_MAX
  const read = async (name: string): Promise<void> => {
    const content = await contentOf(join(folder, name), left)
    left -= content.length
    sources.push({ name, content })
    if (sources.length > FILES_MAX) throw tooMuch()
  }
  for (const entry of await entriesOf(folder)) {
    if (LEFT_OUT.test(entry.name)) continue
    if (entry.isFile() && isEntryName(entry.name)) await read(entry.name)
    if (!entry.isDirectory() || !isEntryName(entry.name)) continue
    for (const inner of await entriesOf(join(folder, entry.name))) {
      const name = `${entry.name}/${inner.name}`
      if (inner.isFile() && isEntryName(name) && !LEFT_OUT.test(inner.name)) await read(name)
    }
  }
  return sources
}

async function entriesOf(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

async function contentOf(path: string, bytesMax: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await file.stat()
    if (size > bytesMax) throw tooMuch()
    return new Uint8Array(await file.readFile())
  } finally {
    await file.close()
  }
}

function tooMuch(): BackupError {
  return new BackupError(
    'unavailable',
    `the data folder holds more than ${BYTES_MAX / 2 ** 20} MiB of files that are none of the hub's; put them elsewhere`,
  )
}

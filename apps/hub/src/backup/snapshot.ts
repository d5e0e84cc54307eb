/**
 * A consistent copy of a hub that goes on working.
 *
 * The databases are copied one after the other: history, log, state. While the first two are copied nothing moves from the
 * log to the history (`hold`), so that what the history lacks is in the log. The state comes last, so that whatever a
 * message or a file belongs to is there, and the entries that describe it. A copy is of the moment in which it ends; so
 * everything that was answered before the first began is in all of them.
 *
 * Keys are copied at the end, and the whole begins anew if one was destroyed meanwhile: a backup shall neither bring back
 * what was destroyed nor lack the key of what it holds.
 */

import { randomBytes } from 'node:crypto'
import { link, mkdir, rm, stat, statfs } from 'node:fs/promises'
import type { Clock, Timestamp } from '@holdfast/base'
import { BackupError, ROOM_KEPT_BYTES, type Source } from '@holdfast/backup'
import { type KeyCustody, VolatileFolder } from '@holdfast/keys'
import type { CopiedFiles } from '@holdfast/store'
import type { Storage } from '../core/storage.ts'
import type { DataFolder } from '../data-folder.ts'
import { smallFiles } from './small-files.ts'

/** Where copies and drills lie for as long as they are needed; emptied at each start. */
export const WORK_FOLDER = 'backup-work'
/** Keys are destroyed by hand, and seldom. */
const ATTEMPTS_MAX = 3

export interface SnapshotParts {
  readonly folder: DataFolder
  readonly storage: Pick<Storage, 'state' | 'log' | 'history'>
  readonly custody: Pick<KeyCustody, 'copyTo' | 'ring'>
  readonly clock: Clock
}

export interface Snapshot {
  readonly copies: CopiedFiles
  readonly sources: readonly Source[]
  /** Whatever was answered before is in it. */
  readonly takenTime: Timestamp
  /** Removes the copies. */
  release(): Promise<void>
}

/**
 * @param uploadFiles says which uploaded files a copy of the state knows.
 * @throws BackupError `no-room`, `unavailable`; a store's error, a KeyError.
 */
export async function takeSnapshot(
  parts: SnapshotParts,
  uploadFiles: (state: string) => Promise<readonly string[]>,
): Promise<Snapshot> {
  for (let attempt = 1; ; attempt += 1) {
    const work = parts.folder.at(WORK_FOLDER, randomBytes(8).toString('hex'))
    const release = (): Promise<void> => rm(work, { recursive: true, force: true })
    try {
      await mkdir(work, { recursive: true, mode: 0o700 })
      const snapshot = await attemptOnce(parts, work, uploadFiles)
      if (snapshot !== undefined) return { ...snapshot, release }
    } catch (error) {
      await release()
      throw error
    }
    await release()
    if (attempt === ATTEMPTS_MAX) {
      throw new BackupError('unavailable', 'keys or files were destroyed while they were backed up; try again')
    }
  }
}

/** @returns undefined if something was destroyed meanwhile. */
async function attemptOnce(
  parts: SnapshotParts,
  work: string,
  uploadFiles: (state: string) => Promise<readonly string[]>,
): Promise<Omit<Snapshot, 'release'> | undefined> {
  const { folder, storage, custody, clock } = parts
  await demandRoom(folder)
  const before = destroyed(custody)
  const takenTime = clock.wall()
  const copies = { state: `${work}/state.db`, log: `${work}/log.db`, history: `${work}/history.db` }
  await storage.history.hold()
  try {
    await storage.history.copyTo(copies.history)
    await storage.log.copyTo(copies.log)
  } finally {
    await storage.history.release()
  }
  await storage.state.copyTo(copies.state)
  const blobs = await linkBlobs(folder, work, await uploadFiles(copies.state))
  const keys = new VolatileFolder(folder.at('keys'))
  try {
    await custody.copyTo(keys)
    if (blobs === undefined || destroyed(custody) !== before) return undefined
    const ofKeys = [...keys.files].map(([name, bytes]) => ({ name: `keys/${name}`, content: bytes.slice() }))
    const sources = [...(await smallFiles(folder.path)), ...ofKeys, ...blobs]
    return { copies, sources, takenTime }
  } finally {
    keys.wipe()
  }
}

/** Which keys are gone, as a text to compare. */
function destroyed({ ring }: Pick<KeyCustody, 'ring'>): string {
  const gone = ring.list().filter(({ state }) => state === 'dropped')
  return gone.map(({ epoch }) => epoch).join(' ')
}

/** Other names for the files, which are never changed: they stay when theirs are taken away. */
async function linkBlobs(
  folder: DataFolder,
  work: string,
  names: readonly string[],
): Promise<readonly Source[] | undefined> {
  const into = `${work}/blobs`
  await mkdir(into, { mode: 0o700 })
  const sources: Source[] = []
  for (const name of names) {
    const path = `${into}/${name}`
    try {
      await link(folder.at('blobs', name), path)
      sources.push({ name: `blobs/${name}`, path, bytes: (await stat(path)).size })
    } catch (error) {
      // Deleted since the state was copied: the state has to be copied again, without it.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }
  return sources
}

/** Copies take as much as what they are of, and the hub needs room to go on. */
async function demandRoom(folder: DataFolder): Promise<void> {
  let bytes = 0
  for (const name of ['state.db', 'log.db', 'history.db']) {
    for (const file of [name, `${name}-wal`]) {
      bytes += await stat(folder.at(file)).then(
        ({ size }) => size,
        () => 0,
      )
    }
  }
  const { bavail, bsize } = await statfs(folder.path)
  if (bavail * bsize >= bytes + ROOM_KEPT_BYTES) return
  throw new BackupError(
    'no-room',
    `a backup needs ${mebibytes(bytes + ROOM_KEPT_BYTES)} MiB free beside the data for as long as it is taken, and there are ${mebibytes(bavail * bsize)}`,
  )
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20)
}

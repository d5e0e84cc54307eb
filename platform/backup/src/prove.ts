/**
 * Whether what was unpacked is an installation that works: every database whole, every key there, the audit log consistent
 * with itself and with what was signed of it, telemetry what the log says and opened message by message, uploads opened, and
 * as much of everything as was counted when the backup was taken.
 */

import { randomFillSync } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@holdfast/node/clock'
import { type KeyFolder, KeyError, type KeyRing, openKeys } from '@holdfast/keys'
import {
  countCopies,
  damageOf,
  History,
  readTelemetryRecord,
  StoreDamagedError,
  StoreUnavailableError,
} from '@holdfast/store'
import { BlobFolder } from '@holdfast/store/blobs'
import { openStateStore, type StateStore } from '@holdfast/store/state'
import { BackupError, doesNotHold } from './errors.ts'
import { UPLOADS_OPENED_MAX } from './limits.ts'
import type { BackupCounts, Manifest } from './manifest.ts'
import { proveLog } from './prove-log.ts'

export interface Proving {
  /** Where the files were unpacked; the databases are opened by a process that has them for itself. */
  readonly folder: string
  readonly keys: KeyFolder
  readonly manifest: Manifest
}

export interface Proof {
  /** As counted again. */
  readonly counts: BackupCounts
  /** Messages that were opened with their keys, and those whose key was destroyed by an operator. */
  readonly messages: number
  readonly unreadable: number
  /** Segments of telemetry that the audit log has the digest of. */
  readonly segments: number
  /** Uploaded files that were read to their end. */
  readonly uploads: number
  /** Root of the audit log, base64. */
  readonly root: string
}

/** @throws BackupError `does-not-hold`, saying the first thing that does not; `unavailable`. */
export async function prove({ folder, keys, manifest }: Proving): Promise<Proof> {
  const files = {
    state: join(folder, 'state.db'),
    log: join(folder, 'log.db'),
    history: join(folder, 'history.db'),
  }
  try {
    for (const file of Object.values(files)) {
      const damage = damageOf(file)
      if (damage !== undefined) throw doesNotHold(`${file}: ${damage}`)
    }
    const counts = countCopies(files)
    compareCounts(manifest.counts, counts)
    const random = (bytes: number): Uint8Array<ArrayBuffer> => randomFillSync(new Uint8Array(bytes))
    const { ring, provider } = await openKeys(keys, { clock: systemClock, random, mayCreate: false })
    try {
      const stateKeys = ring.usable('state').map(({ epoch, bytes }) => ({ epoch, bytes: bytes.slice() }))
      const store = await openStateStore({
        file: files.state,
        keys: { current: ring.current('state').epoch, keys: stateKeys },
        random,
      })
      try {
        const root = await proveLog(store.audit, manifest)
        const telemetry = await proveTelemetry(files, ring, store)
        const uploads = await proveUploads(store, join(folder, 'blobs'))
        return { counts, root, uploads, ...telemetry }
      } finally {
        await store.close()
      }
    } finally {
      ring.close()
      await provider.close()
    }
  } catch (error) {
    throw explained(error)
  }
}

function compareCounts(told: BackupCounts, found: BackupCounts): void {
  for (const name of ['devices', 'modules', 'uploads', 'entries'] as const) {
    if (told[name] !== found[name]) throw doesNotHold(`it has ${found[name]} ${name}, and ${told[name]} were backed up`)
  }
  if (told.partitions.length !== found.partitions.length) {
    throw doesNotHold(`it has ${found.partitions.length} partitions, and ${told.partitions.length} were backed up`)
  }
  for (const [at, { first, next }] of told.partitions.entries()) {
    const partition = found.partitions[at]
    if (partition?.first !== first || partition.next !== next) {
      throw doesNotHold(
        `partition ${at} holds sequence numbers from ${partition?.first} to ${partition?.next}, and those from ${first} to ${next} were backed up`,
      )
    }
  }
}

async function proveTelemetry(
  files: { readonly log: string; readonly history: string },
  ring: KeyRing,
  store: StateStore,
): Promise<Pick<Proof, 'messages' | 'unreadable' | 'segments'>> {
  const ignore = (): void => {}
  const history = new History({ logFile: files.log, historyFile: files.history, trim: ignore, emptyEpoch: ignore })
  try {
    history.setKeys(ring.usable('telemetry').map(({ epoch, bytes }) => ({ epoch, key: bytes.slice() })))
    const opened = await history.verify()
    const [finding] = opened.findings
    if (finding !== undefined) throw doesNotHold(finding)
    const record = await readTelemetryRecord(store.audit)
    const digests = await history.verifyDigests(record, systemClock.wall())
    // What was paged in the last minutes before the backup waits in it to be told; a day is what it may take.
    const odd = digests.findings.find(({ kind }) => kind !== 'unlogged')
    if (odd !== undefined) {
      throw doesNotHold(`partition ${odd.partition} from sequence ${odd.firstSequence}: ${odd.detail}`)
    }
    return { messages: opened.messages, unreadable: opened.unreadable, segments: digests.segments }
  } finally {
    history.close()
  }
}

/** Every upload is looked for; the first are opened and read to their end, so that a byte that was changed is found. */
async function proveUploads(store: StateStore, folder: string): Promise<number> {
  const names = await store.listUploadFiles()
  if (names.length === 0) return 0
  for (const name of names) {
    // One that was deleted between the copy of the state and its own is gone as it was to be.
    await stat(join(folder, name)).catch(() => {
      throw doesNotHold(`the uploaded file blobs/${name} is missing`)
    })
  }
  const blobs = await BlobFolder.open(folder, () => new Uint8Array())
  let opened = 0
  let after: string | undefined
  while (opened < UPLOADS_OPENED_MAX) {
    const page = await store.listUploads({ limit: 100, ...(after === undefined ? {} : { after }) })
    for (const { correlationId } of page) {
      // A list has no keys.
      const blob = (await store.readUpload(correlationId))?.blob
      if (blob === undefined || opened >= UPLOADS_OPENED_MAX) continue
      for await (const chunk of blobs.read(blob)) void chunk
      opened += 1
    }
    after = page.at(-1)?.correlationId
    if (page.length < 100 || after === undefined) break
  }
  return opened
}

function explained(error: unknown): unknown {
  if (error instanceof BackupError) return error
  if (error instanceof StoreUnavailableError) return new BackupError('unavailable', error.message, error)
  if (error instanceof StoreDamagedError || error instanceof KeyError) return doesNotHold(error.message, error)
  // A file of an upload that does not open.
  if (error instanceof Error && 'code' in error) return doesNotHold(error.message, error)
  return error
}

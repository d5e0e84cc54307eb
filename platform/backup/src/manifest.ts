/** The last file of an archive: every other file with its digest, and what was counted in them when they were packed. */

import { BackupError, damaged } from './errors.ts'
import { FILE_BYTES_MAX, FILES_MAX } from './limits.ts'
import { isEntryName } from './tar.ts'

export const MANIFEST_FILE = 'manifest.json'
/** The manifest's digest under the key of the audit log, a signed note (c2sp.org/signed-note); the very last file. */
export const SIGNATURE_FILE = 'manifest.note'
const FORMAT = 'holdfast-backup'
const VERSION = 1
const PARTITIONS_MAX = 1_024

export interface PackedFile {
  readonly name: string
  readonly bytes: number
  /** SHA-256, hex. */
  readonly sha256: string
}

/** What of a partition is in the archive: the sequence numbers [first, next). */
export interface PartitionCount {
  readonly partition: number
  readonly first: number
  readonly next: number
}

/** What can be counted again in what was restored. */
export interface BackupCounts {
  readonly devices: number
  readonly modules: number
  readonly uploads: number
  readonly partitions: readonly PartitionCount[]
  /** Entries of the audit log. */
  readonly entries: number
}

export interface Manifest {
  /** 32 hex digits, random. */
  readonly id: string
  /** RFC 3339. Whatever was acknowledged before is in the backup; of what came after, some may be. */
  readonly takenTime: string
  readonly hostname: string
  /** Of the program that took it. */
  readonly version: string
  /** Where the hub kept the key that wraps all others. In the archive it is in a file, whatever this says. */
  readonly keyProvider: string
  /** Newest checkpoint of the audit log, as text; absent where there is none yet. */
  readonly checkpoint?: string
  readonly counts: BackupCounts
  /** In the order of the archive. */
  readonly files: readonly PackedFile[]
}

/** In one order of members, whatever theirs: one content has one text. */
export function formatManifest(manifest: Manifest): Uint8Array {
  const { id, takenTime, hostname, version, keyProvider, checkpoint, counts, files } = manifest
  const { devices, modules, uploads, partitions, entries } = counts
  const text = JSON.stringify({
    format: FORMAT,
    formatVersion: VERSION,
    id,
    takenTime,
    hostname,
    version,
    keyProvider,
    ...(checkpoint === undefined ? {} : { checkpoint }),
    counts: {
      devices,
      modules,
      uploads,
      partitions: partitions.map(({ partition, first, next }) => ({ partition, first, next })),
      entries,
    },
    files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  })
  return new TextEncoder().encode(`${text}\n`)
}

/** @throws BackupError `archive-damaged`, `archive-newer`. Unknown members are refused, as everything is that we do not write. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const value = parseJson(bytes)
  if (value['format'] !== FORMAT) throw damaged('it is no backup of Holdfast')
  const version = value['formatVersion']
  if (typeof version === 'number' && version > VERSION) {
    throw new BackupError(
      'archive-newer',
      'a newer version of Holdfast wrote this backup; restore it with that version',
    )
  }
  const manifest: Manifest = {
    id: text(value['id'], /^[0-9a-f]{32}$/),
    takenTime: text(value['takenTime'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/),
    hostname: text(value['hostname'], /^[A-Za-z0-9.-]{1,253}$/),
    version: text(value['version'], /^[ -~]{1,100}$/),
    keyProvider: text(value['keyProvider'], /^[a-z0-9]{1,20}$/),
    ...(value['checkpoint'] === undefined ? {} : { checkpoint: text(value['checkpoint'], /^[^\0]{1,20000}$/) }),
    counts: countsOf(value['counts']),
    files: listOf(value['files'], FILES_MAX).map(fileOf),
  }
  // One text for one content: whatever else stood in it would be signed and not looked at.
  if (Buffer.compare(formatManifest(manifest), bytes) !== 0) throw damaged('its manifest is not as it was written')
  return manifest
}

function countsOf(value: unknown): BackupCounts {
  const counts = objectOf(value)
  return {
    devices: count(counts['devices']),
    modules: count(counts['modules']),
    uploads: count(counts['uploads']),
    partitions: listOf(counts['partitions'], PARTITIONS_MAX).map((one) => {
      const partition = objectOf(one)
      return {
        partition: count(partition['partition']),
        first: count(partition['first']),
        next: count(partition['next']),
      }
    }),
    entries: count(counts['entries']),
  }
}

function fileOf(value: unknown): PackedFile {
  const file = objectOf(value)
  const name = text(file['name'], /^/)
  const bytes = count(file['bytes'])
  if (!isEntryName(name) || bytes > FILE_BYTES_MAX) throw damaged('its manifest names a file that is none')
  return { name, bytes, sha256: text(file['sha256'], /^[0-9a-f]{64}$/) }
}

function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return objectOf(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (error) {
    if (error instanceof BackupError) throw error
    throw damaged('its manifest does not read', error)
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged('its manifest does not read')
  return Object.assign(Object.create(null) as Record<string, unknown>, value)
}

function listOf(value: unknown, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > most) throw damaged('its manifest does not read')
  return value
}

function text(value: unknown, form: RegExp): string {
  if (typeof value !== 'string' || !form.test(value)) throw damaged('its manifest does not read')
  return value
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw damaged('its manifest does not read')
  return value
}

/** The mark of a folder that was restored and has not been started since: the first start reads it, and takes it away. */

import type { Manifest } from './manifest.ts'

export const RESTORED_FILE = 'restored.json'
/** Bytes of the file: a checkpoint with cosignatures is the longest of it. */
export const RESTORED_BYTES_MAX = 65_536
const FORMAT = 'holdfast-restored'

export interface RestoredMark {
  readonly backup: string
  readonly manifestDigest: string
  readonly takenTime: string
  /** Entries of the audit log that the backup has. */
  readonly entries: number
  readonly checkpoint?: string
  /** Where the key of all keys was kept; it is in a file now. */
  readonly keyProvider: string
}

export function formatRestored(manifest: Manifest, manifestDigest: string): Uint8Array {
  const { id, takenTime, counts, checkpoint, keyProvider } = manifest
  const mark: RestoredMark = {
    backup: id,
    manifestDigest,
    takenTime,
    entries: counts.entries,
    ...(checkpoint === undefined ? {} : { checkpoint }),
    keyProvider,
  }
  return new TextEncoder().encode(`${JSON.stringify({ format: FORMAT, ...mark }, undefined, 1)}\n`)
}

/** Undefined where it is none of ours: somebody's file of that name, or one that was cut. */
export function parseRestored(bytes: Uint8Array): RestoredMark | undefined {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const members = new Map<string, unknown>(Object.entries(value))
  const [backup, manifestDigest, takenTime, keyProvider, checkpoint] = [
    'backup',
    'manifestDigest',
    'takenTime',
    'keyProvider',
    'checkpoint',
  ].map((name) => members.get(name))
  const entries = members.get('entries')
  if (members.get('format') !== FORMAT || typeof entries !== 'number') return undefined
  if (typeof backup !== 'string' || typeof manifestDigest !== 'string') return undefined
  if (typeof takenTime !== 'string' || typeof keyProvider !== 'string') return undefined
  return {
    backup,
    manifestDigest,
    takenTime,
    entries,
    keyProvider,
    ...(typeof checkpoint === 'string' ? { checkpoint } : {}),
  }
}

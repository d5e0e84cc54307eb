/**
 * Telemetry leaves some of the disk free. Otherwise whoever can send could fill it, and then nobody could be cut off any
 * more: that a device is disabled has to be written down.
 */

import { type StatsFs, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/** Left to the registry and the keys, in bytes: hundreds of changes and a whole WAL of theirs. */
const ROOM_KEPT_BYTES_MAX = 16 * 1_048_576
/** On a small disk, this share of it. */
const ROOM_KEPT_SHARE = 1 / 8

/** What is wrong, when the disk under `file` has no room left for `bytes` of telemetry. Costs a few microseconds. */
export function shortageOfRoom(file: string, bytes = 0): string | undefined {
  let room: StatsFs
  try {
    room = statfsSync(dirname(file))
  } catch {
    // The write itself will say what is the matter.
    return undefined
  }
  const { bavail, blocks, bsize } = room
  const keptBytes = Math.min(ROOM_KEPT_BYTES_MAX, blocks * bsize * ROOM_KEPT_SHARE)
  if (bavail * bsize > keptBytes + bytes) return undefined
  return `disk is full but for ${Math.round(keptBytes / 1_048_576)} MiB that are kept for the registry`
}

/**
 * Which partition a device's messages go to. The number is on disk and in consumers' offsets: this function never
 * changes, and neither does a hub's number of partitions.
 *
 * FNV-1a over the id's UTF-8 bytes (32 bits, offset basis 0x811c9dc5, prime 0x01000193), mixed by the finaliser of
 * MurmurHash3 (fmix32), modulo the count. FNV alone leaves its low bits to the last characters, and ids that count up
 * differ in nothing else.
 */

import { PARTITIONS_MAX } from './limits.ts'

const encoder = new TextEncoder()

/**
 * @param count 1 to `PARTITIONS_MAX`
 * @returns 0 to count - 1. A device's modules go with their device.
 */
export function partitionOf(deviceId: string, count: number): number {
  if (!(Number.isInteger(count) && count >= 1 && count <= PARTITIONS_MAX)) {
    throw new TypeError(`a hub has 1 to ${PARTITIONS_MAX} partitions`)
  }
  let hash = 0x811c9dc5
  for (const byte of encoder.encode(deviceId)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % count
}

/**
 * Reads a write-ahead log as SQLite's recovery would (file format §4), to tell a torn end from damage.
 *
 * Recovery stops at the first frame whose checksum is wrong, and drops all that follows. That is right for the end of
 * a log that a power cut tore; it is a silent loss of acknowledged data when a disk flipped a bit in the middle. With
 * `synchronous=FULL` a transaction's frames are written only when the one before is on disk. So a wrong frame that
 * stands before a commit which is itself followed by more frames of the same generation was once whole: damage.
 */

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

const WAL_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC_LITTLE = 0x377f0682
const MAGIC_BIG = 0x377f0683

/** What is wrong with `walFile`, one sentence; undefined when recovery will lose nothing that was committed. */
export function findWalDamage(walFile: string): string | undefined {
  if (!existsSync(walFile)) return undefined
  const file = openSync(walFile, 'r')
  try {
    const bytes = fstatSync(file).size
    if (bytes <= WAL_HEADER_BYTES) return undefined
    const header = read(file, 0, WAL_HEADER_BYTES)
    const magic = header.getUint32(0)
    const pageBytes = header.getUint32(8)
    const sum: Checksum = { low: 0, high: 0, isLittle: magic === MAGIC_LITTLE }
    add(sum, header, 0, 24)
    const isHeaderWhole =
      (magic === MAGIC_LITTLE || magic === MAGIC_BIG) &&
      pageBytes >= 512 &&
      pageBytes <= 65_536 &&
      sum.low === header.getUint32(24) &&
      sum.high === header.getUint32(28)
    // The 32 bytes are in one sector and are never written in two parts.
    if (!isHeaderWhole) return 'the header of its -wal is damaged'
    return findFrameDamage(file, { bytes, pageBytes, header, sum })
  } finally {
    closeSync(file)
  }
}

interface Checksum {
  low: number
  high: number
  readonly isLittle: boolean
}

function findFrameDamage(
  file: number,
  wal: { readonly bytes: number; readonly pageBytes: number; readonly header: DataView; readonly sum: Checksum },
): string | undefined {
  const frameBytes = FRAME_HEADER_BYTES + wal.pageBytes
  const frames = Math.floor((wal.bytes - WAL_HEADER_BYTES) / frameBytes)
  let firstWrong: number | undefined
  let sawCommitAfter = false
  for (let index = 0; index < frames; index++) {
    const frame = read(file, WAL_HEADER_BYTES + index * frameBytes, frameBytes)
    const isOfThisGeneration =
      frame.getUint32(8) === wal.header.getUint32(16) && frame.getUint32(12) === wal.header.getUint32(20)
    if (firstWrong === undefined) {
      if (isOfThisGeneration) {
        add(wal.sum, frame, 0, 8)
        add(wal.sum, frame, FRAME_HEADER_BYTES, wal.pageBytes)
        if (wal.sum.low === frame.getUint32(16) && wal.sum.high === frame.getUint32(20)) continue
      }
      firstWrong = index
    } else if (sawCommitAfter && isOfThisGeneration) {
      return `frame ${firstWrong + 1} of ${frames} of its -wal is damaged`
    }
    // A frame with the right salts is this generation's, whatever else is wrong with it.
    if (isOfThisGeneration && frame.getUint32(4) !== 0) sawCommitAfter = true
  }
  return undefined
}

function read(file: number, at: number, length: number): DataView {
  const bytes = new Uint8Array(length)
  for (let have = 0; have < length; ) {
    const got = readSync(file, bytes, have, length - have, at + have)
    if (got === 0) break // Shrunk under us: zeros fail the checksum.
    have += got
  }
  return new DataView(bytes.buffer)
}

function add(sum: Checksum, view: DataView, from: number, length: number): void {
  let { low, high } = sum
  for (let at = from; at < from + length; at += 8) {
    low = (low + view.getUint32(at, sum.isLittle) + high) >>> 0
    high = (high + view.getUint32(at + 4, sum.isLittle) + low) >>> 0
  }
  sum.low = low
  sum.high = high
}

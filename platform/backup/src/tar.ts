/**
 * Writing a tar archive: POSIX.1-1988 ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"), regular files only, in one
 * form: equal contents have equal bytes. Sizes from 8 GiB on are in base 256, as GNU tar and all others read them.
 */

import { FILE_BYTES_MAX } from './limits.ts'

export const BLOCK_BYTES = 512
/** `prefix` stays empty: our names are short. */
export const NAME_BYTES_MAX = 100
/** Sizes below have eleven octal digits. */
const OCTAL_SIZE_MAX = 8 ** 11

const SIZE_AT = 124
const SIZE_BYTES = 12
const CHECKSUM_AT = 148

/** Segments of our own characters, at most three, none of them made of dots alone. Also what a reader accepts. */
const NAME = /^(?!\.)[A-Za-z0-9._-]{1,60}(?:\/(?!\.)[A-Za-z0-9._-]{1,60}){0,2}$/

export function isEntryName(name: string): boolean {
  return name.length <= NAME_BYTES_MAX && NAME.test(name)
}

export interface TarEntry {
  readonly name: string
  readonly bytes: number
  /** Whole seconds since 1970. */
  readonly modifiedSeconds: number
}

/** @throws TypeError for a name or size that is none: a bug in the caller. */
export function encodeHeader({ name, bytes, modifiedSeconds }: TarEntry): Uint8Array {
  if (!isEntryName(name)) throw new TypeError('this is no name for an entry')
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > FILE_BYTES_MAX) throw new TypeError('this is no size')
  const header = Buffer.alloc(BLOCK_BYTES)
  header.write(name, 0, 'latin1')
  header.write('0000600\0', 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  writeSize(header, bytes)
  header.write(`${modifiedSeconds.toString(8).padStart(11, '0')}\0`, 136, 'latin1')
  header.write('        ', CHECKSUM_AT, 'latin1')
  header.write('0', 156, 'latin1')
  header.write('ustar\u000000', 257, 'latin1')
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, CHECKSUM_AT, 'latin1')
  return header
}

/** Zeros after a file of so many bytes, up to the next block. */
export function paddingOf(bytes: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES)
}

/** Two blocks of zeros end an archive. */
export const TRAILER: Uint8Array = new Uint8Array(2 * BLOCK_BYTES)

/** Bytes that an entry takes in the archive. */
export function entryBytes(bytes: number): number {
  return BLOCK_BYTES + bytes + paddingOf(bytes).length
}

/** The sum of the header's bytes with the checksum field as spaces. */
export function checksumOf(header: Uint8Array): number {
  let sum = 0
  for (const [at, byte] of header.entries()) sum += at >= CHECKSUM_AT && at < CHECKSUM_AT + 8 ? 0x20 : byte
  return sum
}

function writeSize(header: Buffer, bytes: number): void {
  if (bytes < OCTAL_SIZE_MAX) {
    header.write(`${bytes.toString(8).padStart(11, '0')}\0`, SIZE_AT, 'latin1')
    return
  }
  header[SIZE_AT] = 0x80
  header.writeBigUInt64BE(BigInt(bytes), SIZE_AT + SIZE_BYTES - 8)
}

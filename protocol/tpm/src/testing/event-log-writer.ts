/** Writes event logs as firmware does, for tests: on a device this is the firmware's, never ours. */

import { createHash } from 'node:crypto'
import { HASH_BYTES, hashId } from '../algorithms.ts'
import type { HashAlgorithm } from '../algorithms.ts'
import { EV_NO_ACTION } from '../event-types.ts'

export interface WrittenEvent {
  readonly pcr: number
  readonly type: number
  readonly data: Uint8Array
  /** What is measured; the data unless told. */
  readonly measured?: Uint8Array
}

/** Digest of what an event measures, in one bank. */
export function measurementOf(event: WrittenEvent, bank: HashAlgorithm): Uint8Array {
  if (event.type === EV_NO_ACTION) return new Uint8Array(HASH_BYTES[bank])
  return createHash(bank)
    .update(event.measured ?? event.data)
    .digest()
}

/** The crypto-agile form, with its header. */
export function writeEventLog(banks: readonly HashAlgorithm[], events: readonly WrittenEvent[]): Uint8Array {
  return Buffer.concat([specIdEvent(banks), ...events.map((event) => eventBytes(banks, event))])
}

/** The form of SHA-1 alone, without a header. */
export function writeSha1EventLog(events: readonly WrittenEvent[]): Uint8Array {
  return Buffer.concat(
    events.map((event) =>
      Buffer.concat([u32(event.pcr), u32(event.type), measurementOf(event, 'sha1'), sized32(event.data)]),
    ),
  )
}

/** The header: TCG_EfiSpecIDEvent in a TCG_PCR_EVENT. */
export function specIdEvent(banks: readonly HashAlgorithm[]): Uint8Array {
  const algorithms = banks.flatMap((bank) => [u16(hashId(bank)), u16(HASH_BYTES[bank])])
  const data = Buffer.concat([
    Buffer.from('Spec ID Event03\0'),
    u32(0),
    Uint8Array.of(0, 2, 0, 2),
    u32(banks.length),
    ...algorithms,
    Uint8Array.of(0),
  ])
  return Buffer.concat([u32(0), u32(EV_NO_ACTION), new Uint8Array(20), sized32(data)])
}

/** A TCG_PCR_EVENT2. */
export function eventBytes(banks: readonly HashAlgorithm[], event: WrittenEvent): Uint8Array {
  const digests = banks.flatMap((bank) => [u16(hashId(bank)), measurementOf(event, bank)])
  return Buffer.concat([u32(event.pcr), u32(event.type), u32(banks.length), ...digests, sized32(event.data)])
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8)
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
}

function sized32(data: Uint8Array): Uint8Array {
  return Buffer.concat([u32(data.length), data])
}

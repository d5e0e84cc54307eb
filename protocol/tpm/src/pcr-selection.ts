/** Selections of platform configuration registers (Part 2 §10.9.7, TPML_PCR_SELECTION). */

import { hashAlgorithm, hashId } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import { PCR_BANKS_MAX, PCR_SELECT_BYTES_MAX, PCR_SELECT_BYTES_MIN } from './limits.ts'
import type { TpmReader } from './reader.ts'
import type { TpmWriter } from './writer.ts'

/** Registers of one bank, ascending, each once. */
export interface PcrBank {
  readonly hash: HashAlgorithm
  readonly pcrs: readonly number[]
}

/** @throws TpmError `too-large`, `malformed`, `unsupported` for a bank of another hash. */
export function readPcrSelection(reader: TpmReader): readonly PcrBank[] {
  const count = reader.u32()
  if (count > PCR_BANKS_MAX) throw new TpmError('too-large', `a selection has at most ${PCR_BANKS_MAX} banks`)
  const selections: PcrBank[] = []
  for (let at = 0; at < count; at++) selections.push(readSelection(reader))
  return selections
}

/** @throws TypeError for a register that is none: a bug in the caller. */
export function writePcrSelection(writer: TpmWriter, selections: readonly PcrBank[]): void {
  writer.u32(selections.length)
  for (const { hash, pcrs } of selections) {
    const bitmap = new Uint8Array(
      pcrs.some((pcr) => pcr >= PCR_SELECT_BYTES_MIN * 8) ? PCR_SELECT_BYTES_MAX : PCR_SELECT_BYTES_MIN,
    )
    for (const pcr of pcrs) {
      if (!Number.isInteger(pcr) || pcr < 0 || pcr >= PCR_SELECT_BYTES_MAX * 8) throw new TypeError('no such PCR')
      const byte = pcr >> 3
      bitmap[byte] = (bitmap[byte] ?? 0) | (1 << (pcr & 7))
    }
    writer.u16(hashId(hash)).u8(bitmap.length).bytes(bitmap)
  }
}

function readSelection(reader: TpmReader): PcrBank {
  const hash = hashAlgorithm(reader.u16())
  const length = reader.u8()
  if (length < PCR_SELECT_BYTES_MIN || length > PCR_SELECT_BYTES_MAX) {
    throw new TpmError('malformed', `a bank's bitmap has ${PCR_SELECT_BYTES_MIN} or ${PCR_SELECT_BYTES_MAX} bytes`)
  }
  const pcrs: number[] = []
  for (const [at, byte] of reader.take(length).entries()) {
    for (let bit = 0; bit < 8; bit++) if (((byte >> bit) & 1) === 1) pcrs.push(at * 8 + bit)
  }
  return { hash, pcrs }
}

/** Registers, quotes and randomness (Part 3 §16, §18, §22). */

import { HASH_BYTES, TPM_ALG, hashId } from '../algorithms.ts'
import type { HashAlgorithm } from '../algorithms.ts'
import { TpmError } from '../errors.ts'
import { DIGESTS_MAX } from '../limits.ts'
import { readPcrSelection, writePcrSelection } from '../pcr-selection.ts'
import type { PcrBank } from '../pcr-selection.ts'
import { readSignature } from '../signature.ts'
import type { TpmSignature } from '../signature.ts'
import { TpmWriter } from '../writer.ts'
import { NO_PASSWORD, command } from './command.ts'
import type { Authorization, Handle, TpmCommand } from './command.ts'

/** TPM2_Startup with TPM_SU_CLEAR (Part 3 §9.3): what a firmware does, and a simulator wants done. */
export function startup(): TpmCommand<void> {
  return command({ name: 'Startup', code: 0x144, parameters: new TpmWriter().u16(0).done(), read: () => undefined })
}

/** TPM2_GetRandom (Part 3 §16.1): at most so many bytes; a TPM gives no more than its largest digest at once. */
export function getRandom(bytes: number): TpmCommand<Uint8Array> {
  const parameters = new TpmWriter().u16(bytes).done()
  return command({ name: 'GetRandom', code: 0x17b, parameters, read: (reader) => reader.sized().slice() })
}

export interface PcrReadings {
  readonly updateCounter: number
  /** What was read: a TPM gives eight at most and leaves the rest to the next call. */
  readonly selections: readonly PcrBank[]
  /** In the order of `selections`. */
  readonly values: readonly Uint8Array[]
}

/** TPM2_PCR_Read (Part 3 §22.4). */
export function pcrRead(selections: readonly PcrBank[]): TpmCommand<PcrReadings> {
  const parameters = new TpmWriter()
  writePcrSelection(parameters, selections)
  return command({
    name: 'PCR_Read',
    code: 0x17e,
    parameters: parameters.done(),
    read(reader) {
      const updateCounter = reader.u32()
      const read = readPcrSelection(reader)
      const count = reader.u32()
      if (count > DIGESTS_MAX) throw new TpmError('too-large', `a list has at most ${DIGESTS_MAX} digests`)
      const values: Uint8Array[] = []
      for (let at = 0; at < count; at++) values.push(reader.sized().slice())
      return { updateCounter, selections: read, values }
    },
  })
}

/** TPM2_PCR_Extend (Part 3 §22.2). @param options.digest as long as `hash` makes them. */
export function pcrExtend(options: {
  readonly pcr: number
  readonly hash: HashAlgorithm
  readonly digest: Uint8Array
}): TpmCommand<void> {
  if (options.digest.length !== HASH_BYTES[options.hash]) throw new TypeError('a digest is as long as its hash')
  return command({
    name: 'PCR_Extend',
    code: 0x182,
    handles: [options.pcr],
    authorizations: [NO_PASSWORD],
    parameters: new TpmWriter().u32(1).u16(hashId(options.hash)).bytes(options.digest).done(),
    read: () => undefined,
  })
}

/**
 * TPM2_Quote (Part 3 §18.4) with the key's own scheme.
 * @param options.qualifyingData at most 64 bytes: the nonce.
 * @returns `attest`, the TPMS_ATTEST that was signed, to be decoded by whoever judges it.
 */
export function quote(options: {
  readonly key: Handle
  readonly qualifyingData: Uint8Array
  readonly selections: readonly PcrBank[]
  readonly authorization?: Authorization
}): TpmCommand<{ readonly attest: Uint8Array; readonly signature: TpmSignature }> {
  const parameters = new TpmWriter().sized(options.qualifyingData).u16(TPM_ALG.null)
  writePcrSelection(parameters, options.selections)
  return command({
    name: 'Quote',
    code: 0x158,
    handles: [options.key],
    authorizations: [options.authorization ?? NO_PASSWORD],
    parameters: parameters.done(),
    read: (reader) => ({ attest: reader.sized().slice(), signature: readSignature(reader) }),
  })
}

/** What a TPM attests to (Part 2 §10.12.12 TPMS_ATTEST): quotes of PCRs and certifications of objects. */

import { TpmError } from './errors.ts'
import { readPcrSelection } from './pcr-selection.ts'
import type { PcrBank } from './pcr-selection.ts'
import { decodeWhole } from './reader.ts'
import type { TpmReader } from './reader.ts'

/** TPM_GENERATED_VALUE: a restricted key signs nothing from outside that begins so. */
const TPM_GENERATED = 0xff54_4347
const TAG_CERTIFY = 0x8017
const TAG_QUOTE = 0x8018

/** Of names (an algorithm and a digest of 64 bytes) and of digests, in bytes. */
const NAME_BYTES_MAX = 2 + 64
const DIGEST_BYTES_MAX = 64

/** TPMS_CLOCK_INFO (Part 2 §10.11.1). */
export interface TpmClock {
  /** Milliseconds for which the TPM has had power, since it was cleared. */
  readonly clock: bigint
  /** Starts without a state to resume, since it was cleared. */
  readonly resetCount: number
  /** Resumes and restarts since the last of these. */
  readonly restartCount: number
  /** False while `clock` may be below a value that it had before an unorderly stop. */
  readonly isSafe: boolean
}

interface AnyAttest {
  /** Qualified name of the signing key: it tells where in the TPM the key stands. */
  readonly qualifiedSigner: Uint8Array
  /** What the challenger asked to have in it. */
  readonly extraData: Uint8Array
  readonly clock: TpmClock
  /** Vendor's own order. With `clock`'s counts it is disguised by keys outside the endorsement and platform hierarchies. */
  readonly firmwareVersion: bigint
}

export interface QuoteAttest extends AnyAttest {
  readonly kind: 'quote'
  readonly selection: readonly PcrBank[]
  /** Over the values of the selected PCRs, with the hash of the signature's scheme. */
  readonly pcrDigest: Uint8Array
}

export interface CertifyAttest extends AnyAttest {
  readonly kind: 'certify'
  readonly name: Uint8Array
  readonly qualifiedName: Uint8Array
}

export type Attest = QuoteAttest | CertifyAttest

/**
 * Decodes a TPMS_ATTEST and nothing after it.
 * @throws TpmError `malformed` if no TPM made it, `unsupported` for what is neither a quote nor a certification.
 */
export function decodeAttest(bytes: Uint8Array): Attest {
  return decodeWhole(bytes, 'an attestation', (reader) => {
    if (reader.u32() !== TPM_GENERATED)
      throw new TpmError('malformed', 'the attestation is not marked as made by a TPM')
    const tag = reader.u16()
    if (tag !== TAG_QUOTE && tag !== TAG_CERTIFY) {
      throw new TpmError('unsupported', 'the attestation is neither a quote nor a certification')
    }
    const shared = {
      qualifiedSigner: reader.sized(NAME_BYTES_MAX),
      extraData: reader.sized(NAME_BYTES_MAX),
      clock: readClock(reader),
      firmwareVersion: reader.u64(),
    }
    if (tag === TAG_QUOTE) {
      return {
        kind: 'quote',
        ...shared,
        selection: readPcrSelection(reader),
        pcrDigest: reader.sized(DIGEST_BYTES_MAX),
      }
    }
    return {
      kind: 'certify',
      ...shared,
      name: reader.sized(NAME_BYTES_MAX),
      qualifiedName: reader.sized(NAME_BYTES_MAX),
    }
  })
}

function readClock(reader: TpmReader): TpmClock {
  return { clock: reader.u64(), resetCount: reader.u32(), restartCount: reader.u32(), isSafe: reader.yesNo() }
}

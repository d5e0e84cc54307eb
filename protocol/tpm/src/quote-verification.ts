/**
 * Quotes verified: that the key signed this quote, over this nonce, and that these are the values it is about (TPM 2.0
 * Part 3 §18.4 TPM2_Quote; Part 1 §17.6). Whether the values are good is not asked here.
 */

import { hash, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { HASH_BYTES } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { decodeAttest } from './attest.ts'
import type { QuoteAttest } from './attest.ts'
import type { PcrBank } from './pcr-selection.ts'
import type { TpmPublic } from './public-area.ts'
import { decodeSignature, isSignedBy } from './signature.ts'

export interface QuoteBytes {
  /** A TPMS_ATTEST. */
  readonly attest: Uint8Array
  /** A TPMT_SIGNATURE. */
  readonly signature: Uint8Array
}

/** Values of PCRs by bank, as a device says they are. */
export type PcrValues = ReadonlyMap<HashAlgorithm, ReadonlyMap<number, Uint8Array>>

export type QuoteFault =
  /** Not by this key, or in no scheme that is taken. */
  | 'bad-signature'
  /** A certification, for instance. */
  | 'not-a-quote'
  /** Over something else than was asked for. */
  | 'wrong-nonce'
  /** Not over the PCRs that were asked for, or not over these alone. */
  | 'wrong-selection'
  /** The values that came with it are not those that it is over. */
  | 'wrong-values'

export type QuoteVerdict =
  | { readonly kind: 'verified'; readonly quote: QuoteAttest }
  | { readonly kind: 'refused'; readonly fault: QuoteFault }

/**
 * The signature is looked at first: nothing is read of a quote that nobody vouches for.
 * @param asked what the challenger wanted: its nonce, and the PCRs of each bank in ascending order.
 * @throws TpmError for bytes that are no signature, or, signed though they are, no attestation.
 */
export function verifyQuote(
  quoted: QuoteBytes,
  by: { readonly area: TpmPublic; readonly key: KeyObject },
  asked: { readonly nonce: Uint8Array; readonly selection: readonly PcrBank[]; readonly values: PcrValues },
): QuoteVerdict {
  const signature = decodeSignature(quoted.signature)
  if (!isSignedBy(by.area, by.key, { signed: quoted.attest, signature })) return refused('bad-signature')
  const quote = decodeAttest(quoted.attest)
  if (quote.kind !== 'quote') return refused('not-a-quote')
  if (!isEqual(quote.extraData, asked.nonce)) return refused('wrong-nonce')
  if (!isSelection(quote.selection, asked.selection)) return refused('wrong-selection')
  const digest = digestOfPcrs(asked.selection, asked.values, signature.hash)
  if (digest === undefined || !isEqual(digest, quote.pcrDigest)) return refused('wrong-values')
  return { kind: 'verified', quote }
}

/** What a quote over these values digests to; undefined where one that is selected has no value of the right length. */
export function digestOfPcrs(
  selection: readonly PcrBank[],
  values: PcrValues,
  digestAlgorithm: HashAlgorithm,
): Uint8Array | undefined {
  const parts: Uint8Array[] = []
  for (const bank of selection) {
    for (const pcr of bank.pcrs) {
      const value = values.get(bank.hash)?.get(pcr)
      if (value?.length !== HASH_BYTES[bank.hash]) return undefined
      parts.push(value)
    }
  }
  return hash(digestAlgorithm, Buffer.concat(parts), 'buffer')
}

/** The same banks in the same order; TPMs leave out, or list as empty, banks of which nothing is selected. */
function isSelection(found: readonly PcrBank[], asked: readonly PcrBank[]): boolean {
  const chosen = found.filter(({ pcrs }) => pcrs.length > 0)
  return (
    chosen.length === asked.length &&
    chosen.every(({ hash: name, pcrs }, at) => {
      const bank = asked[at]
      return bank?.hash === name && bank.pcrs.length === pcrs.length && bank.pcrs.every((pcr, i) => pcr === pcrs[i])
    })
  )
}

function refused(fault: QuoteFault): QuoteVerdict {
  return { kind: 'refused', fault }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

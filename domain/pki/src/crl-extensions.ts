/** The extensions of a revocation list that decide whether it counts (RFC 5280 §5.2). */

import { TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { PkiError } from './errors.ts'
import { EXTENSION, authorityKeyIdOf, extensionList } from './extensions.ts'

/** Why a list does not count for an issuer. */
export type CrlFault =
  /** Names or key identifiers say that it is of another CA. */
  | 'wrong-issuer'
  /** The CA may not sign lists (keyUsage without cRLSign). */
  | 'key-usage'
  | 'weak-key'
  | 'weak-signature'
  | 'bad-signature'
  /** It has no end: nobody could tell when it is out of date. */
  | 'no-next-update'
  /** Changes to another list (§5.2.4). */
  | 'delta'
  /** Entries of other CAs (§5.2.5). */
  | 'indirect'
  /** Of some reasons, kinds or distribution points alone (§5.2.5): what it does not name may be revoked all the same. */
  | 'partial'
  /** A critical extension, of the list or of an entry, that is not processed. */
  | 'critical-extension'

export interface CrlExtensions {
  /** Hex. */
  readonly authorityKeyId: string | undefined
  /** Upper-case hex. */
  readonly number: string | undefined
  readonly unusable: CrlFault | undefined
}

/**
 * @param field `[0] EXPLICIT Extensions`, or undefined where the list has none.
 * @throws PkiError `bad-crl`, `bad-certificate`, `bad-der`, `too-large`.
 */
export function parseCrlExtensions(field: DerElement | undefined): CrlExtensions {
  let authorityKeyId: string | undefined
  let number: string | undefined
  let unusable: CrlFault | undefined
  if (field !== undefined) {
    const [list, ...more] = field.children
    if (list === undefined || more.length > 0) throw bad()
    for (const { oid, isCritical, value } of extensionList(list)) {
      switch (oid) {
        case EXTENSION.authorityKeyIdentifier:
          authorityKeyId = authorityKeyIdOf(value())
          break
        case EXTENSION.crlNumber:
          number = numberOf(value())
          break
        case EXTENSION.deltaCrlIndicator:
          unusable = 'delta'
          break
        case EXTENSION.issuingDistributionPoint:
          unusable ??= distributionFault(value())
          break
        default:
          if (isCritical) unusable ??= 'critical-extension'
      }
    }
  }
  return { authorityKeyId, number, unusable }
}

/** §5.2.5. An empty one, which limits nothing, is not allowed; one that says only FALSE limits nothing either. */
function distributionFault(value: DerElement): CrlFault | undefined {
  if (value.tag !== TAG.sequence) throw bad()
  const isTrue = (field: DerElement): boolean => field.content.length === 1 && field.content[0] !== 0
  if (value.children.some((field) => field.tag === 0x84 && isTrue(field))) return 'indirect'
  // A name of the point (0xa0) or reasons (0x83) limit by being there, the others by being true.
  return value.children.some((field) => field.tag === 0xa0 || field.tag === 0x83 || isTrue(field))
    ? 'partial'
    : undefined
}

function numberOf(value: DerElement): string {
  // §5.2.3: up to 20 bytes.
  if (value.tag !== TAG.integer || value.content.length > 20 || (value.content[0] ?? 0) >= 0x80) throw bad()
  return Buffer.from(value.content).toString('hex').toUpperCase()
}

function bad(): PkiError {
  return new PkiError('bad-crl', 'an extension of the revocation list has no right form')
}

/** Issuing certificate revocation lists (RFC 5280 §5.1), complete and direct ones. */

import { AsnConvert } from '@peculiar/asn1-schema'
import { algorithmOf, signatureBytes } from './asn1.ts'
import { isSameBytes } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import {
  bits,
  element,
  elementOf,
  enumerated,
  explicit,
  extension,
  integer,
  sequence,
  time,
  unsigned,
} from './der-writer.ts'
import type { Der } from './der-writer.ts'
import { PkiError } from './errors.ts'
import { EXTENSION } from './extensions.ts'
import { authorityKeyIdOf } from './key-identifier.ts'
import { CRL_ENTRIES_MAX } from './limits.ts'
import { parseRevocationList } from './revocation-list.ts'
import { REASON_NUMBERS } from './revocation-reason.ts'
import type { RevocationReason } from './revocation-reason.ts'
import type { Signer } from './signer.ts'
import type { Timestamp } from '@holdfast/base'

export interface RevokedCertificate {
  /** Hex, as `Certificate.serialNumber` has it. */
  readonly serialNumber: string
  readonly revokedAt: Timestamp
  readonly reason?: RevocationReason
}

export interface CrlRequest {
  /** Must be allowed to sign lists (keyUsage cRLSign). */
  readonly issuer: Certificate
  /** Of the issuer. */
  readonly signer: Signer
  /** Higher than that of every list of this issuer before (§5.2.3); up to 20 bytes. */
  readonly number: bigint
  readonly thisUpdate: Timestamp
  /** When the next list is there at the latest. */
  readonly nextUpdate: Timestamp
  /** At most `CRL_ENTRIES_MAX`, in any order, none twice. */
  readonly entries: readonly RevokedCertificate[]
}

/**
 * Issues one list and reads it back: what is returned was signed by the issuer, for a fact.
 * @returns DER.
 * @throws PkiError `bad-signature` if the signer does not hold the issuer's key.
 * @throws TypeError if the issuer may not sign lists, the dates are in the wrong order, or an entry cannot be written.
 */
export async function issueCrl(request: CrlRequest): Promise<Der> {
  const { issuer, signer, number, thisUpdate, nextUpdate, entries } = request
  if (!isSameBytes(signer.publicKey, issuer.spki)) throw new TypeError('the signer is not the issuer')
  if (thisUpdate >= nextUpdate) throw new TypeError('a list that ends before it begins')
  if (entries.length > CRL_ENTRIES_MAX) throw new TypeError(`a list has at most ${CRL_ENTRIES_MAX} entries`)
  if (number < 0n || number >= 1n << 159n) throw new TypeError('a list number has at most 20 bytes')
  const algorithm = new Uint8Array(AsnConvert.serialize(algorithmOf(signer.algorithm)))
  const signed = sequence(
    integer(1),
    algorithm,
    issuer.subject,
    time(thisUpdate),
    time(nextUpdate),
    // §5.1.2.6: absent where there are none.
    ...(entries.length === 0 ? [] : [elementOf(0x30, entries.map(entryOf))]),
    explicit(
      0,
      sequence(
        extension(EXTENSION.authorityKeyIdentifier, false, sequence(element(0x80, authorityKeyIdOf(issuer)))),
        extension(EXTENSION.crlNumber, false, integer(number)),
      ),
    ),
  )
  const signature = new Uint8Array(signatureBytes(await signer.sign(signed)))
  const der = sequence(signed, algorithm, bits(signature))
  const fault = parseRevocationList(der).faultOf(issuer)
  if (fault === 'bad-signature') throw new PkiError(fault, 'the signer did not sign with the key of the issuer')
  if (fault !== undefined) throw new TypeError(`the issuer cannot issue this list: ${fault}`)
  return der
}

function entryOf({ serialNumber, revokedAt, reason }: RevokedCertificate): Der {
  if (!/^(?:[0-9A-Fa-f]{2}){1,20}$/.test(serialNumber)) throw new TypeError('a serial number is hex of 1 to 20 bytes')
  const serial = unsigned(Buffer.from(serialNumber, 'hex'))
  // §5.3.1: `unspecified` is said by leaving it out.
  if (reason === undefined || reason === 'unspecified') return sequence(serial, time(revokedAt))
  const code = extension(EXTENSION.reasonCode, false, enumerated(REASON_NUMBERS[reason]))
  return sequence(serial, time(revokedAt), sequence(code))
}

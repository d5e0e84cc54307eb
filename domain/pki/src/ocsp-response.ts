/** OCSP responses (RFC 6960 §4.2), as the CA itself signs them: no responder is delegated. */

import { createHash } from 'node:crypto'
import type { Timestamp } from '@holdfast/base'
import { AsnConvert } from '@peculiar/asn1-schema'
import { algorithmOf, signatureBytes } from './asn1.ts'
import { isSameBytes } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import {
  bits,
  element,
  enumerated,
  explicit,
  extension,
  generalizedTime,
  objectIdentifier,
  octets,
  sequence,
} from './der-writer.ts'
import type { Der } from './der-writer.ts'
import { parseDer } from './der.ts'
import { PkiError } from './errors.ts'
import { keyBitsOf } from './key-identifier.ts'
import { OCSP_NONCE } from './ocsp-request.ts'
import type { OcspItem } from './ocsp-request.ts'
import { REASON_NUMBERS } from './revocation-reason.ts'
import type { RevocationReason } from './revocation-reason.ts'
import { isSignature, signatureSchemeOf } from './signature-algorithm.ts'
import type { Signer } from './signer.ts'

export type OcspStatus =
  | { readonly kind: 'good' }
  | { readonly kind: 'revoked'; readonly at: Timestamp; readonly reason?: RevocationReason }
  /** Not issued here (§2.2). */
  | { readonly kind: 'unknown' }

export interface OcspAnswer {
  readonly item: OcspItem
  readonly status: OcspStatus
}

export interface OcspResponseRequest {
  /** The CA that issued what is asked about, and that answers. */
  readonly issuer: Certificate
  /** Of the issuer. */
  readonly signer: Signer
  /** In the order in which they were asked for. */
  readonly answers: readonly OcspAnswer[]
  /** Of the request. */
  readonly nonce: Uint8Array | undefined
  readonly now: Timestamp
  /** Until when the answer may be kept. */
  readonly nextUpdate: Timestamp
}

/** §4.2.1: why there is no answer; such a response is not signed. */
export type OcspFailure = 'malformed-request' | 'internal-error' | 'try-later' | 'unauthorized'

const FAILURE_NUMBERS: Readonly<Record<OcspFailure, number>> = {
  'malformed-request': 1,
  'internal-error': 2,
  'try-later': 3,
  unauthorized: 6,
}

const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1'

/** @returns DER. */
export function encodeOcspFailure(failure: OcspFailure): Der {
  return sequence(enumerated(FAILURE_NUMBERS[failure]))
}

/**
 * Signs an answer.
 * @returns DER.
 * @throws PkiError `bad-signature` if the signer does not hold the issuer's key.
 * @throws TypeError if it shows another key, or there is nothing to answer.
 */
export async function issueOcspResponse(request: OcspResponseRequest): Promise<Der> {
  const { issuer, signer, answers, nonce, now, nextUpdate } = request
  if (!isSameBytes(signer.publicKey, issuer.spki)) throw new TypeError('the signer is not the issuer')
  if (answers.length === 0 || now >= nextUpdate) throw new TypeError('an answer is about something, and lasts')
  // §4.2.1, byKey: SHA-1 of the key as a name for it, whatever the certificate says of it.
  const keyHash = createHash('sha1').update(keyBitsOf(issuer.spki)).digest()
  const data = sequence(
    explicit(2, octets(keyHash)),
    generalizedTime(now),
    sequence(...answers.map((answer) => singleResponse(answer, now, nextUpdate))),
    ...(nonce === undefined ? [] : [explicit(1, sequence(extension(OCSP_NONCE, false, nonce)))]),
  )
  const algorithm = new Uint8Array(AsnConvert.serialize(algorithmOf(signer.algorithm)))
  const signature = new Uint8Array(signatureBytes(await signer.sign(data)))
  const scheme = signatureSchemeOf(parseDer(algorithm))
  if (!isSignature(scheme, { key: issuer.publicKey(), signed: data, signature })) {
    throw new PkiError('bad-signature', 'the signer did not sign with the key of the issuer')
  }
  const basic = sequence(data, algorithm, bits(signature), explicit(0, sequence(issuer.der)))
  const response = sequence(objectIdentifier(BASIC_RESPONSE), octets(basic))
  return sequence(enumerated(0), explicit(0, response))
}

function singleResponse({ item, status }: OcspAnswer, now: Timestamp, nextUpdate: Timestamp): Der {
  return sequence(item.certId, statusOf(status), generalizedTime(now), explicit(0, generalizedTime(nextUpdate)))
}

function statusOf(status: OcspStatus): Der {
  if (status.kind === 'good') return element(0x80)
  if (status.kind === 'unknown') return element(0x82)
  const { at, reason } = status
  // §4.4: as in lists, `unspecified` is said by leaving it out.
  const isSaid = reason !== undefined && reason !== 'unspecified'
  return element(0xa1, generalizedTime(at), ...(isSaid ? [explicit(0, enumerated(REASON_NUMBERS[reason]))] : []))
}

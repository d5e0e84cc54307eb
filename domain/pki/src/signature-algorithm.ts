/** Signature algorithms of certificates and requests (RFC 3279, 4055, 5758, 8410). SHA-1 and MD5 are not among them. */

import { constants, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { TAG, objectIdentifierOf } from './der.ts'
import type { DerElement } from './der.ts'
import { PkiError } from './errors.ts'

/** As a `Signer` names what it does. */
export type SignatureAlgorithm =
  | 'rsa-sha256'
  | 'rsa-sha384'
  | 'rsa-sha512'
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'ed25519'

export const SIGNATURE_OIDS: Readonly<Record<SignatureAlgorithm, string>> = {
  'rsa-sha256': '1.2.840.113549.1.1.11',
  'rsa-sha384': '1.2.840.113549.1.1.12',
  'rsa-sha512': '1.2.840.113549.1.1.13',
  'ecdsa-sha256': '1.2.840.10045.4.3.2',
  'ecdsa-sha384': '1.2.840.10045.4.3.3',
  'ecdsa-sha512': '1.2.840.10045.4.3.4',
  ed25519: '1.3.101.112',
}

const ALGORITHM_BY_OID: ReadonlyMap<string, string> = new Map(
  Object.entries(SIGNATURE_OIDS).map(([algorithm, oid]) => [oid, algorithm]),
)

const RSASSA_PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
const HASHES: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

/** An AlgorithmIdentifier that we take. */
export interface SignatureScheme {
  readonly key: 'rsa' | 'rsa-pss' | 'ec' | 'ed25519'
  /** Undefined for Ed25519, which has its own. */
  readonly hash: string | undefined
  readonly saltBytes?: number
}

/** @throws PkiError `weak-signature` for every algorithm that is not on the list, `bad-certificate` for a wrong form. */
export function signatureSchemeOf(identifier: DerElement): SignatureScheme {
  const [type, parameters] = identifier.children
  if (identifier.tag !== TAG.sequence || type === undefined || identifier.children.length > 2) {
    throw new PkiError('bad-certificate', 'an algorithm identifier has no right form')
  }
  const oid = objectIdentifierOf(type)
  if (oid === RSASSA_PSS) return pssSchemeOf(parameters)
  const algorithm = ALGORITHM_BY_OID.get(oid)
  if (algorithm === undefined) throw weak()
  if (algorithm === 'ed25519') return { key: 'ed25519', hash: undefined }
  const [key, hash] = algorithm.split('-')
  // RFC 4055 §5: NULL for RSA; RFC 5758 §3.2: nothing for ECDSA. Readers take RSA without, too.
  if (parameters !== undefined && (key !== 'rsa' || parameters.tag !== TAG.null)) throw weak()
  return { key: key === 'rsa' ? 'rsa' : 'ec', hash }
}

/** RSASSA-PSS-params (RFC 4055 §3.1) with one SHA-2 throughout; its defaults are SHA-1, so all must be there. */
function pssSchemeOf(parameters: DerElement | undefined): SignatureScheme {
  const [hashField, maskField, saltField, ...rest] = parameters?.children ?? []
  const hash = hashOf(hashField?.tag === 0xa0 ? hashField.children[0] : undefined)
  const mask = maskField?.tag === 0xa1 ? maskField.children[0] : undefined
  const [maskType, maskHash] = mask?.children ?? []
  const salt = saltField?.tag === 0xa2 ? saltField.children[0] : undefined
  if (hash === undefined || maskType === undefined || salt?.tag !== TAG.integer || rest.length > 0) throw weak()
  if (objectIdentifierOf(maskType) !== MGF1 || hashOf(maskHash) !== hash) throw weak()
  const [saltBytes = 0, more] = salt.content
  if (more !== undefined || saltBytes < 20 || saltBytes > 64) throw weak()
  return { key: 'rsa-pss', hash, saltBytes }
}

function hashOf(identifier: DerElement | undefined): string | undefined {
  const [type, parameters] = identifier?.children ?? []
  if (type === undefined || (parameters !== undefined && parameters.tag !== TAG.null)) return undefined
  return HASHES.get(objectIdentifierOf(type))
}

/** Whether `signature` over `signed` is of `key`. False as well where the key is not of the scheme's kind. */
export function isSignature(
  scheme: SignatureScheme,
  check: { readonly key: KeyObject; readonly signed: Uint8Array; readonly signature: Uint8Array },
): boolean {
  const keyType = scheme.key === 'rsa-pss' ? 'rsa' : scheme.key
  if (check.key.asymmetricKeyType !== keyType) return false
  const padding =
    scheme.key === 'rsa-pss'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltBytes ?? 0 }
      : { dsaEncoding: 'der' as const }
  try {
    return verify(scheme.hash, check.signed, { key: check.key, ...padding }, check.signature)
  } catch {
    // OpenSSL throws on an ECDSA signature that is no DER.
    return false
  }
}

function weak(): PkiError {
  return new PkiError('weak-signature', 'a signature algorithm is weak or not known')
}

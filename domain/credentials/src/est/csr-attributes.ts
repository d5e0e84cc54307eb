/** What a request should hold (RFC 7030 §4.5.2, CsrAttrs): kinds of keys, as far as the profile asks for some. */

import type { KeyKind } from '@holdfast/pki'
import type { IssuanceProfile } from '../profile.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

/** DER of object identifiers. */
const EC_PUBLIC_KEY = hex('06072a8648ce3d0201')
const RSA_ENCRYPTION = hex('06092a864886f70d010101')
const ED25519 = hex('06032b6570')
const CURVES: Readonly<Partial<Record<KeyKind, Uint8Array>>> = {
  'P-256': hex('06082a8648ce3d030107'),
  'P-384': hex('06052b81040022'),
  'P-521': hex('06052b81040023'),
}

/**
 * DER of a SEQUENCE OF AttrOrOID: for elliptic curves an attribute with the curves as its values, for the others an OID.
 * Names are not among them: the common name is the id of whoever asks, and nothing else is taken from a request.
 */
export function encodeCsrAttributes({ keyKinds }: Pick<IssuanceProfile, 'keyKinds'>): Uint8Array {
  const curves = keyKinds.map((kind) => CURVES[kind]).filter((oid) => oid !== undefined)
  const parts: Uint8Array[] = []
  // X.690 §11.6: elements of a SET OF in ascending order of their encodings.
  if (curves.length > 0) parts.push(element(0x30, [EC_PUBLIC_KEY, element(0x31, curves.toSorted(Buffer.compare))]))
  if (keyKinds.includes('ed25519')) parts.push(ED25519)
  if (keyKinds.includes('rsa')) parts.push(RSA_ENCRYPTION)
  return element(0x30, parts)
}

/** All of them together stay under 128 bytes, so that every length is one byte. */
function element(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, content.length), content]))
}

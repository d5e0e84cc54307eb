/** Attributes of an object (Part 2 §8.3, TPMA_OBJECT): what a TPM promises of the key. */

import { TpmError } from './errors.ts'

const BITS = {
  fixedTPM: 1,
  stClear: 2,
  fixedParent: 4,
  sensitiveDataOrigin: 5,
  userWithAuth: 6,
  adminWithPolicy: 7,
  noDA: 10,
  encryptedDuplication: 11,
  restricted: 16,
  decrypt: 17,
  sign: 18,
  x509sign: 19,
} as const

export type ObjectAttribute = keyof typeof BITS

const BY_BIT: ReadonlyMap<number, ObjectAttribute> = new Map([
  [1, 'fixedTPM'],
  [2, 'stClear'],
  [4, 'fixedParent'],
  [5, 'sensitiveDataOrigin'],
  [6, 'userWithAuth'],
  [7, 'adminWithPolicy'],
  [10, 'noDA'],
  [11, 'encryptedDuplication'],
  [16, 'restricted'],
  [17, 'decrypt'],
  [18, 'sign'],
  [19, 'x509sign'],
])

/** @throws TpmError `malformed` if a reserved bit is set. */
export function decodeAttributes(word: number): ReadonlySet<ObjectAttribute> {
  const attributes = new Set<ObjectAttribute>()
  for (let bit = 0; bit < 32; bit++) {
    if (((word >>> bit) & 1) === 0) continue
    const attribute = BY_BIT.get(bit)
    if (attribute === undefined) throw new TpmError('malformed', 'a reserved attribute is set')
    attributes.add(attribute)
  }
  return attributes
}

export function encodeAttributes(attributes: ReadonlySet<ObjectAttribute>): number {
  let word = 0
  for (const attribute of attributes) word |= 1 << BITS[attribute]
  return word >>> 0
}

/**
 * What a TPM does with a credential and a wrapped key, with private keys in the open: for tests that need a TPM at the other
 * end and not its process. That both are as the standard has them is shown against swtpm (`testing/trust`).
 */

import {
  constants,
  createDecipheriv,
  createHmac,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { kdfA, labelBytes } from '../key-derivation.ts'
import { nameOf } from '../name.ts'
import { decodePublic } from '../public-area.ts'
import type { RsaPublic } from '../public-area.ts'
import { TpmReader, decodeWhole } from '../reader.ts'
import type { SeedSource } from '../seed.ts'
import { RSA_ENDORSEMENT_TEMPLATE, RSA_STORAGE_TEMPLATE } from '../templates.ts'

/** A source for tests: the system's, as a product has it. */
export const testSeedSource: SeedSource = {
  random: (count) => randomBytes(count),
  encryptOaep: (key, { hash, label, message }) =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel: label }, message),
  agree(publicKey) {
    const ephemeral = generateKeyPairSync('ec', { namedCurve: publicKey.asymmetricKeyDetails?.namedCurve ?? '' })
    const { x = '', y = '' } = ephemeral.publicKey.export({ format: 'jwk' })
    const point = Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
    return { ephemeral: point, shared: diffieHellman({ privateKey: ephemeral.privateKey, publicKey }) }
  },
}

interface SoftKey {
  readonly area: RsaPublic
  readonly privateKey: KeyObject
}

/** A TPM with an endorsement key and a storage root key, RSA of 2048 bits. */
export class SoftTpm {
  readonly endorsementKey: RsaPublic
  readonly storageRootKey: RsaPublic
  readonly #endorsement: SoftKey
  readonly #storage: SoftKey

  constructor() {
    this.#endorsement = softKey(RSA_ENDORSEMENT_TEMPLATE)
    this.#storage = softKey(RSA_STORAGE_TEMPLATE)
    this.endorsementKey = this.#endorsement.area
    this.storageRootKey = this.#storage.area
  }

  /** TPM2_ActivateCredential for the storage root key. @throws Error if it is for another TPM or was changed. */
  activate(credential: Uint8Array, secret: Uint8Array): Uint8Array {
    const body = decodeWhole(credential, 'a credential', (reader) => reader.sized())
    const plain = opened(this.#endorsement, 'IDENTITY', { body, secret, name: nameOf(this.storageRootKey) })
    return decodeWhole(plain, 'a secret', (reader) => reader.sized())
  }

  /** TPM2_Import below the storage root key of a keyed hash object: its key. @throws Error as `activate`. */
  import(
    wrapped: { readonly publicArea: Uint8Array; readonly duplicate: Uint8Array; readonly encryptedSeed: Uint8Array },
    innerKey: Uint8Array,
  ): Uint8Array {
    const name = nameOf(decodePublic(wrapped.publicArea))
    const body = decodeWhole(wrapped.duplicate, 'a duplicate', (reader) => reader.sized())
    const inner = opened(this.#storage, 'DUPLICATE', { body, secret: wrapped.encryptedSeed, name })
    const reader = new TpmReader(decryptCfb(innerKey, inner), 'an inner wrapper')
    reader.sized()
    return decodeWhole(reader.sized(), 'a sensitive area', (sensitive) => {
      sensitive.u16()
      sensitive.sized()
      sensitive.sized()
      return sensitive.sized()
    })
  }
}

function softKey(template: RsaPublic): SoftKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: template.keyBits })
  const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url')
  return { area: { ...template, modulus }, privateKey }
}

function opened(
  { area, privateKey }: SoftKey,
  label: 'IDENTITY' | 'DUPLICATE',
  sealed: { readonly body: Uint8Array; readonly secret: Uint8Array; readonly name: Uint8Array },
): Uint8Array {
  const encrypted = decodeWhole(sealed.secret, 'a secret', (reader) => reader.sized())
  const options = { key: privateKey, oaepHash: area.nameAlg, oaepLabel: labelBytes(label) }
  const seed = privateDecrypt({ ...options, padding: constants.RSA_PKCS1_OAEP_PADDING }, encrypted)
  const reader = new TpmReader(sealed.body, 'a wrapped structure')
  const integrity = reader.sized()
  const cipher = reader.take(reader.left)
  const hmacKey = kdfA({ hash: area.nameAlg, key: seed, label: 'INTEGRITY', bits: 256 })
  const found = createHmac(area.nameAlg, hmacKey).update(cipher).update(sealed.name).digest()
  if (Buffer.compare(found, integrity) !== 0) throw new Error('the integrity is wrong')
  return decryptCfb(kdfA({ hash: area.nameAlg, key: seed, label: 'STORAGE', contextU: sealed.name, bits: 128 }), cipher)
}

function decryptCfb(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('aes-128-cfb', key, Buffer.alloc(16))
  return Buffer.concat([decipher.update(bytes), decipher.final()])
}

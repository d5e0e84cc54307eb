/** Seeds from the system's generator, and the keys they are shared under by OpenSSL. */

import { constants, diffieHellman, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { SeedSource } from '@holdfast/tpm'
import { TpmDeviceError } from './errors.ts'

export const systemSeedSource: SeedSource = {
  random: (count) => randomBytes(count),
  encryptOaep: (key, { hash, label, message }) =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel: label }, message),
  agree(publicKey) {
    const namedCurve = publicKey.asymmetricKeyDetails?.namedCurve
    if (namedCurve === undefined) throw new TypeError('the key is of no curve')
    const ephemeral = generateKeyPairSync('ec', { namedCurve })
    return {
      ephemeral: pointOf(ephemeral.publicKey),
      shared: diffieHellman({ privateKey: ephemeral.privateKey, publicKey }),
    }
  },
}

/** 04 || x || y. */
function pointOf(key: KeyObject): Uint8Array {
  const { x, y } = key.export({ format: 'jwk' })
  if (x === undefined || y === undefined) throw new TpmDeviceError('lost', 'a key has no point')
  return Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
}

/** The key that the witness cosigns with: made at the first start, together with the name that it has for ever. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { type KeyFolder, replaceFile } from '@holdfast/keys'
import { type SignBytes, VerifierKey, isKeyName } from '@holdfast/tlog'
import { KEY_FILE_BYTES_MAX } from './limits.ts'

const FILE = 'witness-key.json'

export interface WitnessKey {
  readonly key: VerifierKey
  readonly sign: SignBytes
}

/**
 * Reads the key, or makes it.
 * @param name of a key that is made.
 * @throws Error if it is damaged: a new one would be another witness.
 */
export async function openWitnessKey(folder: KeyFolder, name: string): Promise<WitnessKey> {
  const file = await folder.read(FILE, KEY_FILE_BYTES_MAX)
  if (file === undefined) return makeKey(folder, name)
  if (!file.isOurs || (file.mode & 0o077) !== 0) {
    throw new Error(`${folder.path}/${FILE} is open to other users; make it your own: chmod 600`)
  }
  return parseKey(file.bytes, `${folder.path}/${FILE}`)
}

async function makeKey(folder: KeyFolder, name: string): Promise<WitnessKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
  await replaceFile(folder, FILE, Buffer.from(`${JSON.stringify({ version: 1, name, key: secret })}\n`))
  return witnessKey(name, privateKey)
}

function parseKey(bytes: Uint8Array, path: string): WitnessKey {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null && 'name' in value && 'key' in value) {
      const { name, key } = value
      if (typeof name === 'string' && typeof key === 'string' && isKeyName(name)) {
        return witnessKey(name, createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' }))
      }
    }
  } catch {
    // Told below: what the parser says may hold parts of the key.
  }
  throw new Error(`${path} is damaged; bring it back from a backup, or begin another witness in another folder`)
}

function witnessKey(name: string, secret: KeyObject): WitnessKey {
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return {
    key: new VerifierKey({ name, kind: 'cosignature', publicKey: spki.subarray(-32) }),
    sign: (message) => sign(null, message, secret),
  }
}

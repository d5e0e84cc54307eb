/**
 * Bytes sealed by a passphrase, to be kept where no key ring is: Argon2id (RFC 9106) makes a key of the passphrase,
 * AES-256-GCM seals with it. The parameters stand in the box, so that they may grow without stranding older boxes.
 */

import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { openBytes, type Random, sealBytes } from './aead.ts'
import * as document from './document.ts'
import { KEY_BYTES, PASSPHRASE_BYTES_MIN, SECRET_BYTES_MAX } from './limits.ts'

/** A member of a JSON document. */
export interface PassphraseBox {
  readonly argon2id: {
    readonly memoryKiB: number
    readonly passes: number
    readonly lanes: number
    /** Base64 of 16 bytes. */
    readonly salt: string
  }
  /** Base64 of nonce, ciphertext, tag. */
  readonly sealed: string
}

/** RFC 9106 §4, the second recommended option: 64 MiB, three passes, four lanes; a third of a second. */
const PARAMETERS = { memoryKiB: 65_536, passes: 3, lanes: 4 } as const
const SALT_BYTES = 16
/** What a box from elsewhere may cost us: 1 GiB and some seconds. Below the minimum nothing was ever sealed here. */
const MEMORY_KIB_MIN = 19_456
const MEMORY_KIB_MAX = 1_048_576
const PASSES_MAX = 10
const LANES_MAX = 16
/** Bytes that are sealed: a private key of RSA-8192 has some 4,700. */
const PLAIN_BYTES_MAX = 16_384

const derive = promisify(argon2)

/**
 * @param passphrase 12 to 1,024 bytes; stays the caller's.
 * @param context authenticated with the bytes, not stored: what they are and of what.
 * @throws TypeError for a passphrase or bytes out of bounds.
 */
export async function sealWithPassphrase(
  plain: Uint8Array,
  passphrase: Uint8Array,
  context: string,
  random: Random,
): Promise<PassphraseBox> {
  if (!isPassphrase(passphrase)) throw new TypeError('a passphrase has 12 to 1,024 bytes')
  if (plain.length > PLAIN_BYTES_MAX) throw new TypeError(`at most ${PLAIN_BYTES_MAX} bytes are sealed by a passphrase`)
  const argon2id = { ...PARAMETERS, salt: document.formatBytes(random(SALT_BYTES)) }
  const key = await keyOf(argon2id, passphrase)
  try {
    return { argon2id, sealed: document.formatBytes(sealBytes(key, plain, context, random)) }
  } finally {
    key.fill(0)
  }
}

/** The plain bytes, which the caller zeroes; undefined where passphrase, box and context do not belong together. */
export async function openWithPassphrase(
  box: PassphraseBox,
  passphrase: Uint8Array,
  context: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (passphrase.length === 0 || passphrase.length > SECRET_BYTES_MAX) return undefined
  const key = await keyOf(box.argon2id, passphrase)
  try {
    return openBytes(key, Buffer.from(box.sealed, 'base64'), context)
  } finally {
    key.fill(0)
  }
}

/** Whether this may be set as a passphrase. */
export function isPassphrase(bytes: Uint8Array): boolean {
  return bytes.length >= PASSPHRASE_BYTES_MIN && bytes.length <= SECRET_BYTES_MAX
}

/** A box from a document that nobody vouches for; undefined unless every member is of its form and within its bounds. */
export function parsePassphraseBox(value: unknown): PassphraseBox | undefined {
  try {
    const box = document.objectOf(value, 'box')
    document.requireNames(box, ['argon2id', 'sealed'])
    const argon2id = document.objectOf(box.argon2id, 'argon2id')
    document.requireNames(argon2id, ['memoryKiB', 'passes', 'lanes', 'salt'])
    const salt = document.bytesOf(argon2id.salt, 'salt', SALT_BYTES, SALT_BYTES)
    const sealed = document.bytesOf(box.sealed, 'sealed', 1, PLAIN_BYTES_MAX + 64)
    return {
      argon2id: {
        memoryKiB: document.countOf(argon2id.memoryKiB, 'memoryKiB', MEMORY_KIB_MIN, MEMORY_KIB_MAX),
        passes: document.countOf(argon2id.passes, 'passes', 1, PASSES_MAX),
        lanes: document.countOf(argon2id.lanes, 'lanes', 1, LANES_MAX),
        salt: document.formatBytes(salt),
      },
      sealed: document.formatBytes(sealed),
    }
  } catch (error) {
    if (error instanceof document.DocumentError) return undefined
    throw error
  }
}

async function keyOf(parameters: PassphraseBox['argon2id'], passphrase: Uint8Array): Promise<Buffer> {
  return derive('argon2id', {
    message: passphrase,
    nonce: Buffer.from(parameters.salt, 'base64'),
    memory: parameters.memoryKiB,
    passes: parameters.passes,
    parallelism: parameters.lanes,
    tagLength: KEY_BYTES,
  })
}

/** Sealing under a passphrase: Argon2id (RFC 9106), then AES-256-GCM under what it gives. */

import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import * as document from './document.ts'
import { KEY_BYTES } from './limits.ts'

export interface Argon2Cost {
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
}

/** RFC 9106 §4, second recommended option: 64 MiB, three passes, four lanes. Some 100 ms, once a start. */
export const ARGON2_COST: Argon2Cost = { memoryKiB: 65_536, passes: 3, lanes: 4 }

/** RFC 9106 §3.1 says 16 bytes of salt for passwords. */
export const SALT_BYTES = 16

/** What a file may ask for: a damaged or planted one must not take all memory or run for hours. */
const MEMORY_KIB_MAX = 2 * 1024 * 1024
const PASSES_MAX = 64
const LANES_MAX = 64

const derive = promisify(argon2)

/** 32 bytes, owned by the caller; on the thread pool, since it takes its time. */
export async function derivePassphraseKey(
  passphrase: Uint8Array,
  salt: Uint8Array,
  { memoryKiB, passes, lanes }: Argon2Cost,
): Promise<Uint8Array> {
  const given = { message: passphrase, nonce: salt, memory: memoryKiB, passes, parallelism: lanes }
  const key = await derive('argon2id', { ...given, tagLength: KEY_BYTES })
  const own = new Uint8Array(key)
  key.fill(0)
  return own
}

/** @throws DocumentError for what is not ours or asks for too much. */
export function parseCost(value: unknown): Argon2Cost {
  const cost = document.objectOf(value, 'argon2id')
  document.requireNames(cost, ['memoryKiB', 'passes', 'lanes'])
  const lanes = document.countOf(cost.lanes, 'lanes', 1, LANES_MAX)
  return {
    // RFC 9106 §3.1: eight blocks a lane at least.
    memoryKiB: document.countOf(cost.memoryKiB, 'memoryKiB', 8 * lanes, MEMORY_KIB_MAX),
    passes: document.countOf(cost.passes, 'passes', 1, PASSES_MAX),
    lanes,
  }
}

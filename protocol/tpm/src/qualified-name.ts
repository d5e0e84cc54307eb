/** Qualified names (Part 1 §16): where in a TPM a key stands, by the names of all above it. */

import { hash } from 'node:crypto'
import { hashId } from './algorithms.ts'
import { nameOf } from './name.ts'
import type { TpmPublic } from './public-area.ts'
import { TpmWriter } from './writer.ts'

/** TPM_RH_ENDORSEMENT (Part 2 §7.4), whose name is its handle. */
const ENDORSEMENT = Uint8Array.of(0x40, 0x00, 0x00, 0x0b)

/** Qualified name of a primary key of the endorsement hierarchy. */
export function endorsementPrimaryName(area: TpmPublic): Uint8Array {
  return qualifiedName(ENDORSEMENT, area)
}

/** Qualified name of a key below one whose qualified name is `parent`. */
export function qualifiedName(parent: Uint8Array, area: TpmPublic): Uint8Array {
  const digest = hash(area.nameAlg, Buffer.concat([parent, nameOf(area)]), 'buffer')
  return new TpmWriter().u16(hashId(area.nameAlg)).bytes(digest).done()
}

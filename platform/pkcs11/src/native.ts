/** The native package, which is optional and built on request: see `scripts/build-pkcs11.sh`. */

import { createRequire } from 'node:module'
import type * as Pkcs11 from 'pkcs11js'

export type Native = typeof Pkcs11

/** Undefined where it is not installed or not built. */
export function loadNative(): Native | undefined {
  const load = createRequire(import.meta.url)
  try {
    // What CommonJS gives has no type; pkcs11js brings its own.
    return load('pkcs11js') as Native
  } catch {
    return undefined
  }
}

export const NOT_BUILT = 'the part that talks to tokens is not built here; run: sh scripts/build-pkcs11.sh'

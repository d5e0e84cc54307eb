/** The library, loaded when the first ceremony comes: it takes a quarter of a second, and most starts see none. */

import type { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'
import type { decodeAttestationObject } from '@simplewebauthn/server/helpers'

export interface Library {
  readonly verifyRegistrationResponse: typeof verifyRegistrationResponse
  readonly verifyAuthenticationResponse: typeof verifyAuthenticationResponse
  readonly decodeAttestationObject: typeof decodeAttestationObject
}

let loaded: Promise<Library> | undefined

/** Loads it once; whoever comes while it loads waits for the same. */
export function loadLibrary(): Promise<Library> {
  loaded ??= Promise.all([import('@simplewebauthn/server'), import('@simplewebauthn/server/helpers')]).then(
    ([{ verifyRegistrationResponse, verifyAuthenticationResponse }, { decodeAttestationObject }]) => ({
      verifyRegistrationResponse,
      verifyAuthenticationResponse,
      decodeAttestationObject,
    }),
  )
  return loaded
}

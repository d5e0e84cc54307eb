/** Where keys of issuing authorities are kept, beside the key ring: in the token, where that keeps the hub's other keys. */

import type { HomeDescription } from '@holdfast/keys'
import { processOf, tokenAuthorityKeys } from '@holdfast/pkcs11'
import type { AuthorityKeys } from '@holdfast/pki'
import { type KeyHomesParts, pinSource } from './key-homes.ts'

const LABEL_DEFAULT = 'holdfast'

export interface AuthorityHomes {
  readonly keys: readonly AuthorityKeys[]
  /** Lets go of the token. */
  close(): Promise<void>
}

/** @param home of the key-encryption key at the start: a move to a token holds for authorities from the next start on. */
export function authorityHomes(home: HomeDescription, parts: KeyHomesParts): AuthorityHomes {
  if (home.kind !== 'pkcs11') return { keys: [], close: async () => undefined }
  const { environment } = parts
  const { token = '', label = LABEL_DEFAULT } = home.settings
  const process = processOf({ environment, pin: pinSource(parts) }, home, undefined)
  return {
    keys: [tokenAuthorityKeys({ process, random: environment.random, token, label })],
    close: () => process.close(),
  }
}

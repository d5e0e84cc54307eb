/**
 * Where the keys of issuing authorities live: sealed in a file, or in a token that never lets go of them. Whoever issues
 * asks for signatures by a handle and sees no key.
 */

import type { Signer } from './signer.ts'

export interface AuthorityKey {
  /** At most 8,192 printable ASCII characters; useless without the home of the key. No secret in the clear. */
  readonly handle: string
  readonly signer: Signer
}

/** Implementers MUST make keys that `keyKindOf` takes, and MUST NOT let go of the private half unsealed. */
export interface AuthorityKeys {
  /** Names the home of the keys, for ever: `ring`, `pkcs11:holdfast`. At most 200 printable ASCII characters. */
  readonly id: string
  /**
   * Makes a key. It lasts before this resolves, where it lasts apart from its handle.
   * @param label names the key among the hub's, at most 64 characters; not used for two keys.
   */
  generate(label: string): Promise<AuthorityKey>
  /**
   * The signer of a key that was made here under this label. Rejects where there is none such, or its home is away.
   */
  open(handle: string, label: string): Promise<Signer>
  /** Destroys the key, where it lasts apart from its handle. Does nothing where it is gone already. */
  destroy(handle: string, label: string): Promise<void>
}

/**
 * The port behind which key-encryption keys live: a file now; a TPM, a PKCS#11 token or a passphrase later.
 * The ring asks a provider for one wrap or unwrap when it is opened and one whenever its root key changes, never on
 * the path of a message, so an implementation may take its time.
 */
export interface KeyProvider {
  /**
   * Names the key-encryption key's home, for ever: `file:4f1c…`, `tpm:0x81010010`. Stays the same when the key inside
   * is rotated. It is written beside what was wrapped, so that a ring is not tried with the wrong home.
   */
  readonly id: string
  /**
   * Encrypts and authenticates `bytes` (32). `context` (at most 200 bytes of text) is authenticated with them: what
   * was wrapped for one place MUST NOT unwrap in another. Never keeps `bytes`.
   */
  wrap(bytes: Uint8Array, context: string): Promise<Uint8Array>
  /**
   * What was wrapped, in an array the caller owns and may zero.
   * Implementers MUST throw a KeyError: `damaged` where the blob does not verify, `unavailable` where the device is away.
   */
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array>
}

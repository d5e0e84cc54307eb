/** Why something was refused. Codes are API, messages are not. */
export type AttestationErrorCode =
  /** Something is not of the form it must have. */
  | 'invalid'
  | 'missing'
  /** The device does not exist any more. */
  | 'device-missing'
  /** The endorsement key is none: not restricted to decrypting, or not bound to its TPM. */
  | 'bad-endorsement-key'
  /** The attestation key is none: it would sign what no TPM made, or could leave its TPM. */
  | 'bad-attestation-key'
  /** Another device has the same TPM, or a retired one had it. */
  | 'endorsement-key-taken'
  /** The device attested with another TPM before; its operator has to forget that first. */
  | 'endorsement-key-changed'
  /** No manufacturer that is trusted vouches for the endorsement key, and the policy asks for one. */
  | 'endorsement-unproven'
  /** No key waits for it: never asked, too late, or used. */
  | 'no-activation'
  /** The secret is not the one that was sealed to the endorsement key. */
  | 'wrong-secret'
  /** No attestation key has been certified for the device. */
  | 'no-attestation-key'
  /** No challenge waits for it: never asked, too late, or used. */
  | 'no-challenge'
  /** The document was not signed by the key. */
  | 'bad-signature'
  /** A document of this name and a higher or equal serial is there. */
  | 'outdated'
  | 'exists'
  | 'too-many'

/** Thrown for what a device or an operator asked for and cannot have. Never holds a secret or bytes of a peer. */
export class AttestationError extends Error {
  override readonly name = 'AttestationError'
  readonly code: AttestationErrorCode

  constructor(code: AttestationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Why something of this room was refused. Codes are API, messages are not. */
export type SupplyErrorCode =
  /** A name, id, code or key is not of the form it must have. */
  | 'invalid'
  | 'missing'
  | 'exists'
  /** Something still belongs to what was to be deleted. */
  | 'in-use'
  | 'too-many'
  | 'unknown-manufacturer'
  /** The signature is not the manufacturer's over this file; nothing of it was taken. */
  | 'bad-signature'
  /** Too long, no manifest at all, or one of another manufacturer. */
  | 'bad-manifest'
  /** Another manifest is being imported. */
  | 'busy'
  | 'unknown-owner'
  /** No entry waits for this code: wrong, or expired, or used. */
  | 'unknown-code'
  /** Too many wrong codes before; not looked at. */
  | 'throttled'
  /** This entry is claimed by its code only. */
  | 'needs-code'
  | 'already-claimed'
  | 'expired'
  /** The registration id is none, or something else has it. */
  | 'bad-id'
  | 'id-taken'
  /** The state of the device does not allow it. */
  | 'illegal-move'
  | 'unknown-model'
  /** The model asks for what this device does not offer. */
  | 'not-of-model'
  | 'device-missing'
  | 'no-offer'

/** Thrown for what an operator or a service asked for and cannot have. The message says what to do; never a secret. */
export class SupplyError extends Error {
  override readonly name = 'SupplyError'
  readonly code: SupplyErrorCode

  constructor(code: SupplyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

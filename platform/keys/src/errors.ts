/** Why a key could not be had. Codes are API, messages are not; no message carries key bytes. */

export type KeyErrorCode =
  /** A key file is not what was written: truncated, edited, swapped. */
  | 'damaged'
  /** A key file can be read or changed by others. */
  | 'exposed'
  /** A key file is not there, and what it protects is. */
  | 'missing'
  /** The ring was wrapped by another provider or another key file. */
  | 'foreign'
  /** Written by a newer version of this program. */
  | 'newer'
  /** No key of this epoch was ever made here. */
  | 'unknown-epoch'
  /** The key of this epoch was destroyed on purpose. */
  | 'dropped-epoch'
  /** The key in use cannot be dropped. */
  | 'current-epoch'
  /** The ring holds as many keys and tombstones as it may. */
  | 'full'
  /** The disk or the provider did not do it; what was there before still holds. */
  | 'unavailable'
  /** A passphrase or PIN is wrong. */
  | 'refused'
  /** A passphrase or PIN is needed, and nobody has it to hand. */
  | 'secret-missing'
  /** The configuration says otherwise. */
  | 'configured'

export class KeyError extends Error {
  override readonly name = 'KeyError'
  readonly code: KeyErrorCode

  constructor(code: KeyErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** A fault of one file: what is wrong with it and what the operator can do about it. */
export function fileError(
  code: KeyErrorCode,
  fault: { readonly file: string; readonly what: string; readonly remedy: string },
  cause?: unknown,
): KeyError {
  return new KeyError(code, `${fault.file}: ${fault.what}; ${fault.remedy}`, cause)
}

/** Why a change of who may do what was refused. Codes are API, messages are not. */
export type AccessErrorCode =
  /** A name or a text is not of the form it must have. */
  | 'invalid'
  /** The text of a role cannot be read, or says what such a text may not; `faults` say where. */
  | 'bad-policy'
  | 'exists'
  | 'missing'
  /** Something stands in it: a site in an organisation, a fleet in a site, a device in a fleet. */
  | 'in-use'
  | 'etag-mismatch'
  | 'too-many'
  /** Afterwards nobody could change who may do what. */
  | 'locks-out'
  /** The first organisation, its first site and fleet, and the roles that every organisation begins with, stay. */
  | 'permanent'

/** Where in the text of a role something is wrong. Lines and columns count from 1, columns in UTF-16 units. */
export interface PolicyFault {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Thrown for what somebody asked for and cannot have. */
export class AccessError extends Error {
  override readonly name = 'AccessError'
  readonly code: AccessErrorCode
  readonly faults: readonly PolicyFault[]

  constructor(code: AccessErrorCode, message: string, faults: readonly PolicyFault[] = []) {
    super(message)
    this.code = code
    this.faults = faults
  }
}

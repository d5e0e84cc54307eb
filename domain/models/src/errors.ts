/** Why a change of a model was refused. Codes are API, messages are not. */
export type ModelErrorCode =
  /** The document is not of the form it must have, or asks for what its tier does not offer. */
  | 'invalid'
  | 'exists'
  | 'missing'
  | 'etag-mismatch'
  /** Devices or manifests are of this model. */
  | 'in-use'
  | 'too-many'

/** One thing that is wrong with a document: where (JSON pointer), and what. */
export interface ModelFault {
  readonly path: string
  readonly message: string
}

/** Thrown for what an operator or a service asked for and cannot have. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly code: ModelErrorCode
  readonly faults: readonly ModelFault[]

  constructor(code: ModelErrorCode, message: string, faults: readonly ModelFault[] = []) {
    super(message)
    this.code = code
    this.faults = faults
  }
}

/** Why a command ends without having done what was asked: one line for the operator, and an exit code. */

/** 1: refused or failed. 2: wrong use. */
export type ExitCode = 1 | 2

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: ExitCode
  /** What the hub calls it (`code` of its problem+json), or one of ours. */
  readonly code: string

  /** @param message what failed, why, and what to do, in one line. */
  constructor(
    message: string,
    options: { readonly code: string; readonly exitCode?: ExitCode; readonly cause?: unknown },
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = options.code
    this.exitCode = options.exitCode ?? 1
  }
}

export function wrongUse(message: string): Failure {
  return new Failure(message, { code: 'wrong-use', exitCode: 2 })
}

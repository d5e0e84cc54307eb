/** What goes wrong with a backup: whose fault it is decides the code, the message says what to do. */

export type BackupErrorCode =
  /** The archive was changed, cut or is no backup of Holdfast's. */
  | 'archive-damaged'
  /** It was written by a newer version. */
  | 'archive-newer'
  /** None of the identities opens it. */
  | 'wrong-identity'
  /** A recipient, identity or passphrase that is none. */
  | 'bad-recipient'
  | 'bad-identity'
  /** The folder to restore into holds something. */
  | 'folder-not-empty'
  /** What the archive holds does not fit together: counts, keys, the log. */
  | 'does-not-hold'
  | 'no-room'
  /** Another job is under way. */
  | 'busy'
  | 'unavailable'

export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly code: BackupErrorCode

  constructor(code: BackupErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** An archive that is not what was written. */
export function damaged(what: string, cause?: unknown): BackupError {
  return new BackupError('archive-damaged', `the backup is damaged: ${what}; take another copy of it`, cause)
}

/** What it holds does not fit together, or is not what was counted. */
export function doesNotHold(what: string, cause?: unknown): BackupError {
  return new BackupError('does-not-hold', `what the backup holds does not hold together: ${what}`, cause)
}

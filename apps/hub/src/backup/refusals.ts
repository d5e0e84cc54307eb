/** What the codes of backups become at the API. Their messages are ours, and say what to do. */

import type { BackupErrorCode } from '@holdfast/backup'
import { Problem, type ProblemFacts } from '../core/problem.ts'

type Row = readonly [status: ProblemFacts['status'], code: string, title: string]

const ROWS: Readonly<Partial<Record<BackupErrorCode, Row>>> = {
  'bad-recipient': [400, 'invalid', 'the recipient is none'],
  'no-room': [503, 'disk-unavailable', 'there is no room for a backup'],
  busy: [409, 'busy', 'another backup is under way'],
  unavailable: [409, 'backup-unavailable', 'this cannot be done just now'],
}

/** Errors of the backup thread keep their name and their code when they cross from it. */
export function explainBackup(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || error.name !== 'BackupError' || !('code' in error)) return undefined
  const row = Object.entries(ROWS).find(([code]) => code === error.code)?.[1]
  if (row === undefined) return undefined
  const [status, code, title] = row
  return new Problem({ status, code, title, detail: error.message }, { cause: error })
}

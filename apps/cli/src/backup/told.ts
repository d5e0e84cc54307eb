/** What is told of a backup that was opened, and of one that was not. */

import type { Restored } from '@holdfast/backup'
import { Failure } from '../failure.ts'

export function restoredLines({ manifest, proof, signedBy }: Restored): readonly string[] {
  const { hostname, takenTime, version, counts } = manifest
  const unreadable = proof.unreadable === 0 ? '' : ` (${proof.unreadable} more, whose key was destroyed before)`
  return [
    `  hub        ${hostname}, as of ${takenTime}, version ${version}`,
    `  devices    ${counts.devices}, and ${counts.modules} modules`,
    `  telemetry  ${proof.messages} messages opened${unreadable}`,
    `  uploads    ${counts.uploads} files, ${proof.uploads} read to their end`,
    `  audit log  ${counts.entries} entries, consistent; root ${proof.root}`,
    `  signed by  ${signedBy ?? 'nobody'}`,
  ]
}

/** Errors of backups say what to do; others are ours. */
export function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'BackupError' || !('code' in error)) return error
  return new Failure(error.message, { code: String(error.code), cause: error })
}

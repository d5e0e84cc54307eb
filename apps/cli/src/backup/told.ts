/** What is told of a backup that was opened, and of one that was not. */

import type { Restored } from '@holdfast/backup/restore'
import { Failure } from '../failure.ts'

/** @param logKey that was demanded, if any. */
export function restoredLines(
  { manifest, proof, signedBy, elsewhere }: Restored,
  logKey: string | undefined,
): readonly string[] {
  const { hostname, takenTime, version, counts } = manifest
  const unreadable = proof.unreadable === 0 ? '' : ` (${proof.unreadable} more, whose key was destroyed before)`
  return [
    `  hub        ${hostname}, as of ${takenTime}, version ${version}`,
    `  devices    ${counts.devices}, and ${counts.modules} modules`,
    `  telemetry  ${proof.messages} messages opened${unreadable}`,
    `  uploads    ${counts.uploads} files, ${proof.uploads} read to their end`,
    `  audit log  ${counts.entries} entries, consistent; root ${proof.root}`,
    `  signed by  ${signedBy ?? 'nobody'}`,
    ...(logKey === undefined
      ? [
          '  that key was in the backup itself: whoever knew the recipient could have made one like it. Compare it with the one',
          '  that you kept (holdfast audit key), or demand that one with --log-key',
        ]
      : []),
    ...elsewhere.map(
      ({ file, home }) =>
        `  not in it  the key of the authority ca/${file}: it is in the token ${home}, and does not leave it. Beside that token the hub issues as before; without, it serves its devices and issues nothing until it is given another issuing authority: holdfast ca rollover begin (docs/hub-authority.md)`,
    ),
  ]
}

/** Errors of backups say what to do; others are ours. */
export function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'BackupError' || !('code' in error)) return error
  return new Failure(error.message, { code: String(error.code), cause: error })
}

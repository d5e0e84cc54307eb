/** The audit log of a copy: as a whole, and against the checkpoint that its backup bears. */

import type { AuditStore } from '@holdfast/store'
import type { Manifest } from './manifest.ts'
import { doesNotHold } from './errors.ts'

type Log = Pick<AuditStore, 'auditHead' | 'checkAuditLog' | 'listAuditCheckpoints'>

/**
 * Compares entries with their leaves, tiles and tree, the tree with every checkpoint that was signed of it.
 * @returns the root, base64.
 * @throws BackupError `does-not-hold`.
 */
export async function proveLog(log: Log, { counts, checkpoint }: Manifest): Promise<string> {
  const head = await log.auditHead()
  let { contradiction } = head
  for (let from: number | undefined = 0; from !== undefined && contradiction === undefined; ) {
    const step: Awaited<ReturnType<Log['checkAuditLog']>> = await log.checkAuditLog(from)
    ;({ contradiction } = step)
    from = step.next
  }
  if (contradiction !== undefined) {
    const { what, entry } = contradiction
    throw doesNotHold(`the audit log: ${what}${entry === undefined ? '' : ` (entry ${entry})`}`)
  }
  if (head.size !== counts.entries) {
    throw doesNotHold(`the audit log ends after ${head.size} entries, and ${counts.entries} were backed up`)
  }
  if (checkpoint !== undefined && checkpoint !== head.checkpoint?.note) {
    throw doesNotHold('the last checkpoint of the audit log is not the one that was backed up')
  }
  return Buffer.from(head.root).toString('base64')
}

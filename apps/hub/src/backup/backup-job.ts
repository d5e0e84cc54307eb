/** One job of the backup thread, from its start to its end; ending it ends what it does. */

import { MessageChannel, type Worker } from 'node:worker_threads'
import type { BackupThread, BackupThreadData, ManifestSigner } from '@holdfast/backup'
import { connect, type Remote, serve, startThread } from '@holdfast/node/threads'

export interface BackupJob {
  readonly thread: Remote<BackupThread>
  /** Ends it, in the middle if need be. */
  end(): Promise<void>
}

export function startJob(signer: ManifestSigner): BackupJob {
  const { port1, port2 } = new MessageChannel()
  serve(port1, signer)
  const workerData: BackupThreadData = { signer: port2 }
  // What it throws rejects the calls that are under way; the hub goes on without it.
  const worker: Worker = startThread(
    import.meta.resolve('@holdfast/backup/backup-thread'),
    { name: 'backup', workerData, transferList: [port2] },
    () => undefined,
  )
  const thread = connect<BackupThread>(worker)
  return {
    thread,
    async end() {
      port1.close()
      await worker.terminate()
    },
  }
}

/**
 * The backup thread: packs, seals and proves away from the core. One is started for each job; ending it ends the job. The
 * core calls it through `connect<BackupThread>(worker)` and serves `ManifestSigner` on the `signer` port.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { serve } from '@holdfast/node/threads'
import { BackupDispatch, type BackupThreadData } from './backup-dispatch.ts'

if (parentPort === null) throw new TypeError('this is the entry of a worker')
serve(parentPort, new BackupDispatch(workerData as BackupThreadData))

/** Backups: taken while the hub runs, kept on a schedule, restored on trial. */

import { encodeNote, signText } from '@holdfast/tlog'
import type { LogKey } from '../audit/log-key.ts'
import { BackupOffice } from '../backup/backup-office.ts'
import { VERSION } from '../version.ts'
import type { Ground } from './ground.ts'
import type { Keys } from './keys.ts'
import type { Stores } from './storage.ts'

export interface BackupNeeds {
  readonly keys: Keys
  readonly stores: Stores
  /** Signs for the audit log, and for the manifests of backups. */
  readonly logKey: Pick<LogKey, 'verifier' | 'sign'>
}

export function openBackups(ground: Ground, { keys, stores, logKey }: BackupNeeds): Promise<BackupOffice> {
  const { folder, settings, clock, events, notices, fault } = ground
  const { storage } = stores
  return BackupOffice.open({
    folder,
    storage,
    custody: keys.custody,
    clock,
    store: storage.state,
    events: events.sink,
    hostName: settings.hostnames[0],
    version: VERSION,
    keyProvider: () => keys.custody.home.kind,
    sign: (text) => encodeNote({ text, signatures: [signText(text, logKey.verifier, logKey.sign)] }),
    setNotice: (code, notice) => notices.set(code, notice),
    fault,
  })
}

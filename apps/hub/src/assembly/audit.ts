/** The audit log: who signs for it, who is shown it, and whom it is brought to. */

import { openKeyFolder } from '@holdfast/keys'
import { AuditOffice } from '../audit/audit-office.ts'
import { Checkpoints } from '../audit/checkpoints.ts'
import { type LogKey, openLogKey } from '../audit/log-key.ts'
import { StoredLog } from '../audit/witnessed-log.ts'
import type { Witnesses } from '../audit/witnesses.ts'
import type { Ground } from './ground.ts'
import type { Keys } from './keys.ts'
import type { Stores } from './storage.ts'
import { openWitnesses } from './witnesses.ts'

export interface AuditNeeds {
  readonly keys: Keys
  readonly stores: Stores
}

export interface AuditRoom {
  readonly key: LogKey
  readonly checkpoints: Checkpoints
  readonly witnesses: Witnesses
  readonly office: AuditOffice
}

export async function openAudit(ground: Ground, { keys, stores }: AuditNeeds): Promise<AuditRoom> {
  const { folder, settings, clock, random, events, fault } = ground
  const { storage, conditions } = stores
  const { state } = storage
  const { checkpoint } = await state.auditHead()
  const key = await openLogKey({
    folder: await openKeyFolder(folder.at('ca')),
    ring: keys.custody.ring,
    random,
    hostName: settings.hostnames[0],
    mayCreate: checkpoint === undefined,
  })
  if (key.isNew) {
    events.sink({
      type: 'audit.key-created',
      at: clock.wall(),
      subject: 'hub',
      actor: 'hub',
      detail: { origin: key.verifier.name, key: key.verifier.toString() },
    })
  }
  const checkpoints = new Checkpoints({
    key,
    store: state,
    clock,
    events: events.sink,
    setCondition: (code, detail) => conditions.set(code, detail),
    fault,
  })
  events.subscribe(() => checkpoints.grew())
  const witnesses = await openWitnesses(ground, { log: new StoredLog(state), state, conditions })
  const scrub = (): Promise<void> => state.scrub()
  const office = new AuditOffice({ key: key.verifier, store: state, scrub, clock, events: events.sink })
  return { key, checkpoints, witnesses, office }
}

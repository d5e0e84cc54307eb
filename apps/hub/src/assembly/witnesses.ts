/** Witnesses of the audit log. */

import { post } from '@holdfast/egress'
import { type WitnessedLog, Witnesses } from '../audit/witnesses.ts'
import type { Conditions } from '../core/conditions.ts'
import type { Storage } from '../core/storage.ts'
import type { Ground } from './ground.ts'

export interface WitnessNeeds {
  readonly log: WitnessedLog
  readonly state: Storage['state']
  readonly conditions: Conditions
}

/** They are brought checkpoints from `start` on. */
export function openWitnesses(
  { clock, events, notices, fault }: Ground,
  { log, state, conditions }: WitnessNeeds,
): Promise<Witnesses> {
  return Witnesses.open({
    log,
    store: state,
    clock,
    events: events.sink,
    post,
    setCondition: (code, detail) => conditions.set(code, detail),
    setNotice: (code, notice) => notices.set(code, notice),
    fault,
  })
}

/** The office of quarantine and copies on stores in memory, with no connections and no twins. */

import { AdmissionGates } from '@holdfast/admission'
import { MemoryAdmissionStore } from '@holdfast/admission/testing'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { DEFAULT_SCALE } from '@holdfast/masquerade'
import { MemoryDossierStore } from '@holdfast/masquerade/testing'
import { MasqueradeOffice } from '../trust/masquerade/masquerade-office.ts'

export function memoryMasquerade(common: {
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly events: EventSink
}): Promise<MasqueradeOffice> {
  const admission = new MemoryAdmissionStore(common.events)
  const dossiers = new MemoryDossierStore(common.events)
  const none = (): never => {
    throw new TypeError('there are no twins on this stage')
  }
  const { clock, random } = common
  return MasqueradeOffice.open({
    clock,
    random,
    store: Object.assign(admission, {
      listDossiers: dossiers.listDossiers.bind(dossiers),
      readDossier: dossiers.readDossier.bind(dossiers),
      writeDossiers: dossiers.writeDossiers.bind(dossiers),
    }),
    scale: DEFAULT_SCALE,
    throttledEvents: common.events,
    gates: new AdmissionGates(),
    twins: { read: none, write: none },
    models: { policyOf: () => undefined, load: () => undefined },
    fault: none,
  })
}

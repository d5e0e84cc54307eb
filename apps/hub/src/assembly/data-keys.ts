/** The keys that data is sealed with, as they reach whoever seals and reads. */

import type { KeyRing } from '@holdfast/keys'
import { DataKeys } from '../core/data-keys.ts'
import { recordFirst } from '../core/record-first.ts'
import type { Fronts } from '../core/fronts.ts'
import type { Storage } from '../core/storage.ts'
import type { TelemetryInlet } from '../core/telemetry-inlet.ts'
import type { Ground } from './ground.ts'

export interface DataKeyNeeds {
  readonly ring: KeyRing
  readonly storage: Storage
  readonly inlet: TelemetryInlet
  readonly fronts: () => Fronts
}

export function openDataKeys(ground: Ground, { ring, storage, inlet, fronts }: DataKeyNeeds): DataKeys {
  const { settings, clock, events } = ground
  const { state, history } = storage
  return new DataKeys({
    ring,
    clock,
    events: events.sink,
    recordFirst: recordFirst(events),
    telemetryKeyMs: settings.telemetryKeyMs,
    toReaders: (keys) => history.setKeys(keys),
    toFronts: ({ epoch, key }) => {
      inlet.useKey(epoch, key)
      fronts().broadcast({ kind: 'data-key', epoch, key })
    },
    toState: (keys) =>
      state.replaceKeys({
        current: ring.current('state').epoch,
        keys: keys.map(({ epoch, key }) => ({ epoch, bytes: key })),
      }),
    resealState: async () => (await state.reseal()).isDone,
    stateEpochs: () => state.sealEpochs(),
    forget: async (epoch) => (await history.dropEpoch(epoch)).messages,
  })
}

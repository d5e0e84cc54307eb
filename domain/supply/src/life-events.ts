/** The events that follow from what a store does to lives and entries: it makes them in its transaction. */

import type { SecurityEvent } from '@holdfast/audit'
import type { HistoryDraft } from './device-life.ts'
import type { Stamp } from './store.ts'
import type { SupplyEntry } from './supply-entry.ts'

/** One for each line that a change of a device's life writes into its history. */
export function lifeEvents(
  deviceId: string,
  history: readonly HistoryDraft[],
  { at, actor }: Stamp,
): readonly SecurityEvent[] {
  return history.map(({ move, from, to, detail }) => ({
    type: move === 'assign' ? 'device.model-assigned' : 'device.life-changed',
    at,
    subject: `device/${deviceId}`,
    actor,
    detail: { move, from: from ?? '', to: to ?? '', ...detail },
  }))
}

/** Of an entry that nobody claimed in time. */
export function expiryEvent(
  { manufacturer, serial, manifest, model }: Pick<SupplyEntry, 'manufacturer' | 'serial' | 'manifest' | 'model'>,
  { at, actor }: Stamp,
): SecurityEvent {
  return { type: 'claim.expired', at, subject: `supply/${manufacturer}/${serial}`, actor, detail: { manifest, model } }
}

/** The stores, and what is told of their progress: conditions, statistics, whoever follows the log. */

import type { RecordedEvent } from '@holdfast/audit'
import type { KeyRing } from '@holdfast/keys'
import type { HistoryEvent } from '@holdfast/store'
import { TelemetryDigests } from '../audit/telemetry-digests.ts'
import { Conditions } from '../core/conditions.ts'
import type { Desk } from '../core/desk.ts'
import type { DeviceServices } from '../core/device-services.ts'
import { REMEMBERED_EVENTS_MAX } from '../core/event-log.ts'
import { NO_PROGRESS, Statistics } from '../core/statistics.ts'
import { Storage } from '../core/storage.ts'
import type { Ground } from './ground.ts'

export interface StorageNeeds {
  readonly ring: KeyRing
  readonly desk: () => Desk
  readonly services: () => DeviceServices
}

export interface Stores {
  readonly storage: Storage
  readonly partitions: number
  readonly conditions: Conditions
  readonly statistics: Statistics
  /** Calls the listener whenever the log has got on; gives back what ends that. */
  readonly follow: (listener: () => void) => () => void
}

export async function openStorage(ground: Ground, { ring, desk, services }: StorageNeeds): Promise<Stores> {
  const { settings, folder, threads, clock, events } = ground
  const conditions = new Conditions(clock, events.sink)
  const followers = new Set<() => void>()
  const statistics = new Statistics({
    monotonic: () => clock.monotonic(),
    connected: () => desk().connected,
    desk: () => desk().counters,
    throttling: () => services().throttling,
    methods: () => services().methods,
  })
  // The history may tell while the others are being opened.
  const opened = Promise.withResolvers<Storage>()
  const digests = new TelemetryDigests({
    clock,
    events,
    confirm: async (id) => (await opened.promise).history.confirm(id),
  })
  threads.history.once('exit', () => digests.end())
  threads.stateEvents.on('message', (told: readonly RecordedEvent[]) => events.recorded(told))
  const { storage, partitions } = await Storage.open({
    folder,
    threads,
    partitions: settings.partitions,
    stateKeys: {
      current: ring.current('state').epoch,
      keys: ring.usable('state').map(({ epoch, bytes }) => ({ epoch, bytes: bytes.slice() })),
    },
    telemetryKeys: ring.usable('telemetry').map(({ epoch, bytes }) => ({ epoch, key: bytes.slice() })),
    retention: { ageMs: Math.round(settings.retentionMs), bytesMax: settings.retentionBytes },
    regroupAgeMs: settings.regroupAgeMs,
    onProgress: (progress) => {
      statistics.progressed(progress)
      conditions.set('log', progress.unavailable)
      for (const follower of followers) follower()
    },
    onHistory: (event) => heard(conditions, digests, event),
  })
  opened.resolve(storage)
  events.open(storage.state, {
    recent: await storage.state.readRecentEvents(REMEMBERED_EVENTS_MAX),
    blocked: (detail) => conditions.set('audit', detail),
  })
  const { partitions: ends } = await storage.log.statistics()
  statistics.progressed({ ...NO_PROGRESS, nextSequences: ends.map(({ nextSequence }) => nextSequence) })
  const follow = (listener: () => void): (() => void) => {
    followers.add(listener)
    return () => followers.delete(listener)
  }
  return { storage, partitions, conditions, statistics, follow }
}

function heard(conditions: Conditions, digests: TelemetryDigests, event: HistoryEvent): void {
  if (event.kind === 'blocked') {
    const [first] = event.blocked
    conditions.set('history', event.unavailable ?? (first === undefined ? undefined : JSON.stringify(first)))
  } else if (event.kind === 'tellings') digests.heard(event.tellings)
}

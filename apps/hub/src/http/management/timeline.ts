/** The timeline of a device (`protocol/api/src/timeline.ts`). */

import { OPERATIONS, type AuditApi, type TimelineApi } from '@holdfast/api'
import { formatTimestamp, type Timestamp } from '@holdfast/base'
import {
  type DeviceState,
  type LogEntry,
  type Since,
  sinceItCame,
  stateAsOf,
  TIMELINE_READ_MAX,
} from '@holdfast/review'
import type { LogReader } from '../../audit/log-reader.ts'
import { Problem } from '../../core/problem.ts'
import { timeOf } from '../query.ts'
import { PAGE_ITEMS } from './page.ts'
import { type Call, type Route, serve } from './route.ts'

/** Starts of the hub that are looked back over. */
const STARTS_MAX = 1_000

export const TIMELINE_ROUTES: readonly Route[] = [
  serve(OPERATIONS.timeline.show, async (call) => {
    const { path, query, services } = call
    const reader = readerOf(call)
    const asOf = query.asOf === undefined ? services.clock.wall() : timeOf(query.asOf)
    const subject = `device/${path.id}`
    const { entries: found, isCut } = await reader.readAbout({ subject }, { asOf, limit: TIMELINE_READ_MAX })
    const shown = (await mayReadAll(call)) ? found : sinceItCame(found, subject)
    const first = shown[0]?.index ?? 0
    const { entries: starts } = await reader.readAbout({ type: 'hub.started' }, { asOf, limit: STARTS_MAX })
    const all = [...shown, ...starts.filter(({ index }) => index > first)].toSorted((a, b) => a.index - b.index)
    return {
      deviceId: path.id,
      asOf: formatTimestamp(asOf),
      state: stateJson(stateAsOf(all, subject, asOf)),
      entries: within(shown, query.from, query.to)
        .slice(-(query.limit ?? PAGE_ITEMS))
        .map(entryJson),
      isCut,
    }
  }),
]

function readerOf({ services }: Call): LogReader {
  if (services.logReader !== undefined) return services.logReader
  throw new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'this hub keeps no audit log on disk',
    detail: 'ask a hub that does',
  })
}

/** Whoever may read the whole log may read of earlier devices of the name, too. */
async function mayReadAll({ services, actor }: Call): Promise<boolean> {
  if (actor.kind === 'local' || services.authorization === undefined) return true
  return services.authorization.may(actor, 'audit:read', { kind: 'hub' })
}

function within(entries: readonly LogEntry[], from: string | undefined, to: string | undefined): readonly LogEntry[] {
  return entries.filter(({ at }) => (from === undefined || at >= timeOf(from)) && (to === undefined || at < timeOf(to)))
}

export function entryJson({ index, type, version, at, body, isUnreadable }: LogEntry): AuditApi.LogEntry {
  const head = { index, type, version, time: formatTimestamp(at) }
  if (body === undefined) return { ...head, content: isUnreadable === true ? 'unreadable' : 'shredded' }
  const { subject, actor, source, detail } = body
  return {
    ...head,
    content: 'body',
    subject,
    actor,
    detail: { ...detail },
    ...(source === undefined ? {} : { source }),
  }
}

function stateJson(state: DeviceState): TimelineApi.Timeline['state'] {
  const { created, lane, quarantine, suspicion, attestation, certificate, life, ...rest } = state
  return {
    ...rest,
    ...(created === undefined ? {} : { created: formatTimestamp(created) }),
    ...sinceJson({ lane, quarantine, suspicion, attestation, certificate, life }),
  }
}

function sinceJson<K extends string>(
  values: Readonly<Record<K, Since<string> | undefined>>,
): Partial<Record<K, { value: string; since: string }>> {
  const shown: Partial<Record<K, { value: string; since: string }>> = {}
  for (const name in values) {
    const one: { readonly value: string; readonly since: Timestamp } | undefined = values[name]
    if (one !== undefined) shown[name] = { value: one.value, since: formatTimestamp(one.since) }
  }
  return shown
}

/** What lapses when. */

import { type Api, OPERATIONS } from '@holdfast/api'
import { formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import { type Lapse, LAPSE_KINDS, type LapseCursor, listLapses } from '@holdfast/credentials'
import { badRequest } from '../../core/problem.ts'
import { timeOf } from '../query.ts'
import type { About } from '../../people/reach.ts'
import { narrowedPage } from './page.ts'
import { type Asked, type Route, serve } from './route.ts'

export const CALENDAR_ROUTES: readonly Route[] = [serve(OPERATIONS.calendar.list, list)]

/** Where a span ends unless told. */
const FAR = timestampOf(Date.UTC(9999, 11, 31))
const CURSOR = /^(\d{1,15}) ([a-z-]{1,32}) (.{1,256})$/

async function list({ services, query, reach }: Asked<typeof OPERATIONS.calendar.list>) {
  const from = query.from === undefined ? timestampOf(0) : timeOf(query.from)
  const to = query.to === undefined ? FAR : timeOf(query.to)
  if (from >= to) throw badRequest([{ path: '?to', message: 'is not after from' }])
  const now = services.clock.wall()
  return narrowedPage(
    { reach, after: query.after, limit: query.limit },
    ({ after, limit }) =>
      listLapses(services.lapses, { from, to, limit, ...(after === undefined ? {} : { after: cursorOf(after) }) }),
    {
      name: ({ at, kind, id }) => `${at} ${kind} ${id}`,
      about: ({ subject }) => aboutOf(subject),
      shown: (lapse) => shown(lapse, now),
    },
  )
}

/** A subject as events name it: `device/ID`, `module/DEVICE/ID`; the rest is the hub's. */
function aboutOf(subject: string): About {
  const [, device] = /^(?:device|module)\/([^/]+)/.exec(subject) ?? []
  return device === undefined ? undefined : { deviceId: device }
}

/** @throws Problem 400. */
function cursorOf(after: string): LapseCursor {
  const [, at = '', name = '', id = ''] = CURSOR.exec(after) ?? []
  const kind = LAPSE_KINDS.find((one) => one === name)
  if (kind === undefined) throw badRequest([{ path: '?after', message: 'is none that a page ended with' }])
  return { at: timestampOf(Number(at)), kind, id }
}

function shown({ at, kind, subject, id, renewal }: Lapse, now: Timestamp): Api.Lapse {
  const isDue = renewal !== undefined && renewal <= now
  return {
    at: formatTimestamp(at),
    kind,
    subject,
    id,
    state: at <= now ? 'lapsed' : isDue ? 'due' : 'ahead',
    ...(renewal === undefined ? {} : { renewal: formatTimestamp(renewal) }),
  }
}

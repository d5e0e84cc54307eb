import type { Api } from '@holdfast/api'
import { formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import { type Lapse, LAPSE_KINDS, type LapseCursor, listLapses } from '@holdfast/credentials'
import { badRequest } from '../problem.ts'
import { readQuery, text, time, wholeNumber } from '../query.ts'
import { PAGE_ITEMS, PAGE_ITEMS_MAX } from './page.ts'
import { type Call, json, type Route } from './route.ts'

export const CALENDAR_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/v1/credentials/calendar', rights: ['RegistryRead'], answer: list },
]

/** Where a span ends unless told. */
const FAR = timestampOf(Date.UTC(9999, 11, 31))
const CURSOR = /^(\d{1,15}) ([a-z-]{1,32}) (.{1,256})$/

async function list({ context, services }: Call): Promise<Response> {
  const query = readQuery(context, { from: time, to: time, after: text(300), limit: wholeNumber(1, PAGE_ITEMS_MAX) })
  const { from = timestampOf(0), to = FAR, limit = PAGE_ITEMS } = query
  if (from >= to) throw badRequest([{ path: '?to', message: 'is not after from' }])
  const after = query.after === undefined ? undefined : cursorOf(query.after)
  const lapses = await listLapses(services.lapses, { from, to, limit, ...(after === undefined ? {} : { after }) })
  const now = services.clock.wall()
  const last = lapses.length < limit ? undefined : lapses.at(-1)
  const page: Api.Page<Api.Lapse> = {
    items: lapses.map((lapse) => shown(lapse, now)),
    ...(last === undefined ? {} : { next: `${last.at} ${last.kind} ${last.id}` }),
  }
  return json(page)
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

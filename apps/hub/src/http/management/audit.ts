/** The audit log (`protocol/api/src/audit.ts`). */

import { type AuditApi, OPERATIONS } from '@holdfast/api'
import { isEventType, ownerOf } from '@holdfast/audit'
import { formatTimestamp } from '@holdfast/base'
import type { AuditEntry, AuditQuery, ShredWish } from '@holdfast/store'
import type { AuditOffice } from '../../audit/audit-office.ts'
import { Problem } from '../../core/problem.ts'
import { timeOf } from '../query.ts'
import { actorName } from '../../people/actor.ts'
import { textLines } from './ndjson.ts'
import { PAGE_ITEMS } from './page.ts'
import { type Call, type Route, serve } from './route.ts'

export const AUDIT_ROUTES: readonly Route[] = [
  serve(OPERATIONS.audit.log, async (call) => {
    const office = officeOf(call)
    const { size, root, checkpoint, contradiction } = await office.head()
    return {
      key: office.key.toString(),
      origin: office.key.name,
      size,
      root: Buffer.from(root).toString('base64'),
      ...(checkpoint === undefined
        ? {}
        : {
            checkpoint: {
              size: checkpoint.size,
              time: formatTimestamp(checkpoint.time),
              note: checkpoint.note,
              cosignedBy: [...office.cosignersOf(checkpoint.note)],
            },
          }),
      ...(contradiction === undefined ? {} : { contradiction: contradiction.what }),
    }
  }),
  serve(OPERATIONS.audit.list, async (call) => {
    const { entries, next } = await officeOf(call).list(queryOf(call.query))
    return { items: entries.map(entryJson), ...(next === undefined ? {} : { next: String(next) }) }
  }),
  serve(OPERATIONS.audit.show, async (call) => {
    const index = Number(call.path.index)
    const entry = Number.isSafeInteger(index) && index >= 0 ? await officeOf(call).read(index) : undefined
    if (entry !== undefined) return entryJson(entry)
    throw new Problem({
      status: 404,
      code: 'missing',
      title: 'the log has no entry of this index',
      detail: 'entries are counted from 0; the log says how many it has',
    })
  }),
  serve(OPERATIONS.audit.export, async (call) => {
    const lease = call.streams.open(call.actor)
    try {
      return textLines(await officeOf(call).export(call.query.bodies ?? true, actorName(call.actor)), lease)
    } catch (error) {
      lease.end()
      throw error
    }
  }),
  serve(OPERATIONS.audit.shred, async (call) => {
    const wish = wishOf(call.body)
    return { entries: await officeOf(call).shred(wish, { actor: actorName(call.actor), reason: call.body.reason }) }
  }),
]

function officeOf({ services }: Call): AuditOffice {
  if (services.audit !== undefined) return services.audit
  throw new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'this hub keeps no audit log on disk',
    detail: 'ask a hub that does',
  })
}

interface Asked {
  readonly subject?: string
  readonly actor?: string
  readonly type?: string
  readonly from?: string
  readonly to?: string
  readonly order?: AuditQuery['order']
  readonly after?: string
  readonly limit?: number
}

function queryOf({ from, to, type, after, order = 'newest', limit = PAGE_ITEMS, ...rest }: Asked): AuditQuery {
  if (after !== undefined && !/^\d{1,15}$/.test(after)) throw invalid('go on from where the page before said')
  if (type !== undefined && !isEventType(type)) throw invalid(`no event is of the type ${type}`)
  return {
    ...rest,
    order,
    limit,
    ...(after === undefined ? {} : { after: Number(after) }),
    ...(type === undefined ? {} : { type }),
    ...(from === undefined ? {} : { from: timeOf(from) }),
    ...(to === undefined ? {} : { to: timeOf(to) }),
  }
}

function wishOf({ subject, indices }: { readonly subject?: string; readonly indices?: readonly number[] }): ShredWish {
  if (subject !== undefined && indices === undefined) {
    const owner = ownerOf(subject)
    if (owner === subject) return { kind: 'subject', subject }
    throw invalid(`what is said of a module goes with its device: name ${owner}, or the indices of entries`)
  }
  if (indices !== undefined && subject === undefined) return { kind: 'entries', indices }
  throw invalid('name either a subject or the indices of entries')
}

function invalid(detail: string): Problem {
  return new Problem({ status: 400, code: 'invalid', title: 'this cannot be asked of the log', detail })
}

export function entryJson({ index, type, version, time, content }: AuditEntry): AuditApi.LogEntry {
  const common = { index, type, version, time: formatTimestamp(time), content: content.kind }
  if (content.kind !== 'body') return common
  const { subject, actor, source, detail } = content
  return { ...common, subject, actor, detail: { ...detail }, ...(source === undefined ? {} : { source }) }
}

/** Backups (`protocol/api/src/backups.ts`). */

import { OPERATIONS } from '@holdfast/api'
import type { BackupOffice } from '../../backup/backup-office.ts'
import { badRequest, Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { byteStream } from './byte-stream.ts'
import { PAGE_ITEMS } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { backup } = OPERATIONS

export const BACKUP_ROUTES: readonly Route[] = [
  serve(backup.list, async (call) => {
    const { after, limit = PAGE_ITEMS } = call.query
    const all = officeOf(call).list()
    const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1
    if (after !== undefined && from === 0) return { items: [] }
    const items = all.slice(from, from + limit)
    const last = items.at(-1)
    return { items: [...items], ...(last === undefined || from + limit >= all.length ? {} : { next: last.id }) }
  }),
  serve(backup.create, create),
  serve(backup.drill, async (call) => {
    const drilled = await officeOf(call).drill(call.path.backup, actorName(call.actor))
    if (drilled !== undefined) return drilled
    throw missing('there is no backup of this id', 'list the backups for those that there are')
  }),
  serve(backup.showSchedule, async (call) => officeOf(call).show()),
  serve(backup.schedule, async (call) => officeOf(call).schedule(call.body, actorName(call.actor))),
  serve(backup.unschedule, async (call) => {
    if (await officeOf(call).unschedule(actorName(call.actor))) return undefined
    throw missing('no backups are scheduled', 'nothing is left to do')
  }),
]

async function create(call: Asked<typeof backup.create>): Promise<Response> {
  const { recipients, passphrase } = call.body
  if ((recipients === undefined) === (passphrase === undefined)) {
    throw badRequest([{ path: '', message: 'either recipients or a passphrase' }])
  }
  const sealing =
    recipients === undefined
      ? { kind: 'passphrase' as const, passphrase: passphrase ?? '' }
      : { kind: 'recipients' as const, recipients }
  // First, for what cannot be streamed need not be copied.
  const lease = call.streams.open(call.actor)
  const { id, body } = await officeOf(call)
    .stream(sealing, actorName(call.actor))
    .catch((error: unknown) => {
      lease.end()
      throw error
    })
  return new Response(byteStream(body, lease), {
    headers: { 'content-type': 'application/octet-stream', 'x-holdfast-backup': id },
  })
}

function officeOf({ services }: Call): BackupOffice {
  if (services.backups !== undefined) return services.backups
  throw missing('this hub takes no backups', 'backups are of hubs whose data is on disk')
}

function missing(title: string, detail: string): Problem {
  return new Problem({ status: 404, code: 'missing', title, detail })
}

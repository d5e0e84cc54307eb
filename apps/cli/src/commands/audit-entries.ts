/** `holdfast audit entries|entry|shred`: what is in the log, and how what it says of somebody is destroyed. */

import type { AuditApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { leaf, wholeNumber, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

interface EntryFlags {
  readonly subject?: string
  readonly actor?: string
  readonly type?: string
  readonly from?: string
  readonly to?: string
  readonly oldest?: boolean
  readonly limit: number
}

export function addAuditEntries(audit: Command, world: World): void {
  leaf<[], EntryFlags>(audit, world, {
    usage: 'entries',
    summary: 'find entries by subject, actor, type and time; the newest first',
    example: 'holdfast audit entries --subject device/pump-1 --from 2026-11-01T00:00:00Z',
    options: [
      new Option('--subject <name>', 'what it happened to, e.g. device/pump-1, policy/service, hub'),
      new Option('--actor <name>', 'who did it, e.g. person/alice, policy/service, operator/local'),
      new Option('--type <type>', 'e.g. identity.created'),
      new Option('--from <time>', 'not before this time (RFC 3339)'),
      new Option('--to <time>', 'before this time'),
      new Option('--oldest', 'the oldest first'),
      new Option('--limit <n>', 'entries at most').argParser(wholeNumber(1)).default(100),
    ],
    async run({ hub, print }, { limit, oldest, subject, actor, type, from, to }) {
      await print.table(
        hub.audit.list.pages(
          { query: { subject, actor, type, from, to, order: oldest === true ? 'oldest' : 'newest' } },
          limit,
        ),
        [
          ['INDEX', (it) => it.index],
          ['TIME', (it) => it.time],
          ['TYPE', (it) => it.type],
          ['SUBJECT', (it) => it.subject ?? it.content],
          ['ACTOR', (it) => it.actor],
          ['SOURCE', (it) => it.source],
        ],
        'no entries are so',
      )
    },
  })

  leaf<[string], object>(audit, world, {
    usage: 'entry <index>',
    summary: 'show one entry',
    example: 'holdfast audit entry 1234',
    notes: "That it is in the log, and unaltered, is proved by 'holdfast audit proof'.",
    async run({ hub, print }, _options, index) {
      const entry = await hub.audit.show({ path: { index } })
      await print.result(entry, linesOf(entry))
    },
  })

  leaf<[], { readonly subject?: string; readonly entries?: string; readonly reason: string }>(audit, world, {
    usage: 'shred',
    summary: 'destroy for good what entries say; that they were there stays proved',
    example: 'holdfast audit shred --subject device/pump-1 --reason "request 17 of the data protection officer"',
    notes: 'There is no way back. The reason is kept in the log: it must not tell what is to be forgotten.',
    options: [
      new Option('--subject <name>', 'all about this subject, and about the modules of a device'),
      new Option('--entries <indices>', 'these entries, e.g. 12,13,20'),
      new Option('--reason <text>', 'why').makeOptionMandatory(),
    ],
    async run({ hub, print }, { subject, entries, reason }) {
      if ((subject === undefined) === (entries === undefined)) throw wrongUse('give either --subject or --entries')
      const indices = entries?.split(',').map(wholeNumber(0))
      const shredded = await hub.audit.shred({
        body: { reason, ...(subject !== undefined && { subject }), ...(indices !== undefined && { indices }) },
      })
      await print.result(shredded, [
        `${shredded.entries} bodies were destroyed; the leaves stay, and every proof holds`,
      ])
    },
  })
}

function linesOf(entry: AuditApi.LogEntry): readonly string[] {
  const { index, type, version, time, content, subject, actor, source, detail = {} } = entry
  const head = [`entry ${index}: ${type} (version ${version}) at ${time}`]
  if (content === 'shredded') return [...head, 'what it said was destroyed']
  if (content === 'unreadable')
    return [...head, "what it says does not open: it was altered; see 'holdfast audit verify'"]
  return [
    ...head,
    `subject  ${subject ?? ''}`,
    `actor    ${actor ?? ''}`,
    `source   ${source ?? ''}`,
    ...Object.entries(detail).map(([name, value]) => `${name}: ${String(value)}`),
  ]
}

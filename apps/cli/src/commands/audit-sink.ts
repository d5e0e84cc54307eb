/** `holdfast audit sink …`: who receives the events of the log, and what waits for them. */

import type { ForwardingApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { collected, group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'
import { readSeconds, readTime } from '../time.ts'

/** Which events are meant, as options of every command that asks for it. */
export interface FilterFlags {
  readonly type?: readonly string[]
  readonly subject?: readonly string[]
  readonly actor?: readonly string[]
  readonly organisation?: readonly string[]
  readonly from?: string
  readonly until?: string
}

export function filterOptions(): readonly Option[] {
  return [
    new Option('--type <type>', 'only this type, or a group such as session.*; again for more').argParser(collected),
    new Option('--subject <subject>', 'only of this subject, or device/pump-*; again for more').argParser(collected),
    new Option('--actor <actor>', 'only by this actor, or policy/*; again for more').argParser(collected),
    new Option('--organisation <name>', 'only what belongs to it; again for more').argParser(collected),
    new Option('--from <time>', 'not before'),
    new Option('--until <time>', 'before'),
  ]
}

/** Undefined where nothing was narrowed. */
export function filterFrom(
  { type, subject, actor, organisation, from, until }: FilterFlags,
  now: number,
): ForwardingApi.EventFilter | undefined {
  const filter = {
    ...(type && { types: [...type] }),
    ...(subject && { subjects: [...subject] }),
    ...(actor && { actors: [...actor] }),
    ...(organisation && { organisations: [...organisation] }),
    ...(from !== undefined && { from: readTime(from, now) }),
    ...(until !== undefined && { until: readTime(until, now) }),
  }
  return Object.keys(filter).length === 0 ? undefined : filter
}

interface SinkFlags extends FilterFlags {
  readonly view?: string
  readonly sinkCa?: string
  readonly cert?: string
  readonly certKey?: string
  readonly header?: readonly string[]
}

export function addAuditSinks(audit: Command, world: World): void {
  const sink = group(
    audit,
    'sink',
    'receivers of events: syslog over TLS, signed webhooks, OpenTelemetry logs',
    'holdfast audit sink list',
  )
  addMaking(sink, world)
  addChanging(sink, world)
  addLooking(sink, world)
  addSetAside(sink, world)
}

function addMaking(sink: Command, world: World): void {
  leaf<
    [string],
    SinkFlags & { readonly to: string; readonly kind?: ForwardingApi.SinkDraft['kind']; readonly fromStart?: boolean }
  >(sink, world, {
    usage: 'add <name>',
    summary: 'send events of the log to a receiver from now on',
    example: 'holdfast audit sink add siem --to syslog://siem.example:6514 --sink-ca siem-ca.pem',
    notes:
      'syslog://host:port is RFC 5424 over TLS, https://… a signed webhook, or OpenTelemetry logs with --kind otlp.\n' +
      'The secret of a webhook is printed this once. Headers hold secrets: give them as --header name=@FILE.\n' +
      "An address of the hub's own network is called after 'holdfast audit sink allow-private <name>' alone.",
    options: [
      new Option('--to <address>', 'where to').makeOptionMandatory(),
      new Option('--kind <kind>', 'what it speaks; by its address unless told').choices(['syslog', 'webhook', 'otlp']),
      new Option('--from-start', 'begin at the start of the log, and not with what comes'),
      ...filterOptions(),
      new Option('--view <name>', 'the filter of this saved view, as it is now'),
      ...connectionOptions(),
    ],
    async run({ hub, print, world: here }, options, name) {
      const filter = filterFrom(options, here.now())
      const kind: ForwardingApi.SinkDraft['kind'] =
        options.kind ?? (options.to.startsWith('syslog:') ? 'syslog' : 'webhook')
      const made = await hub.sink.create({
        body: {
          name,
          kind,
          address: options.to,
          ...(filter && { filter }),
          ...(options.view !== undefined && { view: options.view }),
          ...(options.fromStart === true && { from: 'start' }),
          ...connectionFrom(options),
        },
      })
      await print.result(made, [
        `events go to ${made.name} (${made.kind}, ${made.address}) from entry ${made.cursor} on`,
        ...(made.secret === undefined ? [] : [`they are signed with the secret ${made.secret}, told this once`]),
      ])
    },
  })

  leaf<[string], object>(sink, world, {
    usage: 'remove <name>',
    summary: 'send nothing more to a receiver, and forget what was set aside for it',
    example: 'holdfast audit sink remove siem',
    async run({ hub, print }, _options, name) {
      await hub.sink.remove({ path: { name } })
      await print.result({ name, removed: true }, [`nothing more goes to ${name}`])
    },
  })

  leaf<[string], { readonly overlap?: string }>(sink, world, {
    usage: 'rotate <name>',
    summary: 'give a webhook a new secret; for a while the former one signs beside it',
    example: 'holdfast audit sink rotate siem --overlap 2d',
    options: [
      new Option('--overlap <time>', 'how long the former one goes on, such as 2h; 0s ends it now (default 1d)'),
    ],
    async run({ hub, print }, { overlap }, name) {
      const body = overlap === undefined ? {} : { overlapSeconds: readSeconds(overlap) }
      const made = await hub.sink.rotate({ path: { name }, body })
      await print.result(made, [`the new secret of ${name} is ${made.secret ?? ''}, told this once`])
    },
  })
}

function addChanging(sink: Command, world: World): void {
  leaf<[string], SinkFlags & { readonly to?: string; readonly everything?: boolean }>(sink, world, {
    usage: 'change <name>',
    summary: 'change where a receiver is, what it gets, or how it is trusted',
    example: "holdfast audit sink change siem --type 'session.*' --type 'identity.*'",
    options: [
      new Option('--to <address>', 'where to'),
      ...filterOptions(),
      new Option('--everything', 'no filter any more'),
      new Option('--view <name>', 'the filter of this saved view, as it is now'),
      ...connectionOptions(),
    ],
    async run({ hub, print, world: here }, options, name) {
      const filter = options.everything === true ? {} : filterFrom(options, here.now())
      const body = {
        ...(options.to !== undefined && { address: options.to }),
        ...(filter && { filter }),
        ...(options.view !== undefined && { view: options.view }),
        ...connectionFrom(options),
      }
      if (Object.keys(body).length === 0) throw wrongUse('there is nothing to change; see --help')
      const changed = await hub.sink.change({ path: { name }, body })
      await print.result(changed, [`${name} is changed`])
    },
  })

  for (const [verb, isEnabled, summary, told] of [
    ['pause', false, 'send nothing for now; its place in the log is kept', 'waits from here on'],
    ['resume', true, 'go on where it was paused', 'goes on'],
  ] as const) {
    leaf<[string], object>(sink, world, {
      usage: `${verb} <name>`,
      summary,
      example: `holdfast audit sink ${verb} siem`,
      async run({ hub, print }, _options, name) {
        const changed = await hub.sink.change({ path: { name }, body: { isEnabled } })
        await print.result(changed, [`${name} ${told}`])
      },
    })
  }

  for (const [verb, allowed, summary, told] of [
    ['allow-private', true, "let a receiver have an address of the hub's own network", 'may be in'],
    ['forbid-private', false, "call a receiver no more at addresses of the hub's own network", 'is called no more in'],
  ] as const) {
    leaf<[string], object>(sink, world, {
      usage: `${verb} <name>`,
      summary,
      example: `holdfast audit sink ${verb} siem`,
      async run({ hub, print }, _options, name) {
        const changed = await hub.sink.allowPrivate({ path: { name }, body: { allowed } })
        await print.result(changed, [`${name} (${changed.address}) ${told} the hub's own network`])
      },
    })
  }
}

function addLooking(sink: Command, world: World): void {
  leaf<[], object>(sink, world, {
    usage: 'list',
    summary: 'list the receivers, with what waits for each',
    example: 'holdfast audit sink list',
    async run({ hub, print }) {
      await print.table(
        hub.sink.list.pages(),
        [
          ['NAME', (it) => it.name],
          ['KIND', (it) => it.kind],
          ['STATE', (it) => it.state],
          ['BACKLOG', (it) => it.backlog],
          ['SINCE', (it) => it.backlogSince],
          ['SET ASIDE', (it) => it.setAside],
          ['LAST TAKEN', (it) => it.lastTakenTime],
          ['ADDRESS', (it) => it.address],
          ['REASON', (it) => it.reason],
        ],
        'no receivers: events stay in the log of this hub',
      )
    },
  })

  leaf<[string], object>(sink, world, {
    usage: 'show <name>',
    summary: 'show a receiver, how far it got, and why it gets nothing',
    example: 'holdfast audit sink show siem',
    async run({ hub, print }, _options, name) {
      const it = await hub.sink.show({ path: { name } })
      await print.result(it, [
        `${it.name}: ${it.kind} at ${it.address}`,
        `state: ${it.state}${it.reason === undefined ? '' : `, ${it.reason} (${it.failures} times in a row)`}`,
        `sent so far: entries before ${it.cursor}; waiting: ${it.backlog}${it.backlogSince === undefined ? '' : `, the oldest of ${it.backlogSince}`}`,
        `set aside: ${it.setAside}`,
        `events: ${Object.keys(it.filter).length === 0 ? 'all' : JSON.stringify(it.filter)}${it.view === undefined ? '' : ` (view ${it.view})`}`,
        `trust: ${it.hasAuthorities ? 'its own roots alone' : 'the public roots'}${it.hasClientCertificate ? ', with a client certificate' : ''}`,
        ...(it.headers.length === 0 ? [] : [`headers: ${it.headers.join(', ')}`]),
        ...it.secrets.map(({ createdTime, endsTime }) =>
          endsTime === undefined
            ? `signs with a secret of ${createdTime}`
            : `and until ${endsTime} with one of ${createdTime}`,
        ),
        ...(it.allowPrivate ? ["it may have an address of the hub's own network"] : []),
      ])
    },
  })
}

function addSetAside(sink: Command, world: World): void {
  leaf<[string], object>(sink, world, {
    usage: 'refused <name>',
    summary: 'list what a receiver refused for good and was set aside',
    example: 'holdfast audit sink refused siem',
    async run({ hub, print }, _options, name) {
      await print.table(
        hub.sink.setAside.pages({ path: { name } }),
        [
          ['ENTRIES', (it) => (it.first === it.last ? String(it.first) : `${it.first} to ${it.last}`)],
          ['REFUSED', (it) => it.count],
          ['TIME', (it) => it.time],
          ['REASON', (it) => it.reason],
        ],
        'nothing was refused',
      )
    },
  })

  leaf<[string], object>(sink, world, {
    usage: 'retry <name>',
    summary: 'send again what a receiver refused, the oldest hundred of it',
    example: 'holdfast audit sink retry siem',
    async run({ hub, print }, _options, name) {
      const { taken, left } = await hub.sink.retry({ path: { name }, waitMs: 600_000 })
      await print.result({ name, taken, left }, [`${taken} taken, ${left} left`])
    },
  })

  leaf<[string], object>(sink, world, {
    usage: 'dismiss <name>',
    summary: 'accept that a receiver never gets what it refused so far; the log keeps it',
    example: 'holdfast audit sink dismiss siem',
    async run({ hub, print }, _options, name) {
      const { dismissed } = await hub.sink.dismiss({ path: { name } })
      await print.result({ name, dismissed }, [`${dismissed} entries are given up for ${name}`])
    },
  })
}

function connectionOptions(): readonly Option[] {
  return [
    new Option('--sink-ca <file>', 'roots to trust for it, and no others; without it, the public ones'),
    new Option('--cert <file>', 'certificate as which the hub comes, PEM with its chain'),
    new Option('--cert-key <file>', 'its key, PEM'),
    new Option('--header <name=value>', 'sent with each request; name=@FILE reads the value; again for more').argParser(
      collected,
    ),
  ]
}

function connectionFrom({
  sinkCa,
  cert,
  certKey,
  header,
}: SinkFlags): Pick<ForwardingApi.SinkDraft, 'authorities' | 'client' | 'headers'> {
  if ((cert === undefined) !== (certKey === undefined)) throw wrongUse('--cert and --cert-key go together')
  return {
    ...(sinkCa !== undefined && { authorities: readText(sinkCa) }),
    ...(cert !== undefined &&
      certKey !== undefined && { client: { certificate: readText(cert), key: readText(certKey) } }),
    ...(header && { headers: Object.fromEntries(header.map((text) => readHeader(text))) }),
  }
}

function readHeader(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw wrongUse(`'${text}' is no header; give it as name=value or name=@FILE`)
  const value = text.slice(at + 1)
  return [text.slice(0, at).toLowerCase(), value.startsWith('@') ? readText(value.slice(1)).trim() : value]
}

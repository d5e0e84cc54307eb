/** `holdfast device timeline …`: what a device was, and what had happened to it. */

import type { TimelineApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { leaf, wholeNumber, type World } from '../command.ts'
import { readTime } from '../time.ts'

interface TimelineFlags {
  readonly asOf?: string
  readonly from?: string
  readonly to?: string
  readonly limit?: number
}

export function addDeviceTimeline(device: Command, world: World): void {
  leaf<[string], TimelineFlags>(device, world, {
    usage: 'timeline <id>',
    summary: 'show what a device was at a moment, and what had happened to it until then',
    example: 'holdfast device timeline pump-1 --as-of 2026-11-24T10:00:00Z',
    notes: 'It is read from the audit log alone, also of a device that is gone; its modules are shown with it.',
    options: [
      new Option('--as-of <time>', 'at which moment; now unless told'),
      new Option('--from <time>', 'show what happened from then on'),
      new Option('--to <time>', 'and before then'),
      new Option('--limit <number>', 'the newest so many entries (100)').argParser(wholeNumber(1)),
    ],
    async run({ hub, print, world: here }, { asOf, from, to, limit }, id) {
      const time = (text: string | undefined): string | undefined =>
        text === undefined ? undefined : readTime(text, here.now())
      const query = { asOf: time(asOf), from: time(from), to: time(to), limit }
      const timeline = await hub.timeline.show({ path: { id }, query })
      await print.result(timeline, timelineLines(timeline))
    },
  })
}

function timelineLines({ deviceId, asOf, state, entries, isCut }: TimelineApi.Timeline): readonly string[] {
  const { exists, ...facts } = state
  const told = Object.entries(facts).map(([name, value]) =>
    typeof value === 'object' ? `  ${name}: ${value.value} (since ${value.since})` : `  ${name}: ${String(value)}`,
  )
  return [
    `${deviceId} ${exists ? 'was there' : 'was not there'} at ${asOf}${exists ? ':' : ''}`,
    ...(exists ? told : []),
    ...(isCut ? ['  the log has older entries than were looked at; what only they say is left out'] : []),
    ...entries.map(({ index, time, type, subject, actor, detail, content }) => {
      if (content !== 'body') return `${time}  ${type}  (${content}, entry ${index})`
      const what = Object.entries(detail ?? {}).map(([name, value]) => `${name}=${String(value)}`)
      const whose = subject === `device/${deviceId}` ? '' : ` of ${subject ?? ''}`
      return `${time}  ${type}${whose}  by ${actor ?? ''}${what.length === 0 ? '' : `  ${what.join(' ')}`}  (entry ${index})`
    }),
  ]
}

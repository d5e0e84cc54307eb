/** `holdfast credentials …`: what lapses when. */

import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { readSeconds } from '../time.ts'

const YEAR_SECONDS = 365 * 86_400

export function addCredentials(program: Command, world: World): void {
  const credentials = group(
    program,
    'credentials',
    'what lapses when: certificates of devices, authorities, enrolments and the hub',
    'holdfast credentials calendar --within 30d',
  )

  leaf<[], { readonly within: number }>(credentials, world, {
    usage: 'calendar',
    summary: 'list what has lapsed and what will, soonest first',
    example: 'holdfast credentials calendar --within 30d',
    options: [
      new Option('--within <time>', 'how far ahead to look, for example 30d (default: 365d)')
        .argParser(readSeconds)
        .default(YEAR_SECONDS, '365d'),
    ],
    async run({ hub, print }, { within }) {
      const to = new Date(world.now() + within * 1_000).toISOString()
      await print.table(
        hub.calendar.list.pages({ query: { to } }),
        [
          ['LAPSES', (it) => it.at],
          ['STATE', (it) => it.state],
          ['OF', (it) => it.subject],
          ['KIND', (it) => it.kind],
          ['RENEWED FROM', (it) => it.renewal ?? 'by hand'],
        ],
        'nothing lapses within that time',
      )
    },
  })
}

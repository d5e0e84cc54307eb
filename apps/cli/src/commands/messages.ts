/** `holdfast messages read`: what devices said, as it is kept. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

import { readTime } from '../time.ts'

interface ReadOptions {
  readonly device?: string
  readonly partition?: number
  readonly from?: string
  readonly to?: string
  readonly follow?: boolean
  readonly limit?: number
}

export function addMessages(program: Command, world: World): void {
  const messages = group(program, 'messages', 'telemetry that is kept: read, follow', 'holdfast messages read --follow')

  leaf<[], ReadOptions>(messages, world, {
    usage: 'read',
    summary: 'read messages in the order they were kept, oldest first',
    example: 'holdfast messages read --device pump-1 --from 10m --follow',
    notes: 'Times: 2026-11-24T10:00:00Z (UTC where no zone is given), or how long ago: 30s, 10m, 2h, 1d.',
    options: [
      new Option('--device <id>', 'of one device only'),
      new Option('--partition <n>', 'of one partition only').argParser(wholeNumber(0)),
      new Option('--from <time>', 'kept at or after (default: the oldest kept; with --follow: now)'),
      new Option('--to <time>', 'kept before'),
      new Option('--limit <n>', 'at most so many').argParser(wholeNumber(1)),
      new Option('--follow', 'go on with what comes, until interrupted'),
    ],
    async run({ hub, print }, options) {
      const { device, partition, from, to, follow, limit } = options
      if (follow === true && to !== undefined) throw wrongUse('--follow has no end, so --to does not go with it')
      const query = {
        device,
        partition,
        from: from === undefined ? undefined : readTime(from, world.now()),
        to: to === undefined ? undefined : readTime(to, world.now()),
        limit,
        follow,
      }
      let left = limit ?? Number.POSITIVE_INFINITY
      for await (const message of hub.message.read({ query })) {
        await print.item(message, () => messageLine(message))
        left -= 1
        if (left <= 0) return
      }
    },
  })
}

/** `2026-11-24T10:00:00.000Z 2#41 pump-1 {"t":21.5} [unit=C]` */
export function messageLine(message: Api.Message): string {
  const who = message.moduleId === undefined ? message.deviceId : `${message.deviceId}/${message.moduleId}`
  const properties = Object.entries(message.properties).map(([name, value]) =>
    value === null ? name : `${name}=${value}`,
  )
  const body = message.bodyEncoding === 'base64' ? `base64:${message.body}` : message.body
  return [
    message.enqueuedTime,
    `${message.partition}#${message.sequenceNumber}`,
    who,
    body,
    ...(properties.length === 0 ? [] : [`[${properties.join(' ')}]`]),
  ].join(' ')
}

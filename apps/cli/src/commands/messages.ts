/** `holdfast messages read`: what devices said, as it is kept. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import { bytesText } from '../printer.ts'

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

  leaf<[], object>(messages, world, {
    usage: 'verify',
    summary: 'compare what is stored, page by page, with the digests in the audit log',
    example: 'holdfast messages verify',
    notes:
      'Exits 1 where something was altered, added, lost or cut, and names it. Whether the audit log itself holds, holdfast audit verify says.',
    async run({ hub, print }) {
      const verified = await hub.telemetry.verify({ waitMs: VERIFY_MS_MAX })
      const { segments, pages, bytes, pending, findings } = verified
      const [first] = findings
      await print.result(verified, [
        ...findings.map(
          ({ kind, partition, firstSequence, lastSequence, detail }) =>
            `${kind}: partition ${partition}, sequence ${firstSequence} to ${lastSequence}: ${detail}`,
        ),
        `${segments} segments with ${pages} pages (${bytesText(bytes)}) were read; ${pending} of them wait to be in the audit log`,
      ])
      if (first === undefined) return
      throw new Failure(
        `stored telemetry is not what the audit log says, first at partition ${first.partition}, sequence ${first.firstSequence}: ${first.detail}`,
        { code: 'does-not-hold' },
      )
    },
  })
}

/** How long reading all that is stored may take; milliseconds. */
const VERIFY_MS_MAX = 6 * 3_600_000

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

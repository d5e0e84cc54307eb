/** `holdfast device send` and `holdfast device purge`: messages that wait for a device until it takes them. */

import { readFileSync } from 'node:fs'
import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { leaf, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'

import { readSeconds } from '../time.ts'

/** A message's bytes, properties included; the hub counts exactly. */
const BODY_BYTES_MAX = 65_536

interface SendOptions {
  readonly body?: string
  readonly file?: string
  readonly property?: readonly string[]
  readonly id?: string
  readonly contentType?: string
  readonly ack?: 'none' | 'positive' | 'negative' | 'full'
  readonly expiry?: number
  readonly module?: string
}

export function addSend(device: Command, world: World): void {
  leaf<[string], SendOptions>(device, world, {
    usage: 'send <id>',
    summary: 'send a message to a device; it waits until the device takes it, or its time is over',
    example: `holdfast device send pump-1 --body '{"valve":"open"}' --property priority=high --expiry 10m`,
    options: [
      new Option('--body <text>', 'the body, as UTF-8 text (default: empty)'),
      new Option('--file <file>', 'the body from a file, byte by byte').conflicts('body'),
      new Option('--property <name=value>', 'a property; may be given again').argParser(collect),
      new Option('--id <text>', 'a message id, up to 128 characters'),
      new Option('--content-type <type>', 'such as application/json'),
      new Option('--ack <which>', 'which ends of the message feedback is written for')
        .choices(['none', 'positive', 'negative', 'full'])
        .default('none'),
      new Option('--expiry <time>', 'how long it may wait, 1m to 48h (default: 1h)').argParser(readSeconds),
      new Option('--module <id>', 'a module of the device'),
    ],
    async run({ hub, print }, options, id) {
      const { contentType, ack, expiry, property = [] } = options
      const { module } = options
      const body: Api.MessageToDevice = {
        ...bodyOf(options),
        ...(property.length > 0 && { properties: propertiesOf(property) }),
        ...(options.id !== undefined && { messageId: options.id }),
        ...(contentType !== undefined && { contentType }),
        ...(ack !== undefined && { ack }),
        ...(expiry !== undefined && { lifeSeconds: expiry }),
      }
      const sent =
        module === undefined
          ? await hub.command.send({ path: { id }, body })
          : await hub.command.sendToModule({ path: { id, module }, body })
      await print.result(sent, [`message ${sent.sequenceNumber} waits for ${id} until ${sent.expiryTime}`])
    },
  })

  leaf<[string], { readonly module?: string }>(device, world, {
    usage: 'purge <id>',
    summary: 'end all messages that wait for a device',
    example: 'holdfast device purge pump-1',
    options: [new Option('--module <id>', 'a module of the device')],
    async run({ hub, print }, { module }, id) {
      const purged =
        module === undefined
          ? await hub.command.purge({ path: { id } })
          : await hub.command.purgeOfModule({ path: { id, module } })
      const { messages } = purged
      await print.result(purged, [`${messages} ${messages === 1 ? 'message' : 'messages'} to ${id} ended`])
    },
  })
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

function bodyOf({ body, file }: SendOptions): Pick<Api.MessageToDevice, 'body' | 'bodyEncoding'> {
  if (file === undefined) return body === undefined ? {} : { body }
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'unreadable',
      cause: error,
    })
  }
  if (bytes.length > BODY_BYTES_MAX) throw wrongUse(`${file} has more than the ${BODY_BYTES_MAX} bytes of a message`)
  return { body: bytes.toString('base64'), bodyEncoding: 'base64' }
}

function propertiesOf(texts: readonly string[]): Record<string, string> {
  const properties = new Map<string, string>()
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at < 1) throw wrongUse(`a property is given as name=value, not '${text.slice(0, 40)}'`)
    const name = text.slice(0, at)
    if (properties.has(name)) throw wrongUse(`the property ${name} is given twice`)
    properties.set(name, text.slice(at + 1))
  }
  return Object.fromEntries(properties)
}

/** `holdfast device invoke`: calls a direct method of a device or module, and prints what it answered. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

import { readSeconds } from '../time.ts'

interface InvokeOptions {
  readonly payload?: string
  readonly timeout: number
  readonly connect: number
  readonly module?: string
}

export function addInvoke(device: Command, world: World): void {
  leaf<[string, string], InvokeOptions>(device, world, {
    usage: 'invoke <id> <method>',
    summary: 'call a direct method of a connected device or module, and print its answer',
    example: `holdfast device invoke pump-1 setSpeed --payload '{"rpm":1200}'`,
    options: [
      new Option('--payload <json>', 'what the method is given (default null)'),
      new Option('--timeout <time>', 'how long the device may take to answer, 5s to 5m')
        .default(30, '30s')
        .argParser(readSeconds),
      new Option('--connect <time>', 'how long to wait for a device that is not there, at most 5m')
        .default(0, '0s')
        .argParser(readSeconds),
      new Option('--module <id>', 'a module of the device'),
    ],
    notes: 'What the device answers is its status, a number of its own, and any JSON.',
    async run({ hub, print }, { payload, timeout, connect, module }, id, method) {
      const body: Api.MethodCall = {
        name: method,
        ...(payload !== undefined && { payload: parse(payload) }),
        responseTimeoutSeconds: timeout,
        connectTimeoutSeconds: connect,
      }
      const waitMs = (timeout + connect) * 1000
      const answer =
        module === undefined
          ? await hub.command.invoke({ path: { id }, body, waitMs })
          : await hub.command.invokeOfModule({ path: { id, module }, body, waitMs })
      await print.result(answer, [`status   ${answer.status}`, `payload  ${JSON.stringify(answer.payload)}`])
    },
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrongUse(`--payload is no JSON; a text needs quotes of its own: --payload '"${text.slice(0, 20)}"'`)
  }
}

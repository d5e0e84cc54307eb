/** `holdfast policy …`: shared access policies, which services and operators elsewhere sign their tokens with. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { closedSessions } from '../printer.ts'
import { readSeconds } from '../time.ts'
import { keyOption } from './device.ts'
import { makeToken, minutesOption, type TokenOptions } from './token.ts'

export function addPolicy(program: Command, world: World): void {
  const policy = group(
    program,
    'policy',
    'service policies: list, connection strings, keys',
    'holdfast policy connection-string service',
  )

  leaf<[], object>(policy, world, {
    usage: 'list',
    summary: 'list the policies and their rights',
    example: 'holdfast policy list',
    async run({ hub, print }) {
      await print.table(
        hub.policy.list.pages(),
        [
          ['POLICY', (it) => it.name],
          ['CURRENT', (it) => it.current],
          ['PRIMARY', (it) => keyText(it.keys[0])],
          ['SECONDARY', (it) => keyText(it.keys[1])],
          // The longest is last, so that the others stand under their titles on a narrow terminal.
          ['RIGHTS', (it) => it.rights.join(', ')],
        ],
        'no policies',
      )
    },
  })

  leaf<[string], { readonly eventHub?: boolean }>(policy, world, {
    usage: 'connection-string <name>',
    summary: 'print the connection string of a policy; it holds the key',
    example: 'holdfast policy connection-string service --event-hub',
    notes: 'Policies: iothubowner service device registryRead registryReadWrite; provisioningserviceowner.',
    options: [new Option('--event-hub', 'the Event Hubs-compatible form')],
    async run({ hub, print }, { eventHub }, name) {
      const found = await hub.policy.connectionString({ path: { name }, query: { eventHub } })
      await print.result(found, [found.connectionString])
    },
  })

  leaf<[string], TokenOptions>(policy, world, {
    usage: 'token <name>',
    summary: 'print a token of a policy, for --token or an Authorization header; it is a secret',
    example: 'holdfast policy token registryRead --minutes 10',
    options: [minutesOption()],
    async run({ hub, print }, { minutes }, name) {
      const found = await hub.policy.connectionString({ path: { name } })
      const token = makeToken(found.connectionString, minutes, world.now())
      await print.result(token, [token.token])
    },
  })

  leaf<[string], { readonly overlap?: number; readonly evenIfUsed?: true }>(policy, world, {
    usage: 'rotate <name>',
    summary: 'make a new key current; the former works on while services move',
    example: 'holdfast policy rotate service --overlap 24h',
    notes:
      "Then give services 'holdfast policy connection-string NAME', and see in 'policy list' who uses the former still.",
    options: [
      new Option('--overlap <time>', 'how long the former works on; 24h unless told, 30d at most').argParser(
        readSeconds,
      ),
      new Option('--even-if-used', 'replace the other key although somebody used it in the last 30 days'),
    ],
    async run({ hub, print }, { overlap, evenIfUsed }, name) {
      const body = {
        ...(overlap !== undefined && { overlapMinutes: Math.ceil(overlap / 60) }),
        ...(evenIfUsed === true && { evenIfUsed }),
      }
      const rotated = await hub.policy.rotate({ path: { name }, body })
      const former = rotated.policy.keys.find(({ slot }) => slot !== rotated.policy.current)
      await print.result(rotated, [
        `the ${rotated.policy.current} key of policy ${name} is new and current; the ${former?.slot ?? 'former'} key works until ${former?.retires ?? 'now'}`,
      ])
    },
  })

  leaf<[string], object>(policy, world, {
    usage: 'retire <name>',
    summary: 'end the former key of a rotation now, and close the sessions that rest on it',
    example: 'holdfast policy retire service',
    async run({ hub, print }, _options, name) {
      const retired = await hub.policy.retire({ path: { name } })
      await print.result(retired, [`the former key of policy ${name} opens nothing any more; ${closedText(retired)}`])
    },
  })

  leaf<[string], { readonly key: 'primary' | 'secondary' }>(policy, world, {
    usage: 'regenerate-key <name>',
    summary: 'replace one key of a policy, and close the sessions that rest on it',
    example: 'holdfast policy regenerate-key service --key secondary',
    options: [keyOption()],
    async run({ hub, print }, { key }, name) {
      const changed = await hub.policy.regenerateKey({ path: { name }, body: { key } })
      await print.result(changed, [`the ${key} key of policy ${name} is new; ${closedSessions(changed)}`])
    },
  })
}

function keyText(key: Api.Policy['keys'][number] | undefined): string {
  if (key === undefined) return '-'
  const used = key.lastUsed === undefined ? 'not used' : `used ${key.lastUsed}`
  const ends = key.retires === undefined ? '' : `, ends ${key.retires}`
  return `of ${key.since.slice(0, 10)}, ${used}${ends}`
}

function closedText({ sessionsClosed }: { readonly sessionsClosed: number }): string {
  return `${sessionsClosed} ${sessionsClosed === 1 ? 'session' : 'sessions'} closed`
}

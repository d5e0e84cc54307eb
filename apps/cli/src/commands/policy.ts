/** `holdfast policy …`: shared access policies, which services and operators elsewhere sign their tokens with. */

import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { closedSessions } from '../printer.ts'
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

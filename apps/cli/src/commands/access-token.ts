/** `holdfast token …`: tokens by which machines use the API. */

import type { TokenApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { collected, group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'
import { readSeconds } from '../time.ts'
import { ORGANISATION } from './organisation.ts'

interface Whose {
  readonly organisation: string
}

interface CreateOptions extends Whose {
  readonly role?: string
  readonly action?: readonly string[]
  readonly on?: string
  readonly expires?: number
  readonly canary?: true
}

const MINUTE_SECONDS = 60

export function addAccessToken(program: Command, world: World): void {
  const token = group(
    program,
    'token',
    'tokens of machines, and canaries: create, list, show, rotate, retire, revoke',
    'holdfast token create nightly --role auditor',
  )

  leaf<[string], CreateOptions>(token, world, {
    usage: 'create <name>',
    summary: 'make a token and print it; it is shown this once',
    example: 'holdfast token create nightly --action device:read --on site/home/plant-1 --expires 30d',
    notes:
      'A token may do what its role or its actions say, at the node and below it, and never more than whoever made it may do at that moment. --canary makes one that opens nothing: put it where nobody should look.',
    options: [
      ORGANISATION,
      new Option('--role <role>', 'what it may do, by a role'),
      new Option('--action <action>', 'what it may do, one by one').argParser(collected),
      new Option('--on <node>', 'where: organisation/…, site/…, fleet/… or device/…; the organisation unless told'),
      new Option('--expires <time>', 'how long it lasts, e.g. 8h or 30d; 24h unless told, 90d at most').argParser(
        readSeconds,
      ),
      new Option('--canary', 'opens nothing, and tells of whoever uses it'),
    ],
    async run({ hub, print }, { organisation, role, action, on, expires, canary }, name) {
      const made = await hub.token.create({
        path: { organisation },
        body: {
          name,
          scope: canary === true ? [] : [grantOf({ role, action, on: on ?? `organisation/${organisation}` })],
          ...(canary === true && { isCanary: true }),
          ...(expires !== undefined && { lifeMinutes: minutes(expires) }),
        },
      })
      await print.result(made, [made.text])
    },
  })

  leaf<[], Whose>(token, world, {
    usage: 'list',
    summary: 'list the tokens of an organisation, and who uses them',
    example: 'holdfast token list',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }) {
      await print.table(
        hub.token.list.pages({ path: { organisation } }),
        [
          ['TOKEN', (it) => it.name],
          ['STATE', (it) => (it.isUnused ? `${it.state}, unused` : it.state)],
          ['EXPIRES', (it) => it.expires ?? '-'],
          ['LAST USED', (it) => lastUse(it)],
          ['MAKER', (it) => it.maker],
          ['SCOPE', (it) => it.scope.map(scopeText).join('; ') || '-'],
        ],
        'there are no tokens',
      )
    },
  })

  leaf<[string], Whose>(token, world, {
    usage: 'show <name>',
    summary: 'show a token, without its text',
    example: 'holdfast token show nightly',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }, name) {
      const shown = await hub.token.show({ path: { organisation, name } })
      await print.result(shown, [
        `${shown.name} (token/${shown.id}): ${shown.state}${shown.expires === undefined ? '' : `, until ${shown.expires}`}`,
        ...shown.scope.map((grant) => `may: ${scopeText(grant)}`),
        `made by ${shown.maker}, ${shown.createdTime}`,
        `last used: ${lastUse(shown)}`,
      ])
    },
  })

  leaf<[string], Whose & { readonly overlap?: number }>(token, world, {
    usage: 'rotate <name>',
    summary: 'make a new text for a token and print it; the former works on until the new one is seen',
    example: 'holdfast token rotate nightly --overlap 1h',
    options: [
      ORGANISATION,
      new Option('--overlap <time>', 'how long the former works on at most; 1h unless told, 7d at most').argParser(
        readSeconds,
      ),
    ],
    async run({ hub, print }, { organisation, overlap }, name) {
      const body = overlap === undefined ? {} : { overlapMinutes: minutes(overlap) }
      const made = await hub.token.rotate({ path: { organisation, name }, body })
      await print.result(made, [made.text])
    },
  })

  leaf<[string], Whose>(token, world, {
    usage: 'retire <name>',
    summary: 'end the former text of a rotation now',
    example: 'holdfast token retire nightly',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }, name) {
      const shown = await hub.token.retire({ path: { organisation, name } })
      await print.result(shown, [`the former text of ${name} opens nothing any more`])
    },
  })

  leaf<[string], Whose>(token, world, {
    usage: 'revoke <name>',
    summary: 'revoke a token at once; streams that it opened end',
    example: 'holdfast token revoke nightly',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }, name) {
      await hub.token.revoke({ path: { organisation, name } })
      await print.result({ organisation, name, revoked: true }, [`the token ${name} is revoked`])
    },
  })
}

function grantOf({
  role,
  action,
  on,
}: {
  role?: string | undefined
  action?: readonly string[] | undefined
  on: string
}) {
  if (role !== undefined && action === undefined) return { role, on }
  if (action !== undefined && role === undefined) return { actions: [...action], on }
  throw wrongUse('say what the token may do: --role ROLE, or --action ACTION once or more, and not both')
}

/** Up, so that nothing asked for is cut to less; 0 stays 0. */
function minutes(seconds: number): number {
  return Math.ceil(seconds / MINUTE_SECONDS)
}

function lastUse({ lastUsed }: Pick<TokenApi.Token, 'lastUsed'>): string {
  return lastUsed === undefined ? 'never' : `${lastUsed.day} from ${lastUsed.address}`
}

function scopeText({ role, actions, on }: TokenApi.TokenGrant): string {
  return `${role ?? actions?.join(' ') ?? ''} on ${on}`
}

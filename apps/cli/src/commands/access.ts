/** `holdfast access …`: who has which role where, why somebody may do something, and what nobody uses. */

import type { AccessApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

import { ORGANISATION } from './organisation.ts'

interface Whose {
  readonly organisation: string
}

const WHO = new Option('--who <name>', 'operator/NAME or token/ID').makeOptionMandatory()
const ON = new Option(
  '--on <what>',
  'organisation/NAME, site/ORGANISATION/NAME, fleet/ORGANISATION/SITE/NAME, or a device',
)

export function addAccess(program: Command, world: World): void {
  const access = group(
    program,
    'access',
    'who may do what, and why: list, grant, revoke, explain, unused',
    'holdfast access explain --who operator/anna --action device:command --on pump-1',
  )

  leaf<[], Whose & { readonly who?: string }>(access, world, {
    usage: 'list',
    summary: 'list who has which role where',
    example: 'holdfast access list --who operator/anna',
    options: [ORGANISATION, new Option('--who <name>', 'of operator/NAME or token/ID alone')],
    async run({ hub, print }, { organisation, who }) {
      await print.table(
        hub.assignment.list.pages({ path: { organisation }, query: { who } }),
        [
          ['WHO', (it) => it.who],
          ['ROLE', (it) => it.role],
          ['ON', (it) => it.on],
          ['SINCE', (it) => it.createdTime],
          ['BY', (it) => it.createdBy],
        ],
        "nobody has a role here; give one with 'holdfast access grant'",
      )
    },
  })

  leaf<[string], Whose & { readonly who: string; readonly on?: string }>(access, world, {
    usage: 'grant <role>',
    summary: 'give somebody a role, for the organisation unless --on says less',
    example: 'holdfast access grant operator --who operator/anna --on site/home/plant-1',
    options: [ORGANISATION, WHO, ON],
    async run({ hub, print }, { organisation, who, on }, role) {
      const body = { who, role, on: nodeText(on ?? `organisation/${organisation}`) }
      const given = await hub.assignment.add({ path: { organisation }, body })
      await print.result(given, [`${given.who} has the role ${given.role} on ${given.on}`])
    },
  })

  leaf<[string], Whose & { readonly who: string; readonly on?: string }>(access, world, {
    usage: 'revoke <role>',
    summary: 'take a role from somebody; it ends with their next request',
    example: 'holdfast access revoke operator --who operator/anna --on site/home/plant-1',
    options: [ORGANISATION, WHO, ON],
    async run({ hub, print }, { organisation, who, on }, role) {
      const body = { who, role, on: nodeText(on ?? `organisation/${organisation}`) }
      await hub.assignment.remove({ path: { organisation }, body })
      await print.result({ ...body, revoked: true }, [`${who} has the role ${role} on ${body.on} no longer`])
    },
  })

  leaf<[], Whose & ExplainOptions>(access, world, {
    usage: 'explain',
    summary: 'say why somebody may do something, or what is missing',
    example: 'holdfast access explain --who operator/anna --action device:command --on pump-1',
    notes: 'Asked as if they were present and came from a good workstation, unless the options say otherwise.',
    options: [
      ORGANISATION,
      WHO,
      new Option('--action <action>', 'e.g. device:command').makeOptionMandatory(),
      new Option('--on <what>', 'as for grant, or hub').makeOptionMandatory(),
      new Option('--absent', 'as if they had not proved to be there'),
      new Option('--read-only', 'as if their workstation were not known to be safe'),
    ],
    async run({ hub, print }, { organisation, who, action, on, absent, readOnly }) {
      const body = {
        who,
        action,
        on: on === 'hub' ? on : nodeText(on),
        ...(absent === true ? { isPresent: false } : {}),
        ...(readOnly === true ? { isReadOnly: true } : {}),
      }
      const found = await hub.access.explain({ path: { organisation }, body })
      await print.result(found, explanationLines(body, found))
    },
  })

  leaf<[], Whose & { readonly days?: number }>(access, world, {
    usage: 'unused',
    summary: 'list what was given and was not used, and could be taken back',
    example: 'holdfast access unused --days 90',
    options: [ORGANISATION, new Option('--days <number>', 'for so long (90)').argParser(wholeNumber(1))],
    async run({ hub, print }, { organisation, days }) {
      await print.table(
        hub.access.unused.pages({ path: { organisation }, query: { days } }),
        [
          ['WHO', (it) => it.who],
          ['ROLE', (it) => it.role],
          ['ON', (it) => it.on],
          ['UNUSED', (it) => `${it.unused.length} of ${it.granted}`],
          ['ACTIONS', (it) => it.unused.join(' ')],
        ],
        'all that was given is used',
      )
    },
  })
}

interface ExplainOptions {
  readonly who: string
  readonly action: string
  readonly on: string
  readonly absent?: boolean
  readonly readOnly?: boolean
}

/** A device may be named by its id alone. @throws Failure (wrong use) for nothing. */
function nodeText(text: string): string {
  if (text === '') throw wrongUse('--on needs a name')
  return /^(?:organisation|site|fleet|device)\//.test(text) ? text : `device/${text}`
}

const WHY: Readonly<Record<NonNullable<AccessApi.Explanation['why']>, string>> = {
  'other-organisation': 'it belongs to another organisation, which no role reaches',
  'read-only': 'from there they may read, and nothing else',
  'not-granted': 'no role that they have there allows it',
  forbidden: 'a policy forbids it',
  fault: 'the policies could not be evaluated; the log of the hub says why',
}

function explanationLines(
  { who, action, on }: { readonly who: string; readonly action: string; readonly on: string },
  { isAllowed, why, roles, policies, rolesThatWould }: AccessApi.Explanation,
): readonly string[] {
  return [
    `${who} ${isAllowed ? 'may' : 'may not'} do ${action} on ${on}${why === undefined ? '' : `: ${WHY[why]}`}`,
    `roles there: ${roles.length === 0 ? 'none' : roles.join(' ')}`,
    ...policies.flatMap(({ id, text }) => [
      `${isAllowed ? 'allowed' : 'decided'} by ${id}`,
      ...(text === undefined ? [] : text.split('\n').map((line) => `  ${line}`)),
    ]),
    ...(rolesThatWould.length === 0 ? [] : [`roles that would allow it: ${rolesThatWould.join(' ')}`]),
  ]
}

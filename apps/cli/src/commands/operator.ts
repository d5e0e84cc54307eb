/** `holdfast operator …`: people, their links, passkeys and recoveries. */

import type { PeopleApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { collected, group, leaf, type Session, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'

const YES = new Option('--yes', 'do not ask')

export function addOperator(program: Command, world: World): void {
  const operator = group(
    program,
    'operator',
    'people who run the hub: link, invite, list, suspend, resume, remove, passkeys, recover',
    'holdfast operator invite alice --role operator',
  )
  addLinks(operator, world)
  addRoll(operator, world)
  addPasskeys(operator, world)
  addRecoveries(operator, world)
}

function addLinks(operator: Command, world: World): void {
  leaf<[], object>(operator, world, {
    usage: 'link',
    summary:
      'make the one-time link that enrols the first operator; on the machine of the hub, while nobody can sign in',
    example: 'holdfast operator link',
    notes:
      'Whoever opens the link first becomes the administrator. It counts for a day; links made before no longer do.',
    async run({ hub, print }) {
      const made = await hub.operator.firstLink()
      await print.result(made, [made.link, `opens once, until ${made.expires}`])
    },
  })

  leaf<[string], { readonly role?: readonly string[]; readonly organisation?: string }>(operator, world, {
    usage: 'invite <name>',
    summary: 'make a one-time link with which somebody enrols a passkey',
    example: 'holdfast operator invite alice --role operator',
    options: [
      new Option('--role <name>', 'a role they are to have; repeatable').argParser(collected),
      new Option('--organisation <name>', 'where they belong, if not where you do'),
    ],
    notes: 'Give the link to that person alone, by a way that you trust.',
    async run({ hub, print }, { role, organisation }, name) {
      const body = {
        name,
        ...(role !== undefined && { roles: [...role] }),
        ...(organisation !== undefined && { organisation }),
      }
      const made = await hub.operator.invite({ body })
      await print.result(made, [made.link, `for ${name}; opens once, until ${made.expires}`])
    },
  })
}

function addRoll(operator: Command, world: World): void {
  leaf<[], object>(operator, world, {
    usage: 'list',
    summary: 'list operators',
    example: 'holdfast operator list',
    async run({ hub, print }) {
      await print.table(
        hub.operator.list.pages(),
        [
          ['NAME', (it) => it.name],
          ['ORGANISATION', (it) => it.organisation],
          ['STATE', (it) => it.state],
          ['PASSKEYS', (it) => it.passkeys],
          ['SESSIONS', (it) => it.sessions],
          ['SINCE', (it) => it.createdTime],
          ['INVITED BY', (it) => it.invitedBy],
        ],
        "nobody is enrolled yet; 'holdfast operator link' makes a link for the first",
      )
    },
  })

  leaf<[string], object>(operator, world, {
    usage: 'show <name>',
    summary: 'show an operator',
    example: 'holdfast operator show alice',
    async run({ hub, print }, _options, name) {
      const shown = await hub.operator.show({ path: { name } })
      await print.result(shown, [
        `${shown.name}: ${shown.state}, ${shown.passkeys} passkeys, ${shown.sessions} sessions`,
      ])
    },
  })

  for (const [verb, state, summary] of [
    ['suspend', 'suspended', 'end the sessions of an operator and let them open none'],
    ['resume', 'active', 'let a suspended operator come again; vouch for one whom another has let in'],
  ] as const) {
    leaf<[string], object>(operator, world, {
      usage: `${verb} <name>`,
      summary,
      example: `holdfast operator ${verb} alice`,
      async run({ hub, print }, _options, name) {
        const changed = await hub.operator.change({ path: { name }, body: { state } })
        await print.result(changed, [`${name} is ${changed.state}`])
      },
    })
  }

  leaf<[string], { readonly yes?: boolean }>(operator, world, {
    usage: 'remove <name>',
    summary: 'remove an operator with passkeys, sessions and workstations; the name is never given again',
    example: 'holdfast operator remove alice --yes',
    options: [YES],
    async run(session, { yes }, name) {
      await demandYes(session, yes, `Remove the operator ${name}? The name is never given again.`)
      await session.hub.operator.remove({ path: { name } })
      await session.print.result({ name }, [`${name} is removed`])
    },
  })
}

function addPasskeys(operator: Command, world: World): void {
  leaf<[string], object>(operator, world, {
    usage: 'passkeys <name>',
    summary: 'list the passkeys of an operator',
    example: 'holdfast operator passkeys alice',
    async run({ hub, print }, _options, name) {
      await print.table(
        hub.operator.passkeys.pages({ path: { name } }),
        [
          ['NAME', (it) => it.name],
          ['MADE', (it) => it.createdTime],
          ['LAST USED', (it) => it.lastUsedTime],
          ['CAN BE COPIED', (it) => (it.backupEligible ? 'yes' : 'no')],
          ['STATE', (it) => (it.suspected ? 'perhaps copied' : 'good')],
          ['AAGUID', (it) => it.aaguid],
          ['ID', (it) => it.id],
        ],
        'no passkeys',
      )
    },
  })

  leaf<[string, string], object>(operator, world, {
    usage: 'remove-passkey <name> <id>',
    summary: 'remove a passkey, never the last; sessions that it opened end',
    example: 'holdfast operator remove-passkey alice AbCdEf',
    async run({ hub, print }, _options, name, id) {
      await hub.operator.removePasskey({ path: { name, passkey: id } })
      await print.result({ name, id }, [`the passkey of ${name} is removed`])
    },
  })

  leaf<[], PolicyOptions>(operator, world, {
    usage: 'passkey-policy',
    summary: 'show which authenticators may be enrolled, or say so for those to come',
    example: 'holdfast operator passkey-policy --device-bound',
    options: [
      new Option('--device-bound', 'only passkeys that never leave their device').conflicts('copyable'),
      new Option('--copyable', 'passkeys that their makers copy between devices, too'),
      new Option('--aaguid <uuid>', 'only this model of authenticator; repeatable').argParser(collected),
      new Option('--any-model', 'every model of authenticator').conflicts('aaguid'),
      new Option('--root <file>', 'PEM; authenticators have to prove what they are; repeatable').argParser(collected),
      new Option('--no-proof', 'authenticators need not prove what they are').conflicts('root'),
    ],
    async run({ hub, print }, options) {
      const before = await hub.operator.passkeyPolicy()
      const wished = changed(before, options)
      const policy = wished === undefined ? before : await hub.operator.setPasskeyPolicy({ body: wished })
      await print.result(policy, [
        policy.backupEligible === 'allowed' ? 'passkeys may be copyable' : 'passkeys never leave their device',
        policy.aaguids.length === 0 ? 'of any model' : `of the models ${policy.aaguids.join(', ')}`,
        policy.attestationRoots.length === 0
          ? 'no authenticator has to prove what it is'
          : `attested under ${policy.attestationRoots.length} roots`,
      ])
    },
  })
}

interface PolicyOptions {
  readonly deviceBound?: boolean
  readonly copyable?: boolean
  readonly aaguid?: readonly string[]
  readonly anyModel?: boolean
  readonly root?: readonly string[]
  readonly proof?: boolean
}

function changed(before: PeopleApi.PasskeyPolicy, options: PolicyOptions): PeopleApi.PasskeyPolicy | undefined {
  const { deviceBound, copyable, aaguid, anyModel, root, proof } = options
  const isChange =
    deviceBound ?? copyable ?? anyModel ?? (proof === false || aaguid !== undefined || root !== undefined)
  if (isChange !== true) return undefined
  return {
    backupEligible: deviceBound === true ? 'refused' : copyable === true ? 'allowed' : before.backupEligible,
    aaguids: anyModel === true ? [] : aaguid === undefined ? before.aaguids : [...aaguid],
    attestationRoots: proof === false ? [] : root === undefined ? before.attestationRoots : root.map(readText),
  }
}

function addRecoveries(operator: Command, world: World): void {
  leaf<[string], { readonly reason?: string }>(operator, world, {
    usage: 'recover <name>',
    summary: 'a new link for somebody who has lost their passkeys: two other operators approve',
    example: 'holdfast operator recover alice --reason "laptop stolen" --url https://hub.example',
    options: [new Option('--reason <text>', 'why, for those who approve')],
    notes:
      'The first to approve gets a code, the second a link; alice needs both. On the machine of the hub, without --url, the\n' +
      'link is made at once, but only while there are fewer than two others.',
    async run({ hub, print }, { reason }, name) {
      if (hub.address.kind === 'local') {
        const made = await hub.recovery.byMachine({ body: { operator: name } })
        await print.result(made, [made.link, `for ${name}; opens once, until ${made.expires}`])
        return
      }
      if (reason === undefined) throw wrongUse('those who approve want to know why: give --reason')
      const asked = await hub.recovery.ask({ body: { operator: name, reason } })
      await print.result(asked, [`recovery ${asked.id} of ${name} waits for two operators, until ${asked.expires}`])
    },
  })

  leaf<[], object>(operator, world, {
    usage: 'recoveries',
    summary: 'list recoveries that wait to be approved',
    example: 'holdfast operator recoveries',
    async run({ hub, print }) {
      await print.table(
        hub.recovery.list.pages(),
        [
          ['ID', (it) => it.id],
          ['OPERATOR', (it) => it.operator],
          ['ASKED BY', (it) => it.askedBy],
          ['APPROVED BY', (it) => it.approvedBy.join(' ')],
          ['UNTIL', (it) => it.expires],
          ['REASON', (it) => it.reason],
        ],
        'no recovery waits',
      )
    },
  })

  leaf<[string], object>(operator, world, {
    usage: 'approve <id>',
    summary: 'approve a recovery, after having made sure who asks; needs a fresh step-up',
    example: 'holdfast operator approve AbCdEf --url https://hub.example',
    async run({ hub, print }, _options, id) {
      const approval = await hub.recovery.approve({ path: { recovery: id } })
      const lines =
        approval.code === undefined
          ? [approval.link ?? '', 'give it to the person alone; it asks for the code that the other operator has']
          : [approval.code, 'give this code to the person alone; the second to approve gets the link']
      await print.result(approval, lines)
    },
  })

  leaf<[string], object>(operator, world, {
    usage: 'withdraw <id>',
    summary: 'withdraw a recovery',
    example: 'holdfast operator withdraw AbCdEf --url https://hub.example',
    async run({ hub, print }, _options, id) {
      await hub.recovery.withdraw({ path: { recovery: id } })
      await print.result({ id }, [`recovery ${id} is withdrawn`])
    },
  })
}

async function demandYes({ world }: Session, yes: boolean | undefined, question: string): Promise<void> {
  if (yes === true) return
  const answer = await world.confirm(question)
  if (answer === undefined) throw wrongUse('this cannot be undone; say so with --yes where nobody can be asked')
  if (!answer) throw new Failure('nothing was done, as answered', { code: 'declined' })
}

/** `holdfast workstation …`: the machine that an operator works at, and what it says of itself. */

import type { PeopleApi, SignInApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type Session, wholeNumber, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import { remoteOf } from '../people/hub-origin.ts'
import {
  keepWorkstation,
  type KeptWorkstation,
  makeWorkstationKey,
  readWorkstation,
  signStatement,
} from '../people/kept-workstation.ts'
import { readPosture } from '../people/posture.ts'

export function addWorkstation(program: Command, world: World): void {
  const workstation = group(
    program,
    'workstation',
    'machines that operators work at: enrol, approve, report, vouch, list, remove, policy',
    'holdfast workstation report --url https://hub.example',
  )
  addOwn(workstation, world)
  addRoll(workstation, world)
  addPolicy(workstation, world)
}

function addOwn(workstation: Command, world: World): void {
  leaf<[string], object>(workstation, world, {
    usage: 'enrol <name>',
    summary: 'make a key for this machine and enrol it; another operator has to approve it',
    example: 'holdfast workstation enrol laptop-7 --url https://hub.example',
    notes:
      'The key is kept in ~/.config/holdfast, for you alone, and never leaves this machine. Needs a fresh step-up.',
    async run({ hub, print, world: { environment } }, _options, name) {
      const { url } = remoteOf(hub.address)
      const { key, publicKey } = makeWorkstationKey()
      const body = { name, publicKey }
      const enrolled = await hub.session.enrolWorkstation({ body })
      keepWorkstation(environment, url.origin, { id: enrolled.id, name, key })
      await print.result(enrolled, [
        `${name} is enrolled; another operator approves it: holdfast workstation approve ${enrolled.id}`,
      ])
    },
  })

  leaf<[], object>(workstation, world, {
    usage: 'report',
    summary: 'tell the hub, signed, how safe this machine is',
    example: 'holdfast workstation report --url https://hub.example',
    notes:
      'Run it every half hour, by a timer; it needs no session. What cannot be read is unknown, and does not pass.',
    isAnonymous: true,
    async run(session) {
      const own = ownOf(session)
      const signed = await signedBy(session, own, { purpose: 'report', subject: '', nonce: '' })
      const verdict = await session.hub.outside.send<SignInApi.PostureVerdict>('POST', '/workstation/report', signed)
      await session.print.result(verdict, verdictLines(verdict))
    },
  })

  leaf<[string], object>(workstation, world, {
    usage: 'vouch <code>',
    summary: 'vouch for a session in a browser on this machine, with the code that its page shows',
    example: 'holdfast workstation vouch BCDF-GHJK --url https://hub.example',
    isAnonymous: true,
    async run(session, _options, code) {
      const own = ownOf(session)
      const begun = await session.hub.outside.send<SignInApi.VouchBegun>('POST', '/workstation/vouch/begin', { code })
      const signed = await signedBy(session, own, { purpose: 'vouch', subject: begun.session, nonce: begun.nonce })
      const verdict = await session.hub.outside.send<SignInApi.PostureVerdict>('POST', '/workstation/vouch', {
        code,
        ...signed,
      })
      await session.print.result(verdict, ['this machine vouches for the session', ...verdictLines(verdict)])
    },
  })
}

function addRoll(workstation: Command, world: World): void {
  leaf<[], object>(workstation, world, {
    usage: 'list',
    summary: 'list workstations, and what they lack',
    example: 'holdfast workstation list',
    async run({ hub, print }) {
      await print.table(
        hub.workstation.list.pages(),
        [
          ['ID', (it) => it.id],
          ['NAME', (it) => it.name],
          ['OPERATOR', (it) => it.operator],
          ['APPROVED BY', (it) => it.approvedBy ?? 'nobody yet'],
          ['REPORTED', (it) => it.reportedTime ?? 'never'],
          ['LACKS', (it) => (it.lacking === undefined ? 'a fresh report' : it.lacking.join(' '))],
          ['SYSTEM', (it) => it.posture?.os],
        ],
        'no workstations are enrolled',
      )
    },
  })

  leaf<[string], object>(workstation, world, {
    usage: 'approve <id>',
    summary: 'approve a workstation of another operator; needs a fresh step-up',
    example: 'holdfast workstation approve AbCdEf --url https://hub.example',
    async run({ hub, print }, _options, id) {
      const approved = await hub.workstation.approve({ path: { workstation: id } })
      await print.result(approved, [`${approved.name} of ${approved.operator} is approved`])
    },
  })

  leaf<[string], object>(workstation, world, {
    usage: 'remove <id>',
    summary: 'remove a workstation; it vouches for no session any more',
    example: 'holdfast workstation remove AbCdEf',
    async run({ hub, print }, _options, id) {
      await hub.workstation.remove({ path: { workstation: id } })
      await print.result({ id }, [`workstation ${id} is removed`])
    },
  })
}

interface PolicyOptions {
  readonly mode?: PeopleApi.WorkstationPolicy['mode']
  readonly require?: readonly Fact[]
  readonly requireNothing?: boolean
  readonly maxAge?: number
  readonly patchDays?: number
}

const FACTS = ['patches', 'diskEncryption', 'screenLock', 'firewall', 'secureBoot', 'antiMalware'] as const

type Fact = (typeof FACTS)[number]

function addPolicy(workstation: Command, world: World): void {
  const policy = group(
    workstation,
    'policy',
    'from which workstations sessions may come: show, set',
    'holdfast workstation policy set --mode read-only',
  )

  leaf<[], object>(policy, world, {
    usage: 'show',
    summary: 'show from which workstations sessions may come',
    example: 'holdfast workstation policy show',
    async run({ hub, print }) {
      const shown = await hub.workstation.policy()
      await print.result(shown, policyLines(shown))
    },
  })

  leaf<[], PolicyOptions>(policy, world, {
    usage: 'set',
    summary: 'say from which workstations sessions may come; what is not named stays. Needs a fresh step-up',
    example: 'holdfast workstation policy set --mode read-only --require diskEncryption --require firewall',
    options: [
      new Option('--mode <mode>', 'what other sessions may do: off (all), read-only, refuse').choices([
        'off',
        'read-only',
        'refuse',
      ]),
      new Option('--require <fact>', 'what has to be on; repeatable').choices(FACTS).argParser(collectedFact),
      new Option('--require-nothing', 'a fresh report is enough').conflicts('require'),
      new Option('--max-age <minutes>', 'how long a report counts').argParser(wholeNumber(1)),
      new Option('--patch-days <n>', 'how old the latest patches may be').argParser(wholeNumber(1)),
    ],
    async run({ hub, print }, { mode, require, requireNothing, maxAge, patchDays }) {
      const before = await hub.workstation.policy()
      const required = requireNothing === true ? [] : (require ?? before.required)
      const body = {
        mode: mode ?? before.mode,
        required: [...required],
        reportMinutesMax: maxAge ?? before.reportMinutesMax,
        patchDaysMax: patchDays ?? before.patchDaysMax,
      }
      const after = await hub.workstation.setPolicy({ body })
      await print.result(after, policyLines(after))
    },
  })
}

function collectedFact(value: string, before: readonly Fact[] | undefined): readonly Fact[] {
  const fact = FACTS.find((one) => one === value)
  if (fact === undefined) throw wrongUse(`facts are ${FACTS.join(', ')}`)
  return [...(before ?? []), fact]
}

function policyLines({ mode, required, reportMinutesMax, patchDaysMax }: PeopleApi.WorkstationPolicy): string[] {
  return [
    `other sessions may ${mode === 'off' ? 'do all that their roles allow' : mode === 'read-only' ? 'only read' : 'do nothing'}`,
    `required: ${required.length === 0 ? 'a fresh report' : required.join(', ')}`,
    `a report counts ${reportMinutesMax} minutes; patches are at most ${patchDaysMax} days old`,
  ]
}

function ownOf({ hub, world }: Session): KeptWorkstation {
  const { url } = remoteOf(hub.address)
  const own = readWorkstation(world.environment, url.origin)
  if (own !== undefined) return own
  throw new Failure(`this machine is not enrolled at ${url.origin}; holdfast workstation enrol NAME does that`, {
    code: 'not-enrolled',
  })
}

async function signedBy(
  { hub, world }: Session,
  own: KeptWorkstation,
  facts: { readonly purpose: 'report' | 'vouch'; readonly subject: string; readonly nonce: string },
): Promise<{ readonly statement: string; readonly signature: string }> {
  const now = world.now()
  return signStatement(own, { ...facts, hub: remoteOf(hub.address).url.hostname, report: await readPosture(now), now })
}

function verdictLines({ workstation, approved, green, lacking, minutes }: SignInApi.PostureVerdict): string[] {
  const waits = approved ? [] : [`${workstation} waits for the approval of another operator`]
  if (green) return [`the report of ${workstation} is green, for ${minutes} minutes`, ...waits]
  return [`the report of ${workstation} lacks what the policy asks for: ${lacking.join(', ')}`, ...waits]
}

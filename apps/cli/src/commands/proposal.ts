/** `holdfast proposal …`: acts that take the word of two people. */

import type { ProposalApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'

export function addProposal(program: Command, world: World): void {
  const proposal = group(
    program,
    'proposal',
    'acts that take the word of two people: list, show, approve, reject, policy',
    'holdfast proposal list',
  )

  leaf<[], object>(proposal, world, {
    usage: 'list',
    summary: 'list proposals, the newest first; those that are decided too',
    example: 'holdfast proposal list',
    async run({ hub, print }) {
      await print.table(
        hub.proposal.list.pages(),
        [
          ['ID', (it) => it.id],
          ['STATE', (it) => it.state],
          ['ACT', (it) => it.operation],
          ['BY', (it) => it.proposedBy],
          ['EXPIRES', (it) => (it.state === 'waiting' ? it.expires : undefined)],
          ['DECIDED', (it) => it.decidedBy],
        ],
        'nothing was proposed',
      )
    },
  })

  leaf<[string], object>(proposal, world, {
    usage: 'show <id>',
    summary: 'show what a proposal asks for',
    example: 'holdfast proposal show Zm9vYmFyYmF6',
    async run({ hub, print }, _options, id) {
      const shown = await hub.proposal.show({ path: { proposal: id } })
      await print.result(shown, linesOf(shown))
    },
  })

  leaf<[string], { readonly digest?: string }>(proposal, world, {
    usage: 'approve <id>',
    summary: 'approve what somebody else proposed; it is done at once',
    example: 'holdfast proposal approve Zm9vYmFyYmF6 --digest 3f1x…',
    notes:
      'You must be signed in (holdfast login) and have proved to be there in the last five minutes (session step-up).\n' +
      'Without --digest what the proposal asks for now is approved, and printed.',
    options: [new Option('--digest <digest>', 'as proposal show printed it: nothing else is approved')],
    async run({ hub, print }, { digest }, id) {
      const path = { proposal: id }
      const seen = digest ?? (await hub.proposal.show({ path })).digest
      const decided = await hub.proposal.approve({ path, body: { digest: seen }, waitMs: 120_000 })
      await print.result(decided, [
        decided.state === 'done'
          ? `approved and done: ${decided.operation}, asked for by ${decided.proposedBy}`
          : `approved, and not done: ${decided.operation} was refused with ${outcomeOf(decided)}`,
      ])
    },
  })

  leaf<[string], { readonly reason?: string }>(proposal, world, {
    usage: 'reject <id>',
    summary: 'reject a proposal, or withdraw one of your own',
    example: 'holdfast proposal reject Zm9vYmFyYmF6 --reason "not before the audit"',
    options: [new Option('--reason <text>', 'why; kept in the log')],
    async run({ hub, print }, { reason }, id) {
      const body = reason === undefined ? {} : { reason }
      const decided = await hub.proposal.reject({ path: { proposal: id }, body })
      await print.result(decided, [`${decided.state}: ${decided.operation}`])
    },
  })

  const policy = group(proposal, 'policy', 'which acts those are: show, set', 'holdfast proposal policy show')

  leaf<[], object>(policy, world, {
    usage: 'show',
    summary: 'show which acts take the word of two people',
    example: 'holdfast proposal policy show',
    async run({ hub, print }) {
      const shown = await hub.proposal.policy()
      await print.result(shown, [`a proposal waits ${shown.hours} h for the word of another`, ...shown.acts])
    },
  })

  leaf<[], { readonly add?: string; readonly remove?: string; readonly hours?: number }>(policy, world, {
    usage: 'set',
    summary: 'change which acts those are; the change itself is one of them',
    example: 'holdfast proposal policy set --add policy.regenerateKey,hubAuthority.* --hours 8',
    options: [
      new Option(
        '--add <acts>',
        'ids of operations (holdfast api openapi), or a theme as theme.*, with commas between',
      ),
      new Option('--remove <acts>', 'acts that one person may do alone'),
      new Option('--hours <n>', 'how long a proposal waits').argParser(wholeNumber(1)),
    ],
    async run({ hub, print }, { add = '', remove = '', hours }) {
      const { value, etag } = await hub.proposal.policy.versioned()
      const gone = new Set(remove.split(','))
      const acts = [...new Set([...value.acts, ...add.split(',').filter((act) => act !== '')])]
      const body = { acts: acts.filter((act) => !gone.has(act)), hours: hours ?? value.hours }
      const changed = await hub.proposal.setPolicy({ body, ifMatch: etag })
      await print.result(changed, [`${changed.acts.length} acts take the word of two people`])
    },
  })
}

function linesOf(shown: ProposalApi.Proposal): readonly string[] {
  return [
    `${shown.operation}: ${shown.summary}`,
    `asked for by ${shown.proposedBy} at ${shown.proposedTime}; ${shown.state}, expires ${shown.expires}`,
    JSON.stringify(shown.request),
    `digest ${shown.digest}`,
    ...(shown.decidedBy === undefined ? [] : [`decided by ${shown.decidedBy} at ${shown.decidedTime ?? ''}`]),
    ...(shown.outcome === undefined ? [] : [`ended with ${outcomeOf(shown)}`]),
  ]
}

function outcomeOf({ outcome }: ProposalApi.Proposal): string {
  return outcome === undefined ? 'nothing' : `HTTP status ${outcome.status} ${outcome.code ?? ''}`.trim()
}

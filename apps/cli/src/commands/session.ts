/** `holdfast session …`: who is signed in, what they did, and an end to it. */

import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { confirmed } from './login.ts'

const OPERATOR = new Option('--operator <name>', 'of this operator alone')

interface OperatorOption {
  readonly operator?: string
}

export function addSession(program: Command, world: World): void {
  const session = group(
    program,
    'session',
    'sessions of operators: list, acts, revoke, revoke-all, step-up',
    'holdfast session revoke-all --operator alice',
  )

  leaf<[], OperatorOption>(session, world, {
    usage: 'list',
    summary: 'list sessions, newest first; those that are over too',
    example: 'holdfast session list',
    options: [OPERATOR],
    async run({ hub, print }, { operator }) {
      await print.table(
        hub.session.list.pages({ query: { operator } }),
        [
          ['ID', (it) => it.id],
          ['OPERATOR', (it) => it.operator],
          ['KIND', (it) => it.kind],
          ['ADDRESS', (it) => it.address],
          ['SINCE', (it) => it.createdTime],
          ['LAST', (it) => it.lastUsedTime],
          ['MAY', (it) => (it.ended === undefined ? it.allows : `ended: ${it.ended.reason}`)],
          ['WORKSTATION', (it) => it.workstation],
          ['AGENT', (it) => it.agent],
        ],
        'nobody has signed in',
      )
    },
  })

  leaf<[string], object>(session, world, {
    usage: 'acts <id>',
    summary: 'list what was done in a session, newest first',
    example: 'holdfast session acts Zm9vYmFyYmF6',
    async run({ hub, print }, _options, id) {
      await print.table(
        hub.session.acts.pages({ path: { session: id } }),
        [
          ['TIME', (it) => it.time],
          ['TYPE', (it) => it.type],
          ['SUBJECT', (it) => it.subject],
        ],
        'nothing of note was done in it',
      )
    },
  })

  leaf<[string], object>(session, world, {
    usage: 'revoke <id>',
    summary: 'end a session at once; what is open for it ends too',
    example: 'holdfast session revoke Zm9vYmFyYmF6',
    async run({ hub, print }, _options, id) {
      await hub.session.revoke({ path: { session: id } })
      await print.result({ id }, [`session ${id} is over`])
    },
  })

  leaf<[], OperatorOption>(session, world, {
    usage: 'revoke-all',
    summary: 'end all sessions at once, or those of one operator; yours too',
    example: 'holdfast session revoke-all --operator alice',
    options: [OPERATOR],
    async run({ hub, print }, { operator }) {
      const body = operator === undefined ? {} : { operator }
      const ended = await hub.session.revokeAll({ body })
      await print.result(ended, [`${ended.sessions} ${ended.sessions === 1 ? 'session is' : 'sessions are'} over`])
    },
  })

  leaf<[], object>(session, world, {
    usage: 'step-up',
    summary: 'show that you are here, with your passkey in a browser; open for five minutes',
    example: 'holdfast session step-up --url https://hub.example',
    async run(given) {
      const { operator } = await confirmed(given)
      await given.print.result({ operator }, [`${operator} is here, for five minutes`])
    },
  })
}

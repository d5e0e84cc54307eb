/** `holdfast masquerade …`: what was seen of an identity, and whether it looks like two. */

import type { MasqueradeApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'

const MODULE = new Option('--module <id>', 'the module of the device')

interface ModuleOptions {
  readonly module?: string
}

export function addMasquerade(program: Command, world: World): void {
  const masquerade = group(
    program,
    'masquerade',
    'whether an identity is used by two: show, clear',
    'holdfast masquerade show pump-1',
  )

  leaf<[string], ModuleOptions>(masquerade, world, {
    usage: 'show <id>',
    summary: 'show what was found of a device, what it weighs, and what is made of it',
    example: 'holdfast masquerade show pump-1',
    options: [MODULE],
    async run({ hub, print }, { module }, id) {
      const found =
        module === undefined
          ? await hub.masquerade.show({ path: { id } })
          : await hub.masquerade.showModule({ path: { id, module } })
      await print.result(found, lines(found))
    },
  })

  leaf<[string], ModuleOptions>(masquerade, world, {
    usage: 'clear <id>',
    summary: 'forget what was found of a device; its rolling nonce and its counter begin anew',
    example: 'holdfast masquerade clear pump-1',
    options: [MODULE],
    notes: 'For a device whose storage was erased, or whose findings turned out to be harmless.',
    async run({ hub, print }, { module }, id) {
      if (module === undefined) await hub.masquerade.clear({ path: { id } })
      else await hub.masquerade.clearModule({ path: { id, module } })
      await print.result({ deviceId: id, ...(module !== undefined && { moduleId: module }) }, [`${id} begins anew`])
    },
  })
}

const VERDICTS: Readonly<Record<MasqueradeApi.Masquerade['verdict'], string>> = {
  clear: 'nothing to suspect',
  suspected: 'probably used by two',
  proven: 'used by two',
}

function lines(found: MasqueradeApi.Masquerade): readonly string[] {
  const { verdict, score, provenScore, suspectedFrom, provenFrom, reasons, connections, nonce, counter, quarantined } =
    found
  const points = `${score} points (suspected from ${suspectedFrom}), ${provenScore} of them proven (a proof from ${provenFrom})`
  return [
    `${found.deviceId}${found.moduleId === undefined ? '' : `/${found.moduleId}`}: ${VERDICTS[verdict]}, ${points}`,
    ...(quarantined === undefined
      ? []
      : [`in quarantine since ${quarantined.at} by ${quarantined.actor}: ${quarantined.reason}`]),
    ...reasons.map(
      ({ finding, count, at, what, points, worth }) =>
        `  ${finding}: ${count} of ${points} points, worth ${worth} now; last ${at}: ${what}`,
    ),
    `rolling nonce: ${NONCES[nonce]}${counter === undefined ? '' : `; counter: ${counter}`}`,
    ...(connections.length === 0 ? [] : ['latest connections:']),
    ...connections.map(({ at, network, client, endedAt, takenOver }) => {
      const end = endedAt === undefined ? 'connected' : `${takenOver === true ? 'taken over' : 'ended'} ${endedAt}`
      return `  ${at} from ${network} with ${client}, ${end}`
    }),
  ]
}

const NONCES: Readonly<Record<MasqueradeApi.Masquerade['nonce'], string>> = {
  none: 'does not take part',
  waiting: 'takes part, not answered in this connection',
  answered: 'answered in this connection',
}

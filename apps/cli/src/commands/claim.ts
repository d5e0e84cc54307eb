/** `holdfast claim …`: makes a device that stands on a manifest somebody's. */

import type { SupplyApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

interface ClaimOptions {
  readonly owner: string
  readonly serial?: boolean
  readonly manufacturer?: string
  readonly id?: string
}

export function addClaim(program: Command, world: World): void {
  leaf<[string | undefined], ClaimOptions>(program, world, {
    usage: 'claim [code]',
    summary:
      'claim a device by the code that came with it, or by its serial number; it can then be provisioned by its key',
    example: 'holdfast claim MFRG-GZDF-MZTW-Q2LK --owner harbour-works',
    options: [
      new Option('--owner <name>', 'whose it becomes').makeOptionMandatory(),
      new Option('--serial', 'what is given is a serial number, of a device that has no code'),
      new Option('--manufacturer <name>', 'of the serial number, where several have it'),
      new Option('--id <id>', 'under which it registers, and its device id (default: its serial number, lower case)'),
    ],
    notes:
      'Without a code, or with -, the code is read from standard input, which leaves it out of the list of processes.',
    async run({ hub, print }, { owner, serial, manufacturer, id }, given) {
      const what = given === undefined || given === '-' ? readText('-').trim() : given
      if (manufacturer !== undefined && serial !== true) throw wrongUse('--manufacturer goes with --serial')
      const body: SupplyApi.Claim = {
        ...(serial === true ? { serial: what } : { code: what }),
        ...(manufacturer === undefined ? {} : { manufacturer }),
        owner,
        ...(id === undefined ? {} : { registrationId: id }),
      }
      const entry = await hub.supply.claim({ body })
      const { registrationId = '' } = entry
      await print.result(entry, [
        `${entry.serial} (${entry.model}) is ${entry.owner ?? owner}'s`,
        `next: the device registers as ${registrationId}, with a certificate of its key whose common name is ${registrationId}`,
      ])
    },
  })
}

/** `holdfast keys …`: the keys that data is sealed with, by epoch. */

import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import { addKeyProvider } from './key-provider.ts'

export function addKeys(program: Command, world: World): void {
  const keys = group(
    program,
    'keys',
    'keys of the hub: list, rotate, drop, and where they are kept',
    'holdfast keys rotate',
  )
  addKeyProvider(keys, world)

  leaf<[], object>(keys, world, {
    usage: 'list',
    summary: 'list the data keys by epoch; the keys themselves are never shown',
    example: 'holdfast keys list',
    async run({ hub, print }) {
      await print.table(
        hub.key.list.pages(),
        [
          ['EPOCH', (it) => it.epoch],
          ['PURPOSE', (it) => it.purpose],
          ['STATE', (it) => it.state],
          ['CREATED', (it) => it.createdTime],
        ],
        'no data keys yet',
      )
    },
  })

  leaf<[], { readonly kek?: boolean }>(keys, world, {
    usage: 'rotate',
    summary: 'seal with a new key from now on; what is stored stays readable',
    example: 'holdfast keys rotate',
    options: [new Option('--kek', 'replace the key that wraps all others instead; the old one is destroyed')],
    async run({ hub, print }, { kek }) {
      if (kek === true) {
        const provider = await hub.keyProvider.rotate()
        await print.result(provider, [`the key in ${provider.id} is new since ${provider.createdTime}`])
        return
      }
      const key = await hub.key.rotate()
      await print.result(key, [`data is sealed with the key of epoch ${key.epoch} from now on`])
    },
  })

  leaf<[string], { readonly yes?: boolean }>(keys, world, {
    usage: 'drop <epoch>',
    summary: 'destroy the key of an epoch: what it sealed can never be read again',
    example: 'holdfast keys drop 3 --yes',
    options: [new Option('--yes', 'do not ask')],
    async run({ hub, print, world: { confirm } }, { yes }, epoch) {
      if (!/^\d{1,10}$/.test(epoch)) throw wrongUse(`'${epoch}' is no epoch; 'holdfast keys list' names them`)
      if (yes !== true) {
        const answer = await confirm(`Destroy the key of epoch ${epoch}? What it sealed can never be read again.`)
        if (answer === undefined)
          throw wrongUse('dropping a key cannot be undone; say so with --yes where nobody can be asked')
        if (!answer) throw new Failure(`the key of epoch ${epoch} was left alone, as answered`, { code: 'declined' })
      }
      const dropped = await hub.key.drop({ path: { epoch } })
      await print.result(dropped, [
        `the key of epoch ${dropped.epoch} is destroyed; ${dropped.messages} messages can never be read again`,
      ])
    },
  })
}

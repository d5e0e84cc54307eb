/** `holdfast audit view …`: what one looks for in the log again and again, under a name. */

import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { type FilterFlags, filterFrom, filterOptions } from './audit-sink.ts'

export function addAuditViews(audit: Command, world: World): void {
  const view = group(
    audit,
    'view',
    'filters of the log under a name: list, show, save, remove',
    'holdfast audit view list',
  )

  leaf<[], object>(view, world, {
    usage: 'list',
    summary: 'list the saved views',
    example: 'holdfast audit view list',
    async run({ hub, print }) {
      await print.table(
        hub.view.list.pages(),
        [
          ['NAME', (it) => it.name],
          ['SAVED', (it) => it.updatedTime],
          ['FILTER', (it) => JSON.stringify(it.filter)],
        ],
        "no saved views; 'holdfast audit view save' makes one",
      )
    },
  })

  leaf<[string], object>(view, world, {
    usage: 'show <name>',
    summary: 'show a saved view',
    example: 'holdfast audit view show refused-sessions',
    async run({ hub, print }, _options, name) {
      const it = await hub.view.show({ path: { name } })
      await print.result(it, [
        `${it.name}: ${JSON.stringify(it.filter)}`,
        `saved ${it.updatedTime}, version ${it.etag}`,
      ])
    },
  })

  leaf<[string], FilterFlags & { readonly ifVersion?: string }>(view, world, {
    usage: 'save <name>',
    summary: 'save a view under a name, or change it; plans and receivers that were made from it stay as they are',
    example: "holdfast audit view save refused-sessions --type 'session.refused' --type 'amqp.refused'",
    options: [...filterOptions(), new Option('--if-version <version>', 'only while it is still this one')],
    async run({ hub, print, world: here }, options, name) {
      const filter = filterFrom(options, here.now()) ?? {}
      const saved = await hub.view.save({ path: { name }, body: { filter }, ifMatch: options.ifVersion })
      await print.result(saved, [`saved the view ${saved.name}`])
    },
  })

  leaf<[string], object>(view, world, {
    usage: 'remove <name>',
    summary: 'remove a saved view',
    example: 'holdfast audit view remove refused-sessions',
    async run({ hub, print }, _options, name) {
      await hub.view.remove({ path: { name } })
      await print.result({ name, removed: true }, [`the view ${name} is removed`])
    },
  })
}

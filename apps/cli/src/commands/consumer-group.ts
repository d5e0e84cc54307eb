/** `holdfast consumer-group …`: names under which readers of the Event Hubs-compatible endpoint keep apart. */

import type { Command } from 'commander'
import { group, leaf, type World } from '../command.ts'

export function addConsumerGroup(program: Command, world: World): void {
  const groups = group(
    program,
    'consumer-group',
    'consumer groups of the Event Hubs-compatible endpoint: create, list, delete',
    'holdfast consumer-group create dashboards',
  )

  leaf<[], object>(groups, world, {
    usage: 'list',
    summary: 'list the consumer groups',
    example: 'holdfast consumer-group list',
    async run({ hub, print }) {
      await print.table(hub.consumerGroup.list.pages(), [['GROUP', (it) => it.name]], 'no consumer groups')
    },
  })

  leaf<[string], object>(groups, world, {
    usage: 'create <name>',
    summary: 'create a consumer group',
    example: 'holdfast consumer-group create dashboards',
    async run({ hub, print }, _options, name) {
      const made = await hub.consumerGroup.create({ body: { name } })
      await print.result(made, [`consumer group ${made.name} is there`])
    },
  })

  leaf<[string], object>(groups, world, {
    usage: 'delete <name>',
    summary: 'delete a consumer group; readers that are at it go on until they close',
    example: 'holdfast consumer-group delete dashboards',
    async run({ hub, print }, _options, name) {
      await hub.consumerGroup.delete({ path: { name } })
      await print.result({ name }, [`consumer group ${name} is gone`])
    },
  })
}

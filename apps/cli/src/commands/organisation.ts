/** `holdfast organisation|site|fleet …`: the tree that decides whose devices are. */

import type { AccessApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

export function addOrganisation(program: Command, world: World): void {
  const organisation = group(
    program,
    'organisation',
    'organisations, which see nothing of each other: list, show, add, remove',
    'holdfast organisation add acme',
  )

  leaf<[], object>(organisation, world, {
    usage: 'list',
    summary: 'list the organisations of the hub',
    example: 'holdfast organisation list',
    async run({ hub, print }) {
      await print.table(
        hub.organisation.list.pages(),
        [
          ['ORGANISATION', (it) => it.name],
          ['HUB', (it) => (it.isFirst ? 'is its own' : undefined)],
          ['SINCE', (it) => it.createdTime],
        ],
        'there is none, which cannot be',
      )
    },
  })

  leaf<[string], object>(organisation, world, {
    usage: 'show <name>',
    summary: 'show the sites and fleets of an organisation',
    example: 'holdfast organisation show home',
    async run({ hub, print }, _options, name) {
      const tree = await hub.organisation.show({ path: { organisation: name } })
      await print.result(tree, treeLines(tree))
    },
  })

  leaf<[string], object>(organisation, world, {
    usage: 'add <name>',
    summary: 'add an organisation, with a first site and fleet, and the roles that all begin with',
    example: 'holdfast organisation add acme',
    async run({ hub, print }, _options, name) {
      const added = await hub.organisation.add({ body: { name } })
      await print.result(added, [
        `added organisation ${added.name}; its devices stand in ${added.name}/main/default unless told otherwise`,
      ])
    },
  })

  leaf<[string], object>(organisation, world, {
    usage: 'remove <name>',
    summary: 'remove an organisation that has no devices, with its roles and who has them',
    example: 'holdfast organisation remove acme',
    async run({ hub, print }, _options, name) {
      await hub.organisation.remove({ path: { organisation: name } })
      await print.result({ name, removed: true }, [`organisation ${name} is removed`])
    },
  })
}

export function addSite(program: Command, world: World): void {
  const site = group(program, 'site', 'sites of an organisation: add, remove', 'holdfast site add home/plant-1')

  leaf<[string], object>(site, world, {
    usage: 'add <site>',
    summary: 'add a site, as ORGANISATION/SITE',
    example: 'holdfast site add home/plant-1',
    async run({ hub, print }, _options, text) {
      const [organisation, name] = parts(text, 2)
      await hub.organisation.addSite({ path: { organisation }, body: { name } })
      await print.result({ site: text, added: true }, [`added site ${text}; add fleets with 'holdfast fleet add'`])
    },
  })

  leaf<[string], object>(site, world, {
    usage: 'remove <site>',
    summary: 'remove a site that has no fleets',
    example: 'holdfast site remove home/plant-1',
    async run({ hub, print }, _options, text) {
      const [organisation, name] = parts(text, 2)
      await hub.organisation.removeSite({ path: { organisation, site: name } })
      await print.result({ site: text, removed: true }, [`site ${text} is removed`])
    },
  })
}

export function addFleet(program: Command, world: World): void {
  const fleet = group(
    program,
    'fleet',
    'fleets of a site, and the devices in them: add, remove, place, of (also: simulate, a program of its own)',
    'holdfast fleet place pump-1 home/plant-1/pumps',
  )

  leaf<[string], object>(fleet, world, {
    usage: 'add <fleet>',
    summary: 'add a fleet, as ORGANISATION/SITE/FLEET',
    example: 'holdfast fleet add home/plant-1/pumps',
    async run({ hub, print }, _options, text) {
      const [organisation, site, name] = parts(text, 3)
      await hub.organisation.addFleet({ path: { organisation, site }, body: { name } })
      await print.result({ fleet: text, added: true }, [`added fleet ${text}`])
    },
  })

  leaf<[string], object>(fleet, world, {
    usage: 'remove <fleet>',
    summary: 'remove a fleet that has no devices',
    example: 'holdfast fleet remove home/plant-1/pumps',
    async run({ hub, print }, _options, text) {
      const [organisation, site, name] = parts(text, 3)
      await hub.organisation.removeFleet({ path: { organisation, site, fleet: name } })
      await print.result({ fleet: text, removed: true }, [`fleet ${text} is removed`])
    },
  })

  leaf<[string, string], object>(fleet, world, {
    usage: 'place <device> <fleet>',
    summary: 'move a device into a fleet, which decides who may do what to it',
    example: 'holdfast fleet place pump-1 home/plant-1/pumps',
    async run({ hub, print }, _options, device, text) {
      const placed = await hub.placement.set({ path: { id: device }, body: { fleet: text } })
      await print.result({ device, ...placed }, [`${device} stands in ${placed.fleet}`])
    },
  })

  leaf<[string], object>(fleet, world, {
    usage: 'of <device>',
    summary: 'show the fleet in which a device stands',
    example: 'holdfast fleet of pump-1',
    async run({ hub, print }, _options, device) {
      const placed = await hub.placement.show({ path: { id: device } })
      await print.result({ device, ...placed }, [placed.fleet])
    },
  })
}

/** For commands that are about one organisation. */
export const ORGANISATION = new Option('--organisation <name>', 'whose').default('home')

/** @throws Failure (wrong use) for another number of names. */
function parts(text: string, count: 2): readonly [string, string]
function parts(text: string, count: 3): readonly [string, string, string]
function parts(text: string, count: 2 | 3): readonly string[] {
  const names = text.split('/')
  if (names.length === count && names.every((name) => name !== '')) return names
  throw wrongUse(`'${text}' is not of the form ${count === 2 ? 'ORGANISATION/SITE' : 'ORGANISATION/SITE/FLEET'}`)
}

function treeLines({ name, isFirst, sites }: AccessApi.OrganisationTree): readonly string[] {
  return [
    isFirst ? `${name} (the hub itself is its own)` : name,
    ...sites.flatMap((site) => [`  ${site.name}`, ...site.fleets.map((fleet) => `    ${fleet}`)]),
  ]
}

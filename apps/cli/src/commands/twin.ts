/** `holdfast twin`: what is known of a device or module, and what is desired of it. */

import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'
import type { HubClient } from '../hub-client.ts'

/** The hub's own REST serves twins, in the form that Azure's tools know. */
const API_VERSION = '2021-04-12'

interface TwinOptions {
  readonly module?: string
}

interface UpdateOptions extends TwinOptions {
  readonly tags?: object
  readonly desired?: object
  readonly ifMatch?: string
}

/** What of a twin is shown to people; with `--json` all of it is. */
interface Twin {
  readonly deviceId: string
  readonly moduleId?: string
  readonly etag: string
  readonly version: number
  readonly connectionState?: string
  readonly tags?: object
  readonly properties: { readonly desired: object; readonly reported: object }
}

export function addTwin(program: Command, world: World): void {
  const twin = group(
    program,
    'twin',
    'twins: tags, and desired and reported properties: show, update',
    `holdfast twin update pump-1 --desired '{"speed":1200}'`,
  )
  const module = new Option('--module <id>', 'a module of the device')

  leaf<[string], TwinOptions>(twin, world, {
    usage: 'show <id>',
    summary: 'show the twin of a device or module',
    example: 'holdfast twin show pump-1',
    options: [module],
    async run({ hub, print }, { module: moduleId }, id) {
      const shown = await hub.outside.get<Twin>(addressOf(id, moduleId))
      await print.result(shown, linesOf(shown))
    },
  })

  leaf<[string], UpdateOptions>(twin, world, {
    usage: 'update <id>',
    summary: 'merge tags or desired properties into a twin; a device that is there is told at once',
    example: `holdfast twin update pump-1 --tags '{"site":"hall-2"}' --desired '{"speed":1200,"mode":null}'`,
    notes: 'Objects are merged into what is there, null removes, everything else replaces.',
    options: [
      new Option('--tags <json>', 'tags, which only back ends see').argParser(readObject),
      new Option('--desired <json>', 'desired properties, which the device sees').argParser(readObject),
      new Option('--if-match <etag>', 'only if the twin still has this ETag'),
      module,
    ],
    async run({ hub, print }, { tags, desired, ifMatch, module: moduleId }, id) {
      if (tags === undefined && desired === undefined) throw wrongUse('give --tags, --desired or both')
      const patch = {
        ...(tags !== undefined && { tags }),
        ...(desired !== undefined && { properties: { desired } }),
      }
      const shown = await change(hub, addressOf(id, moduleId), patch, ifMatch)
      await print.result(shown, linesOf(shown))
    },
  })
}

function change(hub: HubClient, target: string, patch: object, ifMatch: string | undefined): Promise<Twin> {
  return hub.outside.send<Twin>('PATCH', target, patch, ifMatch === undefined ? {} : { ifMatch })
}

function addressOf(deviceId: string, moduleId: string | undefined): string {
  const module = moduleId === undefined ? '' : `/modules/${encodeURIComponent(moduleId)}`
  return `/twins/${encodeURIComponent(deviceId)}${module}?api-version=${API_VERSION}`
}

function linesOf({ deviceId, moduleId, etag, version, connectionState, tags, properties }: Twin): readonly string[] {
  return [
    `${moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`}  version ${version}  etag ${etag}  ${connectionState ?? ''}`.trimEnd(),
    `tags      ${JSON.stringify(tags ?? {})}`,
    `desired   ${JSON.stringify(plainSection(properties.desired))}`,
    `reported  ${JSON.stringify(plainSection(properties.reported))}`,
  ]
}

/** Without what tells when each property was last changed: that is in `--json`. */
function plainSection(section: object): object {
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== '$metadata'))
}

function readObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Told below.
  }
  throw wrongUse(`'${text.slice(0, 40)}' is no JSON object; write it as '{"name":value}'`)
}

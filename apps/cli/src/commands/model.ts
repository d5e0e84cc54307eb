/** `holdfast model …`: what a model of device is, and what its devices must offer. */

import type { SupplyApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

export function addModel(program: Command, world: World): void {
  const model = group(
    program,
    'model',
    'models of devices, and what they must offer',
    'holdfast model create pump-3.json',
  )

  leaf<[], object>(model, world, {
    usage: 'list',
    summary: 'list the models, by id',
    example: 'holdfast model list',
    async run({ hub, print }) {
      await print.table(
        hub.model.list.pages(),
        [
          ['MODEL', (it) => it.id],
          ['MANUFACTURER', (it) => it.manufacturer],
          ['TIER', (it) => it.tier],
          ['REVISIONS', (it) => it.hardwareRevisions.join(' ')],
        ],
        "no models yet; create one with 'holdfast model create FILE'",
      )
    },
  })

  leaf<[string], object>(model, world, {
    usage: 'show <id>',
    summary: 'show a model, and what is asked of its devices at each step of their life',
    example: 'holdfast model show pump-3',
    async run({ hub, print }, _options, id) {
      const found = await hub.model.show({ path: { model: id } })
      await print.result(found, modelLines(found))
    },
  })

  leaf<[string], object>(model, world, {
    usage: 'create <file>',
    summary: 'create a model from a JSON file (- for standard input)',
    example: 'holdfast model create pump-3.json',
    notes:
      'The file: {"id":"pump-3","manufacturer":"acme","tier":"full","hardwareRevisions":["A"],"requirements":{"commissioning":false}}\n' +
      'Tiers are full, secure-element, constrained and legacy; docs/device-life.md has what each can offer.',
    async run({ hub, print }, _options, file) {
      const created = await hub.model.create({ body: documentIn(file) })
      await print.result(created, [`created model ${created.id} (${created.tier})`])
    },
  })

  leaf<[string], { readonly etag?: string }>(model, world, {
    usage: 'update <file>',
    summary: 'replace a model; its devices, those that are connected too, are held to it at once',
    example: 'holdfast model update pump-3.json',
    options: [new Option('--etag <etag>', 'only if it still has this one')],
    async run({ hub, print }, { etag }, file) {
      const document = documentIn(file)
      const { id } = document
      if (typeof id !== 'string') throw wrongUse(`${file} has no id`)
      const updated = await hub.model.replace({ path: { model: id }, body: document, ifMatch: etag })
      await print.result(updated, [`updated model ${updated.id} (${updated.tier})`])
    },
  })

  leaf<[string], object>(model, world, {
    usage: 'delete <id>',
    summary: 'delete a model that no device and no manifest is of',
    example: 'holdfast model delete pump-2',
    async run({ hub, print }, _options, id) {
      await hub.model.delete({ path: { model: id } })
      await print.result({ id, deleted: true }, [`model ${id} is deleted`])
    },
  })
}

function documentIn(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readText(file))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw wrongUse(`${file} holds no JSON object`)
}

function modelLines(model: SupplyApi.Model): readonly string[] {
  const steps = Object.entries(model.effective.steps).filter(([, names]) => names.length > 0)
  return [
    `model         ${model.id}`,
    `manufacturer  ${model.manufacturer}`,
    `tier          ${model.tier}`,
    `revisions     ${model.hardwareRevisions.join(', ')}`,
    `credentials   ${model.effective.credentials.join(', ')}`,
    ...steps.map(([step, names]) => `${step.padEnd(13)} ${names.join(', ')}`),
    `etag          ${model.etag}`,
  ]
}

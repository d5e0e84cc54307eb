/** `holdfast manufacturer …`, `holdfast manifest …` and `holdfast owner …`: where devices come from, and whose they are. */

import { createReadStream, readFileSync, statSync } from 'node:fs'
import type { SupplyApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'

export function addManufacturer(program: Command, world: World): void {
  const manufacturer = group(
    program,
    'manufacturer',
    'manufacturers whose signed manifests count',
    'holdfast manufacturer add acme acme.pem',
  )

  leaf<[], object>(manufacturer, world, {
    usage: 'list',
    summary: 'list the manufacturers, by name',
    example: 'holdfast manufacturer list',
    async run({ hub, print }) {
      await print.table(
        hub.manufacturer.list.pages(),
        [
          ['MANUFACTURER', (it) => it.name],
          ['SINCE', (it) => it.addedTime],
          ['KEY (SHA-256)', (it) => it.sha256],
        ],
        "no manufacturers yet; add one with 'holdfast manufacturer add NAME KEY.pem'",
      )
    },
  })

  leaf<[string, string], object>(manufacturer, world, {
    usage: 'add <name> <file>',
    summary: 'trust manifests signed by this key (PEM of a public key)',
    example: 'holdfast manufacturer add acme acme.pem',
    notes: 'Compare the SHA-256 that is printed with what the manufacturer tells you by another way.',
    async run({ hub, print }, _options, name, file) {
      const created = await hub.manufacturer.add({
        body: {
          name,
          publicKey: readText(file),
        },
      })
      await print.result(created, [`manifests of ${created.name} count now; SHA-256 of its key: ${created.sha256}`])
    },
  })

  leaf<[string], object>(manufacturer, world, {
    usage: 'remove <name>',
    summary: 'trust no more manifests of this manufacturer; what was imported stays',
    example: 'holdfast manufacturer remove acme',
    async run({ hub, print }, _options, name) {
      await hub.manufacturer.remove({ path: { name } })
      await print.result({ name, removed: true }, [`manifests of ${name} count no more`])
    },
  })
}

interface ImportOptions {
  readonly signature: string
  readonly manufacturer?: string
  readonly quiet?: boolean
}

export function addManifest(program: Command, world: World): void {
  const manifest = group(
    program,
    'manifest',
    'signed manufacturing manifests',
    'holdfast manifest import batch-17.jsonl --signature batch-17.sig',
  )

  leaf<[string], ImportOptions>(manifest, world, {
    usage: 'import <file>',
    summary: 'check the signature of a manifest, then take in its devices, with a report of each line',
    example: 'holdfast manifest import batch-17.jsonl --signature batch-17.sig',
    options: [
      new Option('--signature <file>', 'the detached signature').makeOptionMandatory(),
      new Option('--manufacturer <name>', 'whose key it is of (default: the one that the first line names)'),
      new Option('--quiet', 'leave out the lines that were taken'),
    ],
    notes: 'Importing a file again does no harm. Ends with 1 when a line was malformed or in conflict.',
    async run({ hub, print }, { signature, manufacturer, quiet }, file) {
      const lines = hub.manifest.upload({
        query: { manufacturer: manufacturer ?? manufacturerIn(file) },
        headers: { 'holdfast-signature': bytesOf(signature).toString('base64') },
        file: { body: createReadStream(file), bytes: sizeOf(file), type: 'application/x-ndjson' },
      })
      let end: SupplyApi.Manifest | undefined
      for await (const line of lines) {
        if ('manifest' in line) {
          end = line.manifest
          const { imported, duplicate, conflict, malformed } = end.counts
          await print.item(line, () =>
            [
              `manifest ${line.manifest.name} of ${line.manifest.manufacturer}: ${imported} imported,`,
              `${duplicate} there already, ${conflict} in conflict, ${malformed} malformed`,
            ].join(' '),
          )
        } else if (quiet !== true || line.outcome === 'conflict' || line.outcome === 'malformed') {
          await print.item(line, () => lineText(line))
        }
      }
      if (end === undefined) {
        throw new Failure('the import broke off; import the file again, it goes on from there', { code: 'interrupted' })
      }
      const wrong = end.counts.conflict + end.counts.malformed
      if (wrong > 0) throw new Failure(`${wrong} lines were not taken; the report says why`, { code: 'not-all-taken' })
    },
  })

  leaf<[], object>(manifest, world, {
    usage: 'list',
    summary: 'list the manifests that were imported',
    example: 'holdfast manifest list',
    async run({ hub, print }) {
      await print.table(
        hub.manifest.list.pages(),
        [
          ['MANIFEST', (it) => it.name],
          ['MANUFACTURER', (it) => it.manufacturer],
          ['IMPORTED', (it) => it.importedTime],
          ['DEVICES', (it) => it.counts.imported + it.counts.duplicate],
          ['COMPLETE', (it) => (it.complete ? 'yes' : 'no')],
          ['SHA-256', (it) => it.sha256],
        ],
        "no manifests yet; import one with 'holdfast manifest import FILE --signature FILE'",
      )
    },
  })

  leaf<[string], object>(manifest, world, {
    usage: 'show <sha256>',
    summary: 'show one manifest, by the SHA-256 of its file',
    example: 'holdfast manifest show 3F2A…',
    async run({ hub, print }, _options, sha256) {
      const found = await hub.manifest.show({ path: { sha256 } })
      await print.result(found, [
        `manifest      ${found.name}`,
        `manufacturer  ${found.manufacturer}`,
        `imported      ${found.importedTime} by ${found.actor}${found.complete ? '' : ' (broken off: import it again)'}`,
        `lines         ${Object.entries(found.counts)
          .map(([outcome, count]) => `${count} ${outcome}`)
          .join(', ')}`,
        `SHA-256       ${found.sha256}`,
      ])
    },
  })

  leaf<[], { readonly state?: SupplyApi.SupplyEntry['state']; readonly owner?: string }>(manifest, world, {
    usage: 'devices',
    summary: 'list what stands on manifests: devices that are waited for, claimed, provisioned, expired, retired',
    example: 'holdfast manifest devices --state manufactured',
    options: [
      new Option('--state <state>', 'only those').choices([
        'manufactured',
        'expired',
        'claimed',
        'provisioned',
        'retired',
      ]),
      new Option('--owner <name>', 'only those of this owner'),
    ],
    async run({ hub, print }, { state, owner }) {
      await print.table(
        hub.supply.list.pages({ query: { state, owner } }),
        [
          ['MANUFACTURER', (it) => it.manufacturer],
          ['SERIAL', (it) => it.serial],
          ['MODEL', (it) => it.model],
          ['STATE', (it) => it.state],
          ['OWNER', (it) => it.owner],
          ['REGISTRATION', (it) => it.registrationId],
          ['UNTIL', (it) => it.expires],
        ],
        'nothing of the kind stands on a manifest',
      )
    },
  })
}

export function addOwner(program: Command, world: World): void {
  const owner = group(program, 'owner', 'owners of devices', 'holdfast owner add harbour-works')

  leaf<[], object>(owner, world, {
    usage: 'list',
    summary: 'list the owners, by name',
    example: 'holdfast owner list',
    async run({ hub, print }) {
      await print.table(
        hub.owner.list.pages(),
        [
          ['OWNER', (it) => it.name],
          ['SINCE', (it) => it.addedTime],
        ],
        "no owners yet; add one with 'holdfast owner add NAME'",
      )
    },
  })

  leaf<[string], object>(owner, world, {
    usage: 'add <name>',
    summary: 'add an owner, who can then claim devices and be given some',
    example: 'holdfast owner add harbour-works',
    async run({ hub, print }, _options, name) {
      const created = await hub.owner.add({ body: { name } })
      await print.result(created, [`added owner ${created.name}`])
    },
  })

  leaf<[string], object>(owner, world, {
    usage: 'remove <name>',
    summary: 'remove an owner that owns nothing',
    example: 'holdfast owner remove harbour-works',
    async run({ hub, print }, _options, name) {
      await hub.owner.remove({ path: { name } })
      await print.result({ name, removed: true }, [`owner ${name} is removed`])
    },
  })
}

function lineText({ line, outcome, serial, reason, remedy }: SupplyApi.LineReport): string {
  const what = serial === undefined ? '' : ` ${serial}`
  const why = reason === undefined ? '' : `: ${reason}${remedy === undefined ? '' : `; ${remedy}`}`
  return `line ${line}${what} ${outcome}${why}`
}

/** How much of a file is looked at for its first line, in bytes. */
const HEAD_BYTES_MAX = 16_384

function manufacturerIn(file: string): string {
  const [line = ''] = bytesOf(file).subarray(0, HEAD_BYTES_MAX).toString('utf8').split('\n')
  try {
    const head: unknown = JSON.parse(line)
    const name: unknown = typeof head === 'object' && head !== null ? Reflect.get(head, 'manufacturer') : undefined
    if (typeof name === 'string') return name
  } catch {
    // Told below.
  }
  throw wrongUse(`the first line of ${file} names no manufacturer; give --manufacturer, or see docs/device-life.md`)
}

function sizeOf(file: string): number {
  return readable(file, () => statSync(file).size)
}

function bytesOf(file: string): Buffer {
  return readable(file, () => readFileSync(file))
}

function readable<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new Failure(`cannot read ${file}: ${code}; check the path and its permissions`, { code: 'unreadable-file' })
  }
}

/** `holdfast device life|history|model|commission|transfer|accept|retire|tombstones`: from the manifest to the tombstone. */

import type { SupplyApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

const REASON = (): Option => new Option('--reason <text>', 'why, for those who look later (256 characters)')

export function addDeviceLife(device: Command, world: World): void {
  leaf<[string], object>(device, world, {
    usage: 'life <id>',
    summary: 'show where a device is in its life, of which model it is, and whose',
    example: 'holdfast device life pump-1',
    async run({ hub, print }, _options, id) {
      const life = await hub.life.show({ path: { id } })
      await print.result(life, lifeLines(life))
    },
  })

  leaf<[string], object>(device, world, {
    usage: 'history <id>',
    summary: 'show what became of a device, oldest first; also of one that is gone',
    example: 'holdfast device history pump-1',
    async run({ hub, print }, _options, id) {
      await print.table(
        hub.life.history.pages({ path: { id } }),
        [
          ['TIME', (it) => it.at],
          ['MOVE', (it) => it.move],
          ['FROM', (it) => it.from],
          ['TO', (it) => it.to],
          ['BY', (it) => it.actor],
          ['DETAIL', (it) => detailText(it.detail)],
        ],
        'nothing is written about it',
      )
    },
  })

  leaf<[string, string], { readonly hardwareRevision?: string }>(device, world, {
    usage: 'model <id> <model>',
    summary: 'say of which model a device is; from then on it is held to what the model asks',
    example: 'holdfast device model pump-1 pump-3 --hardware-revision B',
    options: [new Option('--hardware-revision <revision>', 'one of those of the model')],
    async run({ hub, print }, { hardwareRevision }, id, model) {
      const body = { model, ...(hardwareRevision === undefined ? {} : { hardwareRevision }) }
      const life = await hub.life.assignModel({ path: { id }, body })
      await print.result(life, [`device ${id} is of model ${model}, and ${life.state}`])
    },
  })

  leaf<[string], { readonly reason?: string }>(device, world, {
    usage: 'commission <id>',
    summary: 'say that a device is put up at its site as it should be: it becomes active',
    example: 'holdfast device commission pump-1 --reason "hall 3, checklist 17"',
    options: [REASON()],
    async run({ hub, print }, { reason }, id) {
      const body = reason === undefined ? {} : { reason }
      const life = await hub.life.commission({ path: { id }, body })
      await print.result(life, [`device ${id} is ${life.state}`])
    },
  })

  leaf<[string], { readonly to?: string; readonly clearTags?: boolean; readonly withdraw?: boolean }>(device, world, {
    usage: 'transfer <id>',
    summary: 'offer a device to another owner, or take the offer back; it changes hands when the code is accepted',
    example: 'holdfast device transfer pump-1 --to harbour-works',
    options: [
      new Option('--to <owner>', 'to whom'),
      new Option('--clear-tags', "empty the tags of the device's twin when it changes hands"),
      new Option('--withdraw', 'take the offer back').conflicts(['to', 'clearTags']),
    ],
    async run({ hub, print }, { to, clearTags, withdraw }, id) {
      if (withdraw === true) {
        await hub.transfer.withdraw({ path: { id } })
        await print.result({ deviceId: id, withdrawn: true }, [`the offer of device ${id} is taken back`])
        return
      }
      if (to === undefined) throw wrongUse('name the new owner with --to, or take an offer back with --withdraw')
      const body = { to, ...(clearTags === undefined ? {} : { clearTags }) }
      const offered = await hub.transfer.offer({ path: { id }, body })
      await print.result(offered, [
        `device ${id} is offered to ${to} until ${offered.expires}`,
        `code: ${offered.code}`,
        'Give it to the new owner; it is not shown again. It is accepted with: holdfast device accept',
      ])
    },
  })

  leaf<[string | undefined], object>(device, world, {
    usage: 'accept [code]',
    summary: 'accept a device that was offered, by the code of the offer (default: standard input)',
    example: 'holdfast device accept ABCDEF-GHIJKL-MNOPQR-STUVWX',
    notes:
      "Ends the device's sessions and takes its credentials of before away: keys are new, certificates count no more.",
    async run({ hub, print }, _options, given) {
      const code = given === undefined || given === '-' ? readText('-').trim() : given
      const life = await hub.transfer.accept({ body: { code } })
      const next =
        life.state === 'claimed'
          ? `next: the device is provisioned again, by its key, as ${life.deviceId}`
          : `next: holdfast device connection-string ${life.deviceId}`
      await print.result(life, [`device ${life.deviceId} is ${life.owner ?? 'nobody'}'s, and ${life.state}`, next])
    },
  })

  leaf<[string], { readonly reason?: string; readonly shred?: boolean }>(device, world, {
    usage: 'retire <id>',
    summary: 'end a device for good: its sessions, its identity and its keys; a tombstone is left',
    example: 'holdfast device retire pump-1 --reason "scrapped"',
    options: [
      REASON(),
      new Option('--shred', 'destroy its files too, and replace the keys of the state (see docs/key-custody.md)'),
    ],
    async run({ hub, print }, { reason, shred }, id) {
      const body = { ...(reason === undefined ? {} : { reason }), ...(shred === true ? { shred } : {}) }
      const tombstone = await hub.life.retire({ path: { id }, body })
      await print.result(tombstone, [
        `device ${id} is retired; ${tombstone.keys.length} keys of it are refused from now on`,
      ])
    },
  })

  leaf<[string | undefined], object>(device, world, {
    usage: 'tombstones [id]',
    summary: 'list the tombstones of retired devices, or those of one id',
    example: 'holdfast device tombstones pump-1',
    async run({ hub, print }, _options, id) {
      await print.table(
        hub.life.tombstones.pages({ query: { device: id } }),
        [
          ['DEVICE', (it) => it.deviceId],
          ['GENERATION', (it) => it.generationId],
          ['SERIAL', (it) => it.serial],
          ['RETIRED', (it) => it.at],
          ['BY', (it) => it.actor],
          ['KEYS', (it) => it.keys.length],
          ['REASON', (it) => it.reason],
        ],
        'no device was retired',
      )
    },
  })
}

function lifeLines(life: SupplyApi.Life): readonly string[] {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['device', life.deviceId],
    ['state', `${life.state} since ${life.since}`],
    ['because', life.reason],
    ['model', life.model],
    ['revision', life.hardwareRevision],
    ['key in', life.keyStorage],
    ['owner', life.owner],
    ['offered to', life.offeredTo],
    ['serial', life.serial === undefined ? undefined : `${life.serial} of ${life.manufacturer ?? ''}`],
  ]
  return rows.filter(([, value]) => value !== undefined).map(([name, value]) => `${name.padEnd(10)} ${value ?? ''}`)
}

function detailText(detail: Readonly<Record<string, string>>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

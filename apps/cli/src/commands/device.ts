/** `holdfast device …`: identities of devices, and what cuts them off. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'
import { closedSessions } from '../printer.ts'
import { addDeviceShred } from './device-shred.ts'
import { addDeviceLife } from './device-life.ts'
import { addDeviceTimeline } from './device-timeline.ts'
import { addInvoke } from './invoke.ts'
import { addSend } from './send.ts'
import { identityBody, identityLines, identityOptions, type IdentityOptions } from './identity-options.ts'
import { makeToken, minutesOption, type TokenOptions } from './token.ts'

export function addDevice(program: Command, world: World): void {
  const device = group(
    program,
    'device',
    'devices: create, show, disable, delete, keys; call their methods, send them messages',
    'holdfast device create pump-1',
  )

  leaf<[string], IdentityOptions & { readonly fleet?: string }>(device, world, {
    usage: 'create <id>',
    summary: 'create a device',
    example: 'holdfast device create pump-1',
    options: [
      ...identityOptions(),
      new Option('--fleet <fleet>', 'ORGANISATION/SITE/FLEET in which it stands (where devices stand by themselves)'),
    ],
    async run({ hub, print }, options, deviceId) {
      const { fleet } = options
      const body = { deviceId, ...identityBody(options), ...(fleet !== undefined && { fleet }) }
      const created = await hub.device.create({ body })
      await print.result(created, [`created device ${created.deviceId} (${created.auth})`, nextStep(created, options)])
    },
  })

  leaf<[], { readonly limit?: number }>(device, world, {
    usage: 'list',
    summary: 'list the devices, by id',
    example: 'holdfast device list',
    options: [new Option('--limit <n>', 'at most so many').argParser(wholeNumber(1))],
    async run({ hub, print }, { limit }) {
      await print.table(
        hub.device.list.pages({}, limit),
        [
          ['DEVICE', (it) => it.deviceId],
          ['STATUS', (it) => it.status],
          ['AUTH', (it) => it.auth],
          ['CONNECTED', (it) => (it.connected ? (it.connectedSince ?? 'yes') : 'no')],
          ['LAST HEARD', (it) => it.lastActivityTime],
        ],
        "no devices yet; create one with 'holdfast device create ID'",
      )
    },
  })

  leaf<[string], object>(device, world, {
    usage: 'show <id>',
    summary: 'show one device',
    example: 'holdfast device show pump-1',
    async run({ hub, print }, _options, id) {
      const found = await hub.device.show({ path: { id } })
      await print.result(found, identityLines(found))
    },
  })

  leaf<[string], object>(device, world, {
    usage: 'connection-string <id>',
    summary: 'print the connection string that a device SDK takes; it holds the key',
    example: 'holdfast device connection-string pump-1',
    async run({ hub, print }, _options, id) {
      const found = await hub.device.connectionString({ path: { id } })
      await print.result(found, [found.connectionString])
    },
  })

  leaf<[string], TokenOptions>(device, world, {
    usage: 'token <id>',
    summary: 'print a token of the device, for clients that take it as MQTT password; it is a secret',
    example: 'holdfast device token pump-1 --minutes 10',
    options: [minutesOption()],
    async run({ hub, print }, { minutes }, id) {
      const found = await hub.device.connectionString({ path: { id } })
      const token = makeToken(found.connectionString, minutes, world.now())
      await print.result(token, [token.token])
    },
  })

  leaf<[string], { readonly reason?: string }>(device, world, {
    usage: 'disable <id>',
    summary: 'refuse a device from now on, and close its sessions at once',
    example: 'holdfast device disable pump-1 --reason "stolen"',
    options: [new Option('--reason <text>', 'why, for those who look later (128 characters)')],
    async run({ hub, print }, { reason }, id) {
      const change: Api.DeviceChange = { status: 'disabled', ...(reason !== undefined && { statusReason: reason }) }
      const changed = await hub.device.change({ path: { id }, body: change })
      await print.result(changed, [`device ${id} is disabled; ${closedSessions(changed)}`])
    },
  })

  leaf<[string], object>(device, world, {
    usage: 'enable <id>',
    summary: 'let a disabled device in again',
    example: 'holdfast device enable pump-1',
    async run({ hub, print }, _options, id) {
      const changed = await hub.device.change({ path: { id }, body: { status: 'enabled' } })
      await print.result(changed, [`device ${id} is enabled`])
    },
  })

  leaf<[string], object>(device, world, {
    usage: 'delete <id>',
    summary:
      'delete a device and its modules, and close their sessions at once; what it sent stays, what waits for it goes',
    example: 'holdfast device delete pump-1',
    async run({ hub, print }, _options, id) {
      const changed = await hub.device.delete({ path: { id } })
      await print.result(changed, [`device ${id} is deleted; ${closedSessions(changed)}`])
    },
  })

  addDeviceShred(device, world)

  leaf<[string], { readonly key: 'primary' | 'secondary' }>(device, world, {
    usage: 'regenerate-key <id>',
    summary: 'replace one key of a device, and close the sessions that rest on it',
    example: 'holdfast device regenerate-key pump-1 --key secondary',
    options: [keyOption()],
    async run({ hub, print }, { key }, id) {
      const changed = await hub.device.regenerateKey({ path: { id }, body: { key } })
      await print.result(changed, [`the ${key} key of device ${id} is new; ${closedSessions(changed)}`])
    },
  })

  leaf<[string, string[]], object>(device, world, {
    usage: 'set-thumbprints <id> <hex...>',
    summary: "replace a device's certificate thumbprints (one or two), and close the sessions that rest on the old",
    example: 'holdfast device set-thumbprints press-2 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08',
    async run({ hub, print }, _options, id, hexes) {
      if (hexes.length > 2) throw wrongUse('a device has two thumbprints at most')
      const thumbprints = hexes.map((hex) => hex.replaceAll(/[:\s]/g, '').toUpperCase())
      const changed = await hub.device.change({ path: { id }, body: { thumbprints } })
      await print.result(changed, [`device ${id} has new thumbprints; ${closedSessions(changed)}`])
    },
  })

  addDeviceLife(device, world)
  addDeviceTimeline(device, world)
  addInvoke(device, world)
  addSend(device, world)
}

export function keyOption(): Option {
  return new Option('--key <which>', 'primary or secondary').choices(['primary', 'secondary']).makeOptionMandatory()
}

function nextStep(created: Api.Device, options: { readonly data?: string }): string {
  const data = options.data === undefined ? '' : ` --data ${options.data}`
  return created.auth === 'sas'
    ? `next: holdfast device connection-string ${created.deviceId}${data}`
    : `next: connect with its certificate as client id ${created.deviceId}; holdfast doctor${data} names host, port and root`
}

/** `holdfast module …`: identities of modules, the parts of a device that connect on their own. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'

import { closedSessions } from '../printer.ts'
import { keyOption } from './device.ts'
import { identityBody, identityLines, identityOptions, type IdentityOptions } from './identity-options.ts'

export function addModule(program: Command, world: World): void {
  const module = group(
    program,
    'module',
    'modules of a device: add, show, disable, delete, keys',
    'holdfast module add pump-1 vibration',
  )

  leaf<[string, string], IdentityOptions>(module, world, {
    usage: 'add <device> <module>',
    summary: 'add a module to a device',
    example: 'holdfast module add pump-1 vibration',
    options: identityOptions(),
    async run({ hub, print }, options, deviceId, moduleId) {
      const body: Api.ModuleCreate = { moduleId, ...identityBody(options) }
      const created = await hub.module.create({ path: { id: deviceId }, body })
      await print.result(created, [
        `added module ${deviceId}/${moduleId} (${created.auth})`,
        `next: holdfast module connection-string ${deviceId} ${moduleId}`,
      ])
    },
  })

  leaf<[string], object>(module, world, {
    usage: 'list <device>',
    summary: 'list the modules of a device',
    example: 'holdfast module list pump-1',
    async run({ hub, print }, _options, deviceId) {
      await print.table(
        hub.module.list.pages({ path: { id: deviceId } }),
        [
          ['MODULE', (it) => it.moduleId],
          ['STATUS', (it) => it.status],
          ['AUTH', (it) => it.auth],
          ['CONNECTED', (it) => (it.connected ? (it.connectedSince ?? 'yes') : 'no')],
        ],
        `device ${deviceId} has no modules`,
      )
    },
  })

  leaf<[string, string], object>(module, world, {
    usage: 'show <device> <module>',
    summary: 'show one module',
    example: 'holdfast module show pump-1 vibration',
    async run({ hub, print }, _options, deviceId, moduleId) {
      const found = await hub.module.show({ path: { id: deviceId, module: moduleId } })
      await print.result(found, identityLines(found))
    },
  })

  leaf<[string, string], object>(module, world, {
    usage: 'connection-string <device> <module>',
    summary: 'print the connection string that a module SDK takes; it holds the key',
    example: 'holdfast module connection-string pump-1 vibration',
    async run({ hub, print }, _options, deviceId, moduleId) {
      const found = await hub.module.connectionString({ path: { id: deviceId, module: moduleId } })
      await print.result(found, [found.connectionString])
    },
  })

  leaf<[string, string], { readonly reason?: string }>(module, world, {
    usage: 'disable <device> <module>',
    summary: 'refuse a module from now on, and close its sessions at once',
    example: 'holdfast module disable pump-1 vibration',
    options: [new Option('--reason <text>', 'why, for those who look later (128 characters)')],
    async run({ hub, print }, { reason }, deviceId, moduleId) {
      const change: Api.DeviceChange = { status: 'disabled', ...(reason !== undefined && { statusReason: reason }) }
      const changed = await hub.module.change({ path: { id: deviceId, module: moduleId }, body: change })
      await print.result(changed, [`module ${deviceId}/${moduleId} is disabled; ${closedSessions(changed)}`])
    },
  })

  leaf<[string, string], object>(module, world, {
    usage: 'enable <device> <module>',
    summary: 'let a disabled module in again',
    example: 'holdfast module enable pump-1 vibration',
    async run({ hub, print }, _options, deviceId, moduleId) {
      const changed = await hub.module.change({ path: { id: deviceId, module: moduleId }, body: { status: 'enabled' } })
      await print.result(changed, [`module ${deviceId}/${moduleId} is enabled`])
    },
  })

  leaf<[string, string], object>(module, world, {
    usage: 'delete <device> <module>',
    summary: 'delete a module, and close its sessions at once',
    example: 'holdfast module delete pump-1 vibration',
    async run({ hub, print }, _options, deviceId, moduleId) {
      const changed = await hub.module.delete({ path: { id: deviceId, module: moduleId } })
      await print.result(changed, [`module ${deviceId}/${moduleId} is deleted; ${closedSessions(changed)}`])
    },
  })

  leaf<[string, string], { readonly key: 'primary' | 'secondary' }>(module, world, {
    usage: 'regenerate-key <device> <module>',
    summary: 'replace one key of a module, and close the sessions that rest on it',
    example: 'holdfast module regenerate-key pump-1 vibration --key primary',
    options: [keyOption()],
    async run({ hub, print }, { key }, deviceId, moduleId) {
      const changed = await hub.module.regenerateKey({ path: { id: deviceId, module: moduleId }, body: { key } })
      await print.result(changed, [
        `the ${key} key of module ${deviceId}/${moduleId} is new; ${closedSessions(changed)}`,
      ])
    },
  })
}

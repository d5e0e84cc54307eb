/** `holdfast quarantine …`: identities that are not trusted until an operator says so. */

import type { MasqueradeApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'

const MODULE = new Option('--module <id>', 'the module of the device, alone')

interface ModuleOptions {
  readonly module?: string
}

export function addQuarantine(program: Command, world: World): void {
  const quarantine = group(
    program,
    'quarantine',
    'devices that stay connected and reach remediation only: list, add, release',
    'holdfast quarantine add pump-1 --reason "seen in two plants"',
  )

  leaf<[], object>(quarantine, world, {
    usage: 'list',
    summary: 'list who is in quarantine, and why',
    example: 'holdfast quarantine list',
    async run({ hub, print }) {
      await print.table(
        hub.quarantine.list.pages(),
        [
          ['DEVICE', (it) => it.deviceId],
          ['MODULE', (it) => it.moduleId],
          ['SINCE', (it) => it.at],
          ['BY', (it) => it.actor],
          ['REASON', (it) => it.reason],
        ],
        'nobody is in quarantine',
      )
    },
  })

  leaf<[string], ModuleOptions & { readonly reason: string }>(quarantine, world, {
    usage: 'add <id>',
    summary: 'put a device and its modules, or one module, into quarantine; it stays connected',
    example: 'holdfast quarantine add pump-1 --reason "seen in two plants"',
    options: [new Option('--reason <text>', 'why, for those who look later').makeOptionMandatory(), MODULE],
    async run({ hub, print }, { reason, module }, deviceId) {
      const body: MasqueradeApi.QuarantineAdd = { deviceId, reason, ...(module !== undefined && { moduleId: module }) }
      const added = await hub.quarantine.add({ body })
      await print.result(added, [`${nameOf(deviceId, module)} is in quarantine since ${added.at}`])
    },
  })

  leaf<[string], ModuleOptions>(quarantine, world, {
    usage: 'release <id>',
    summary: 'let a device or module out; what was found of it is cleared, and its connection goes on',
    example: 'holdfast quarantine release pump-1',
    options: [MODULE],
    notes: 'If its key was copied, replace the key first: the copy is let out, too.',
    async run({ hub, print }, { module }, deviceId) {
      if (module === undefined) await hub.quarantine.release({ path: { id: deviceId } })
      else await hub.quarantine.releaseModule({ path: { id: deviceId, module } })
      const released = { deviceId, ...(module !== undefined && { moduleId: module }) }
      await print.result(released, [`${nameOf(deviceId, module)} is out of quarantine`])
    },
  })
}

function nameOf(deviceId: string, module: string | undefined): string {
  return module === undefined ? `device ${deviceId}` : `module ${module} of device ${deviceId}`
}

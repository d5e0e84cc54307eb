/** `holdfast device shred`: deleting a device so that nothing of its secrets can be read any more. */

import { type Command, Option } from 'commander'
import { leaf, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import { closedSessions } from '../printer.ts'

/** Every secret of the hub is sealed anew: some milliseconds for each 500 devices. */
const SHRED_MS_MAX = 600_000

export function addDeviceShred(device: Command, world: World): void {
  leaf<[string], { readonly yes?: boolean; readonly finish?: boolean }>(device, world, {
    usage: 'shred <id>',
    summary: 'delete a device, its files and messages, and destroy the keys that older copies of them need',
    example: 'holdfast device shred pump-1 --yes',
    notes:
      'The keys that seal the secrets of all devices are replaced on the way, and nobody notices.\nTelemetry is under keys by the day: holdfast keys drop. docs/key-custody.md says what copies still open.',
    options: [
      new Option('--yes', 'do not ask'),
      new Option('--finish', 'the device is gone already: finish what was interrupted'),
    ],
    async run({ hub, print, world: { confirm } }, { yes, finish }, id) {
      if (yes !== true) {
        const answer = await confirm(`Destroy device ${id}, its files and messages, so that nobody can restore them?`)
        if (answer === undefined)
          throw wrongUse('shredding cannot be undone; say so with --yes where nobody can be asked')
        if (!answer) throw new Failure(`device ${id} was left alone, as answered`, { code: 'declined' })
      }
      const body = finish === true ? { finish } : {}
      const options = { waitMs: SHRED_MS_MAX }
      const done = await hub.shred.device({ path: { id }, body, ...options })
      await print.result(done, [
        done.deleted ? `device ${id} is destroyed; ${closedSessions(done)}` : `device ${id} was gone already`,
        `${done.files} files are destroyed; the keys that sealed its secrets are gone`,
      ])
    },
  })
}

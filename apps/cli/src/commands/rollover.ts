/** `holdfast ca rollover …`: from one root of the hub's authority to the next, without leaving a device behind. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'
import { closedSessions } from '../printer.ts'
import { agreed, authorityLines, newPassphrase, PASSPHRASE_MS, passphrase, readBundle } from './hub-authority.ts'

interface BeginOptions {
  readonly passphraseFile?: string
  readonly machine?: true
  readonly oldBundle?: string
  readonly oldPassphraseFile?: string
}

export function addRollover(ca: Command, world: World): void {
  const rollover = group(
    ca,
    'rollover',
    "roll the hub's own authority over to a new root: begin, status, switch, finish, back",
    'holdfast ca rollover status',
  )

  leaf<[], BeginOptions>(rollover, world, {
    usage: 'begin',
    summary: 'make a new root beside the old one; devices are told to trust both, certificates come from the new one',
    example: 'holdfast ca rollover begin --old-bundle /media/usb/root-bundle.json',
    notes:
      'The listeners go on showing the old chain. Where the old root vouches for the new one (its key is in the\ndata folder, or comes with --old-bundle), a switch strands nobody.',
    options: [
      new Option(
        '--passphrase-file <file>',
        'passphrase that seals the new root (else it is asked for at the terminal)',
      ),
      new Option('--machine', 'seal the new root to the machine, until it is exported').conflicts('passphraseFile'),
      new Option('--old-bundle <file>', 'bundle of the old root'),
      new Option('--old-passphrase-file <file>', 'file that holds the passphrase of the old bundle'),
    ],
    async run({ hub, print, world: asked }, { passphraseFile, machine, oldBundle, oldPassphraseFile }) {
      const old = oldBundle === undefined ? undefined : await readBundle(oldBundle)
      const oldSecret = old === undefined ? undefined : await passphrase(asked, oldPassphraseFile)
      const secret = machine === true ? undefined : await newPassphrase(asked, passphraseFile)
      const begun = await hub.hubAuthority.beginRollover({
        body: {
          ...(secret !== undefined && { secret }),
          ...(old !== undefined && oldSecret !== undefined && { old: { bundle: old, secret: oldSecret } }),
        },
        waitMs: PASSPHRASE_MS,
      })
      const isCrossed = begun.roots.some((it) => it.generation === begun.rollover?.generation && it.crossSigned)
      await print.result(begun, [
        'the roll-over has begun: devices are told to trust both roots',
        isCrossed
          ? "the old root vouches for the new one; show it with 'holdfast ca rollover switch' whenever you like"
          : 'nobody vouches for the new root: switch only once the devices have it',
        ...authorityLines(begun),
      ])
    },
  })

  leaf<[], { readonly days?: number }>(rollover, world, {
    usage: 'status',
    summary: 'show how many devices have moved, and whether the old root can be retired',
    example: 'holdfast ca rollover status --days 90',
    options: [daysOption()],
    async run({ hub, print }, { days }) {
      const found = await hub.hubAuthority.progress({ query: { days } })
      await print.result(found, progressLines(found))
    },
  })

  leaf<[], { readonly alone?: true; readonly yes?: true }>(rollover, world, {
    usage: 'switch',
    summary: 'show the new chain from now on, vouched for by the old root unless told otherwise',
    example: 'holdfast ca rollover switch --alone',
    notes:
      'With --alone, the listeners show the new chain and nothing else: a device that connects then trusts the new\nroot, and one that does not is locked out until you go back.',
    options: [
      new Option('--alone', 'without the old root vouching for the new one'),
      new Option('--yes', 'do not ask'),
    ],
    async run({ hub, print, world: asked }, { alone, yes }) {
      if (alone === true) await agreed(asked, yes, 'Lock out devices that do not trust the new root yet?')
      const serving = alone === true ? 'new' : 'crossed'
      const changed = await hub.hubAuthority.switchRollover({ body: { serving }, waitMs: PASSPHRASE_MS })
      await print.result(changed, [
        alone === true
          ? 'the listeners show the new chain alone'
          : 'the listeners show the new chain, and that the old root vouches for it',
        'back with one command: holdfast ca rollover back',
      ])
    },
  })

  leaf<[], object>(rollover, world, {
    usage: 'back',
    summary: 'go back to the old root at once; certificates that devices got meanwhile go on counting',
    example: 'holdfast ca rollover back',
    async run({ hub, print }) {
      const changed = await hub.hubAuthority.undoRollover({ waitMs: PASSPHRASE_MS })
      await print.result(changed, ['all is with the old root again', ...authorityLines(changed)])
    },
  })

  leaf<[], { readonly yes?: true; readonly days?: number }>(rollover, world, {
    usage: 'finish',
    summary: 'retire the old root: what rests on it is cut off, its keys are destroyed',
    example: 'holdfast ca rollover finish',
    options: [daysOption(), new Option('--yes', 'also when not every active device has moved')],
    async run({ hub, print, world: asked }, { yes, days }) {
      const found = await hub.hubAuthority.progress({ query: { days } })
      if (!found.safeToRetire && yes !== true) {
        const left = found.active - found.moved
        for (const line of progressLines(found)) asked.stderr.write(`${line}\n`)
        await agreed(asked, undefined, `Retire the old root although ${left} devices are not known to have moved?`)
      }
      const wish = { force: !found.safeToRetire, ...(days !== undefined && { days }) }
      const changed = await hub.hubAuthority.finishRollover({ body: wish, waitMs: PASSPHRASE_MS })
      await print.result(changed, [`the old root is retired; ${closedSessions(changed)}`, ...authorityLines(changed)])
    },
  })
}

function daysOption(): Option {
  return new Option('--days <n>', 'devices that were silent for longer are not waited for (default 30)').argParser(
    wholeNumber(1),
  )
}

const SERVING: Readonly<Record<Api.Serving, string>> = {
  old: 'the old chain',
  crossed: 'the new chain, vouched for by the old root',
  new: 'the new chain alone',
}

function progressLines(found: Api.RolloverProgress): readonly string[] {
  const { active, moved, by, days, remaining, certificatesBelowOld } = found
  const share = active === 0 ? 100 : Math.floor((moved / active) * 100)
  return [
    `begun      ${found.begunTime}, to root ${found.generation}`,
    `shown      ${SERVING[found.serving]}, since ${found.servingSince}`,
    `moved      ${moved} of ${active} devices that were active in ${days} days (${share} %)`,
    `           ${by.connected} connected to the new chain alone, ${by.renewed} use a certificate below it, ${by.fetched} fetched the roots`,
    `below old  ${certificatesBelowOld} certificates of devices`,
    ...(remaining.length === 0
      ? []
      : [`remaining  ${remaining.slice(0, 10).join(', ')}${remaining.length > 10 ? ', …' : ''}`]),
    found.safeToRetire ? 'the old root can be retired: holdfast ca rollover finish' : 'the old root is still needed',
  ]
}

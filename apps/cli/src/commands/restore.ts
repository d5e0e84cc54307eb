/** `holdfast restore`: a backup becomes a data folder. Needs no hub. */

import type { Command } from 'commander'
import { type OpeningOptions, readOpening } from '../backup/opening.ts'
import { Progress } from '../backup/progress.ts'
import { failureOf, restoredLines } from '../backup/told.ts'
import { leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'
import { openingOptions } from './backup.ts'

export function addRestore(program: Command, world: World): void {
  leaf<[string], OpeningOptions & { readonly logKey?: string; readonly data?: string }>(program, world, {
    usage: 'restore <file>',
    summary: 'restore a backup into a data folder that is empty or not there',
    example: 'holdfast restore hub.tar.age --data ./restored --identity key.txt',
    notes:
      'Everything is verified before it is put in place. Stop the hub that was backed up first: two of them speak for one another.',
    options: openingOptions(),
    async run({ print, world: { stderr, now } }, options, file) {
      const { data, logKey } = options
      if (data === undefined) throw wrongUse('name the folder to restore into: --data DIR')
      const progress = new Progress(stderr, 'unpacked', now)
      try {
        const { restore } = await import('@holdfast/backup/restore')
        const restoring = { file, opening: await readOpening(options), onBytes: (bytes: number) => progress.at(bytes) }
        const restored = await restore(logKey === undefined ? restoring : { ...restoring, logKey }, data)
        progress.end()
        const { keyProvider } = restored.manifest
        const moved =
          keyProvider === 'file'
            ? []
            : [
                `the key of all keys was kept in ${keyProvider} and is in a file now: unless config.json says so, move it back with holdfast keys provider set ${keyProvider}`,
              ]
        await print.result({ file, data, ...restored, manifest: { ...restored.manifest, files: undefined } }, [
          `restored into ${data}:`,
          ...restoredLines(restored, logKey),
          ...moved,
          `start it: holdfast up --data ${data}`,
        ])
      } catch (error) {
        progress.end()
        throw failureOf(error)
      }
    },
  })
}

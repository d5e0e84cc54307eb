/** `holdfast files …`: what devices have uploaded. */

import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import { bytesText } from '../printer.ts'

export function addFiles(program: Command, world: World): void {
  const files = group(
    program,
    'files',
    'files that devices have uploaded: list, download, delete',
    'holdfast files list',
  )

  leaf<[], { readonly device?: string; readonly limit?: number }>(files, world, {
    usage: 'list',
    summary: 'list the files, oldest first',
    example: 'holdfast files list --device pump-1',
    options: [
      new Option('--device <id>', 'of this device alone'),
      new Option('--limit <n>', 'at most so many').argParser(wholeNumber(1)),
    ],
    async run({ hub, print }, { device, limit }) {
      await print.table(
        hub.file.list.pages({ query: { device } }, limit),
        [
          ['ID', (it) => it.id],
          ['DEVICE', (it) => it.deviceId],
          ['SIZE', (it) => bytesText(it.bytes)],
          ['UPLOADED', (it) => it.uploadedTime],
          ['STATE', (it) => it.state],
          ['NAME', (it) => it.blobName],
        ],
        'no files yet',
      )
    },
  })

  leaf<[string], { readonly to?: string }>(files, world, {
    usage: 'download <id>',
    summary: 'write a file, decrypted, to a file or to standard output',
    example: 'holdfast files download 019ab2… --to report.csv',
    options: [new Option('--to <file>', 'where to; standard output unless told')],
    async run({ hub, print, world: { stdout } }, { to }, id) {
      const body = await hub.file.content({ path: { file: id } })
      if (to === undefined) {
        if (stdout.isTTY === true) {
          body.destroy()
          throw wrongUse('a file is not written to a terminal; say where to with --to FILE, or pipe it')
        }
        for await (const chunk of body) {
          await new Promise<void>((resolve) => {
            if (stdout.write(chunk)) resolve()
            else stdout.once('drain', resolve)
          })
        }
        return
      }
      // Under another name until it is whole, so that nobody takes a part for the file.
      const part = `${to}.part`
      let bytes = 0
      body.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      try {
        await pipeline(body, createWriteStream(part, { flags: 'wx', mode: 0o600 }))
        await rename(part, to)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) await rm(part, { force: true })
        const why = error instanceof Error ? error.message : String(error)
        throw new Failure(`the file was not written to ${to}: ${why}`, { code: 'not-written', cause: error })
      }
      await print.result({ id, file: to, bytes }, [`${bytesText(bytes)} were written to ${to}`])
    },
  })

  leaf<[string], { readonly yes?: boolean }>(files, world, {
    usage: 'delete <id>',
    summary: 'destroy a file: its key first, so that nothing of it can be read any more',
    example: 'holdfast files delete 019ab2… --yes',
    options: [new Option('--yes', 'do not ask')],
    async run({ hub, print, world: { confirm } }, { yes }, id) {
      if (yes !== true) {
        const answer = await confirm(`Destroy the file ${id}? It can never be read again.`)
        if (answer === undefined)
          throw wrongUse('destroying a file cannot be undone; say so with --yes where nobody can be asked')
        if (!answer) throw new Failure(`the file ${id} was left alone, as answered`, { code: 'declined' })
      }
      await hub.file.delete({ path: { file: id } })
      await print.result({ id, deleted: true }, [`the file ${id} is destroyed`])
    },
  })
}

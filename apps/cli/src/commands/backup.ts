/** `holdfast backup …`: taken now, on a schedule, and tried. */

import { createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BackupApi } from '@holdfast/api'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type OpeningOptions, readOpening, readPassphrase } from '../backup/opening.ts'
import { Progress } from '../backup/progress.ts'
import { failureOf, restoredLines } from '../backup/told.ts'
import { collected, group, leaf, wholeNumber, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import { bytesText } from '../printer.ts'
import { readSeconds } from '../time.ts'

/** A hub copies its databases before it begins to answer; milliseconds. */
const COPY_MS_MAX = 6 * 3_600_000

/** As age writes them; the hub asks for the same. */
const RECIPIENT = /^age1[0-9a-z]{40,3000}$/

function recipients(value: string, before: readonly string[] | undefined): readonly string[] {
  if (!RECIPIENT.test(value)) {
    throw new InvalidArgumentError(
      "It is no recipient of age's; age-keygen -o key.txt makes a key and prints its age1….",
    )
  }
  return collected(value, before)
}

interface CreateOptions {
  readonly to: string
  readonly recipient?: readonly string[]
  readonly passphraseFile?: string
}

export function addBackup(program: Command, world: World): void {
  const backup = group(
    program,
    'backup',
    'backups of the hub, sealed with age: take, schedule, try',
    'holdfast backup create --to ./backups --recipient age1…',
  )
  addCreate(backup, world)
  addSchedule(backup, world)

  leaf<[], object>(backup, world, {
    usage: 'list',
    summary: 'list the backups that the hub has taken, newest first, and what became of trying them',
    example: 'holdfast backup list',
    async run({ hub, print }) {
      await print.table(
        hub.backup.list.pages(),
        [
          ['ID', (it) => it.id],
          ['TAKEN', (it) => it.takenTime],
          ['SIZE', (it) => bytesText(it.bytes)],
          ['DEVICES', (it) => it.devices],
          ['MESSAGES', (it) => it.messages],
          ['ENTRIES', (it) => it.entries],
          ['TRIED', drillText],
          ['FILE', (it) => it.file],
        ],
        'no backups yet: holdfast backup create, or holdfast backup schedule',
      )
    },
  })

  leaf<[string | undefined], object>(backup, world, {
    usage: 'drill [id]',
    summary: 'have the hub restore a backup on trial: the newest that it can open, unless told',
    example: 'holdfast backup drill',
    notes: 'Exits 1 where the backup does not hold what was backed up.',
    async run({ hub, print }, _options, id) {
      const drilled = await hub.backup.drill({ path: { backup: id ?? (await newest(hub)) }, waitMs: COPY_MS_MAX })
      const { drill } = drilled
      if (drill === undefined) throw new Failure('the hub did not say what became of it', { code: 'garbled' })
      if (!drill.isProved) {
        await print.result(drilled, [])
        throw new Failure(`the backup ${drilled.id} does not hold: ${drill.reason ?? ''}`, { code: 'does-not-hold' })
      }
      await print.result(drilled, [
        `the backup ${drilled.id} was restored on trial in ${drill.seconds} s: ${drilled.devices} devices, ` +
          `${drill.messages ?? 0} messages opened, ${drilled.entries} entries of the audit log, as backed up`,
      ])
    },
  })

  leaf<[string], OpeningOptions & { readonly logKey?: string; readonly scratch?: string }>(backup, world, {
    usage: 'verify <file>',
    summary: 'open a backup here, compare it with what was backed up, and leave nothing behind',
    example: 'holdfast backup verify hub.tar.age --identity key.txt',
    notes: 'Needs no hub. Exits 1 where it does not hold.',
    options: [
      ...openingOptions(),
      new Option('--scratch <dir>', 'where there is room to unpack it; beside the file unless told'),
    ],
    async run({ print, world: { stderr, now } }, options, file) {
      const progress = new Progress(stderr, 'unpacked', now)
      try {
        const { verifyBackup } = await import('@holdfast/backup/restore')
        const restoring = { file, opening: await readOpening(options), onBytes: (bytes: number) => progress.at(bytes) }
        const verified = await verifyBackup(
          options.logKey === undefined ? restoring : { ...restoring, logKey: options.logKey },
          options.scratch ?? dirname(file),
        )
        progress.end()
        await print.result({ file, ...verified, manifest: { ...verified.manifest, files: undefined } }, [
          `the backup holds what was backed up:`,
          ...restoredLines(verified, options.logKey),
        ])
      } catch (error) {
        progress.end()
        throw failureOf(error)
      }
    },
  })
}

export function openingOptions(): readonly Option[] {
  return [
    new Option('--identity <file>', 'identity that it was sealed for, as age-keygen made it'),
    new Option('--passphrase-file <file>', 'file with the passphrase that it was sealed under'),
    new Option('--log-key <vkey>', "key of the hub's audit log that has to have signed it; else the one in it"),
  ]
}

function addCreate(backup: Command, world: World): void {
  leaf<[], CreateOptions>(backup, world, {
    usage: 'create',
    summary: 'take a backup of the hub on this machine while it runs',
    example: 'holdfast backup create --to hub.tar.age --recipient age1…',
    notes:
      'Keep the identity elsewhere: whoever has both has everything. Debian opens it too: age -d -i key.txt hub.tar.age | tar t',
    options: [
      new Option('--to <path>', 'the file, or a folder that a file is made in').makeOptionMandatory(),
      new Option('--recipient <age1…>', 'who can open it; more than once for more').argParser(recipients),
      new Option('--passphrase-file <file>', 'seal it under the passphrase in this file instead'),
    ],
    async run({ hub, print, world: { stderr, now } }, { to, recipient, passphraseFile }) {
      if ((recipient === undefined) === (passphraseFile === undefined)) {
        throw wrongUse('say who can open it: --recipient age1… (age-keygen makes one), or --passphrase-file FILE')
      }
      const body =
        passphraseFile === undefined
          ? { recipients: [...(recipient ?? [])] }
          : { passphrase: await readPassphrase(passphraseFile) }
      const file = await fileFor(to, now())
      const { key: logKey } = await hub.audit.log()
      const { provider } = await hub.keyProvider.show()
      const answer = await hub.backup.create({ body, waitMs: COPY_MS_MAX })
      // Under another name until it is whole, so that nobody takes a part for a backup.
      const part = `${file}.part`
      const progress = new Progress(stderr, 'taken', now)
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        progress.at(bytes)
      })
      try {
        await pipeline(answer, createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true }))
        await rename(part, file)
        await syncFolder(dirname(file))
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) await rm(part, { force: true })
        throw new Failure(`the backup was not written to ${file}: ${whyNot(error)}`, {
          code: 'not-written',
          cause: error,
        })
      } finally {
        progress.end()
      }
      const id = String(answer.headers['x-holdfast-backup'] ?? '')
      await print.result({ id, file, bytes, logKey }, [
        `${bytesText(bytes)} were written to ${file}`,
        `try it: holdfast backup verify ${file} ${passphraseFile === undefined ? '--identity FILE' : `--passphrase-file ${passphraseFile}`} --log-key ${logKey}`,
        ...(provider === 'pkcs11'
          ? ['not in it: keys of the authority that were made in the token; they do not leave it, so keep that too']
          : []),
        'keep that log key where nobody who can write to the backups can change it: it tells this backup from a forged one',
      ])
    },
  })
}

interface ScheduleOptions {
  readonly every?: number
  readonly to?: string
  readonly recipient?: readonly string[]
  readonly keep?: number
  readonly drillEvery?: number
  readonly drill: boolean
  readonly off?: boolean
}

function addSchedule(backup: Command, world: World): void {
  leaf<[], ScheduleOptions>(backup, world, {
    usage: 'schedule',
    summary: 'have the hub take backups on a schedule; without options, show it',
    example: 'holdfast backup schedule --every 24h --to /srv/backups --recipient age1… --keep 14',
    notes:
      'For drills, each backup is sealed for a key of its own as well, which the hub keeps sealed with its secrets: --no-drill leaves that away.',
    options: [
      new Option('--every <time>', 'from one to the next, in whole hours: 24h').argParser(hours),
      new Option('--to <dir>', "a folder on the hub's machine, outside of its data folder"),
      new Option('--recipient <age1…>', 'who can open them; more than once for more').argParser(recipients),
      new Option('--keep <n>', 'how many are kept (default 14)').argParser(wholeNumber(1)),
      new Option('--drill-every <time>', 'how often the newest is restored on trial (default 168h)').argParser(hours),
      new Option('--no-drill', 'restore none on trial'),
      new Option('--off', 'take no more; those that there are stay'),
    ],
    async run({ hub, print }, { every, to, recipient, keep = 14, drillEvery = 168, drill, off }) {
      if (off === true) {
        await hub.backup.unschedule()
        return print.result({ scheduled: false }, ['no more backups are taken by the hub itself'])
      }
      if (every === undefined && to === undefined && recipient === undefined) {
        const state = await hub.backup.showSchedule()
        return print.result(state, scheduleLines(state))
      }
      if (every === undefined || to === undefined || recipient === undefined) {
        throw wrongUse('a schedule needs --every, --to and --recipient')
      }
      const body = {
        everyHours: every,
        to,
        recipients: [...recipient],
        keep,
        drillHours: drill ? drillEvery : 0,
      }
      const state = await hub.backup.schedule({ body })
      await print.result(state, scheduleLines(state))
    },
  })
}

function scheduleLines({
  schedule,
  nextTime,
  nextDrillTime,
  failure,
}: BackupApi.BackupScheduleState): readonly string[] {
  if (schedule === undefined) return ['no backups are scheduled: holdfast backup schedule --help']
  const { everyHours, to, keep, recipients, drillHours } = schedule
  return [
    `every ${everyHours} h to ${to}, the last ${keep} are kept, sealed for ${recipients.join(', ')}`,
    `next: ${nextTime ?? '-'}`,
    drillHours === 0
      ? 'none is restored on trial'
      : `restored on trial every ${drillHours} h; next: ${nextDrillTime ?? 'after the first'}`,
    ...(failure === undefined ? [] : [`the last attempt failed: ${failure}`]),
  ]
}

async function newest(hub: {
  readonly backup: { list(): Promise<{ readonly items: readonly BackupApi.Backup[] }> }
}): Promise<string> {
  const { items } = await hub.backup.list()
  const found = items.find(({ canDrill }) => canDrill)
  if (found !== undefined) return found.id
  throw new Failure(
    'the hub has no backup that it could open: schedule some (holdfast backup schedule), or use holdfast backup verify',
    { code: 'no-backup' },
  )
}

function drillText({ drill, canDrill }: BackupApi.Backup): string {
  if (drill === undefined) return canDrill ? 'not yet' : '-'
  return drill.isProved ? `holds, ${drill.time}` : `DOES NOT HOLD: ${drill.reason ?? ''}`
}

/** In a folder, a name that says when; an existing file is not written over. */
async function fileFor(to: string, now: number): Promise<string> {
  const found = await stat(to).catch(() => undefined)
  if (found?.isDirectory() === true) {
    const time = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')
    return join(to, `holdfast-${time}.tar.age`)
  }
  if (found === undefined) return to
  throw new Failure(`${to} is there already, and a backup does not replace another: name another file`, {
    code: 'exists',
  })
}

function whyNot(error: unknown): string {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) {
    return 'there is no room for it, and no part of it was left; make some, or name a file on another disk'
  }
  return error instanceof Error ? error.message : String(error)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function hours(text: string): number {
  const seconds = readSeconds(text)
  if (seconds % 3_600 !== 0 || seconds === 0)
    throw new InvalidArgumentError('It is a number of hours or days: 24h, 7d.')
  return seconds / 3_600
}

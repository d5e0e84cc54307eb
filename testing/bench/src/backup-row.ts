/**
 * Packing and sealing a backup, and opening and unpacking it, as the backup thread and `holdfast restore` do it: every byte is
 * digested and sealed by age, and what is unpacked is on the disk. Beside it Debian's `age` and `cp` over the same bytes.
 */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { open, pack, readIdentities, seal, unpack } from '@holdfast/backup'
import type { Row } from './table.ts'

const BYTES = 128 * 1024 * 1024
const READ_BYTES = 256 * 1024
const MANIFEST = {
  id: 'ab'.repeat(16),
  takenTime: '2026-11-25T00:00:00.000Z',
  hostname: 'localhost',
  version: '0.1.0',
  keyProvider: 'file',
  counts: { devices: 0, modules: 0, uploads: 0, partitions: [], entries: 0 },
}

export async function backupRows({
  scratch,
  rounds,
  progress,
}: {
  readonly scratch: string
  readonly rounds: number
  readonly progress: (text: string) => void
}): Promise<readonly Row[]> {
  const created = new Map<string, number[]>([
    ['holdfast', []],
    ['age', []],
    ['cp', []],
  ])
  const restored = new Map<string, number[]>([
    ['holdfast', []],
    ['age', []],
    ['cp', []],
  ])
  for (let round = 1; round <= rounds; round += 1) {
    progress(`backups: round ${round} of ${rounds}`)
    const folder = mkdtempSync(join(scratch, 'backup-'))
    const at = (name: string): string => join(folder, name)
    try {
      writeFileSync(at('plain'), randomBytes(BYTES))
      execFileSync('age-keygen', ['-o', at('identity')], { stdio: 'ignore' })
      const recipient = execFileSync('age-keygen', ['-y', at('identity')], { encoding: 'utf8' }).trim()
      const run = (name: string, ...args: readonly string[]): Promise<number> =>
        megabytesPerSecond(() => execFileSync(name, args))
      created.get('holdfast')?.push(await megabytesPerSecond(() => create(at('plain'), at('ours'), recipient)))
      created.get('age')?.push(await run('age', '-e', '-r', recipient, '-o', at('theirs'), at('plain')))
      created.get('cp')?.push(await run('cp', at('plain'), at('copy')))
      mkdirSync(at('unpacked'))
      restored
        .get('holdfast')
        ?.push(await megabytesPerSecond(() => restore(at('ours'), at('unpacked'), at('identity'))))
      restored.get('age')?.push(await run('age', '-d', '-i', at('identity'), '-o', at('opened'), at('theirs')))
      restored.get('cp')?.push(await run('cp', at('theirs'), at('other')))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const what = `of ${BYTES / 2 ** 20} MiB`
  return [
    { what: `a backup ${what}: packed, digested, sealed`, unit: 'MB/s', values: created, isMoreBetter: true },
    { what: `a backup ${what}: opened, compared, written`, unit: 'MB/s', values: restored, isMoreBetter: true },
  ]
}

async function create(plain: string, file: string, recipient: string): Promise<void> {
  const sources = [{ name: 'history.db', path: plain, bytes: BYTES }]
  const packed = pack({ sources, manifest: MANIFEST, sign: async () => undefined })
  const sealed = await seal({ kind: 'recipients', recipients: [recipient] }, packed)
  await pipeline(Readable.from(sealed), createWriteStream(file))
}

async function restore(file: string, folder: string, identity: string): Promise<void> {
  const identities = readIdentities(readFileSync(identity, 'utf8'))
  const archive = createReadStream(file, { highWaterMark: READ_BYTES })
  await unpack(await open({ kind: 'identities', identities }, archive), folder)
}

async function megabytesPerSecond(act: () => unknown): Promise<number> {
  const start = performance.now()
  await act()
  return BYTES / 1_000 / (performance.now() - start)
}

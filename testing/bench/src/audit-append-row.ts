/**
 * Events appended to the audit log a second, each group of a hundred durable before the next: leaf, sealed body, tags, tree.
 * Beside it, bare inserts into SQLite of rows of the same size, in transactions as large and as durable.
 */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { openStateStore } from '@holdfast/store/state'
import { median } from './median.ts'
import type { Row } from './table.ts'

const GROUP = 100
const GROUPS = 100
const DEVICES = 1_000
/** Of a row of the log as it lies in the table: hash, salt, commitment, tags, sealed body. */
const ROW_BYTES = 420

export async function auditAppendRows({
  scratch,
  rounds,
  progress,
}: {
  readonly scratch: string
  readonly rounds: number
  readonly progress: (text: string) => void
}): Promise<{ readonly rows: readonly Row[]; readonly microseconds: number }> {
  const ours: number[] = []
  const bare: number[] = []
  const processor: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    progress(`audit appends: round ${round} of ${rounds}`)
    const folder = mkdtempSync(join(scratch, 'audit-'))
    const { perSecond, microseconds } = await appended(join(folder, 'state.db'))
    const inserted = insertedPerSecond(join(folder, 'bare.db'))
    rmSync(folder, { recursive: true })
    if (round === 0) continue
    ours.push(perSecond)
    processor.push(microseconds)
    bare.push(inserted)
  }
  const rows: readonly Row[] = [
    {
      what: `audit entries appended, ${GROUP} a group, each group on disk before the next`,
      unit: 'a second',
      values: new Map([
        ['holdfast', ours],
        ['bare SQLite inserts of as many bytes', bare],
      ]),
      isMoreBetter: true,
    },
    {
      what: 'processor for an audit entry',
      unit: 'microseconds',
      values: new Map([['holdfast', processor]]),
      isMoreBetter: false,
    },
  ]
  return { rows, microseconds: median(processor) }
}

async function appended(file: string): Promise<{ readonly perSecond: number; readonly microseconds: number }> {
  const keys = { current: 1, keys: [{ epoch: 1, bytes: new Uint8Array(randomBytes(32)) }] }
  const store = await openStateStore({ file, keys, random: (bytes) => new Uint8Array(randomBytes(bytes)) })
  const start = performance.now()
  const before = process.cpuUsage()
  for (let group = 0; group < GROUPS; group += 1) {
    await store.recordEvents(Array.from({ length: GROUP }, (_, at) => eventOf(group * GROUP + at)))
  }
  const { user, system } = process.cpuUsage(before)
  const perSecond = (GROUPS * GROUP * 1_000) / (performance.now() - start)
  await store.close()
  return { perSecond, microseconds: (user + system) / (GROUPS * GROUP) }
}

function eventOf(number: number): SecurityEvent {
  const device = `device/pump-${number % DEVICES}`
  return {
    type: 'session.opened',
    at: timestampOf(1_700_000_000_000 + number),
    subject: device,
    actor: device,
    detail: { credential: 'sas' },
    source: 'mqtt/10.0.0.7',
  }
}

function insertedPerSecond(file: string): number {
  const database = new DatabaseSync(file)
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE entry (n INTEGER PRIMARY KEY, row BLOB)',
  )
  const insert = database.prepare('INSERT INTO entry (n, row) VALUES (?, ?)')
  const row = randomBytes(ROW_BYTES)
  const start = performance.now()
  for (let group = 0; group < GROUPS; group += 1) {
    database.exec('BEGIN')
    for (let at = 0; at < GROUP; at += 1) insert.run(group * GROUP + at, row)
    database.exec('COMMIT')
  }
  const perSecond = (GROUPS * GROUP * 1_000) / (performance.now() - start)
  database.close()
  return perSecond
}

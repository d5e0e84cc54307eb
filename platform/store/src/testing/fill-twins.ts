/** Fills a `state.db` with devices and twins, as fast as the disk goes. For tests and benches of queries. */

import { timestampOf } from '@holdfast/base'
import type { DatabaseSync } from 'node:sqlite'
import { openStateDatabase } from '../state/open-database.ts'

export interface FillTwinsOptions {
  /** Path of `state.db`; made where there is none. */
  readonly file: string
  /** Named `device-000000` and on. */
  readonly devices: number
  /** Tags and properties of a device; default: a site of a hundred, a floor, one device in a thousand marked `rare`. */
  readonly twin?: (index: number) => FilledTwin
}

export interface FilledTwin {
  readonly tags: object
  readonly desired?: object
  readonly reported?: object
}

/** Devices in one transaction. */
const BATCH = 5_000
const CREATED = timestampOf(1_760_000_000_000)

/** Devices come without keys (certificates of an authority), so that nothing has to be sealed. The index of tags is kept by its triggers. */
export async function fillTwins(options: FillTwinsOptions): Promise<void> {
  const { db, database } = await openStateDatabase(options.file)
  try {
    const twinOf = options.twin ?? exampleTwin
    for (let first = 0; first < options.devices; first += BATCH) {
      database.exec('BEGIN IMMEDIATE')
      const end = Math.min(first + BATCH, options.devices)
      for (let index = first; index < end; index += 1) insert(database, index, twinOf(index))
      database.exec('COMMIT')
    }
  } finally {
    await db.destroy()
  }
}

export function filledDevice(index: number): string {
  return `device-${String(index).padStart(6, '0')}`
}

/** What `fillTwins` writes unless told. */
export function exampleTwin(index: number): FilledTwin {
  return {
    tags: { site: `site-${index % 100}`, place: { floor: index % 7 }, ...(index % 1_000 === 0 ? { rare: true } : {}) },
    desired: { interval: index % 60, mode: index % 2 === 0 ? 'eco' : 'full' },
    reported: { firmware: `1.${index % 10}`, battery: index % 101, network: { kind: 'wifi', rssi: -(index % 90) } },
  }
}

const IDENTITY = `INSERT INTO identity (device_id, module_id, generation_id, etag, status, status_updated_time, created_time, authentication, iot_edge)
  VALUES (?, '', 'g', 'e', 'enabled', ?, ?, 'certificateAuthority', 0)`
const TWIN = `INSERT INTO twin (device_id, module_id, version, etag, tags, desired, desired_metadata, desired_version, reported, reported_metadata, reported_version)
  VALUES (?, '', 1, 'AAAAAAAAAAE=', ?, ?, '{}', 1, ?, '{}', 1)`

const prepared = new WeakMap<DatabaseSync, { run(index: number, twin: FilledTwin): void }>()

function insert(database: DatabaseSync, index: number, twin: FilledTwin): void {
  let statements = prepared.get(database)
  if (statements === undefined) {
    const identity = database.prepare(IDENTITY)
    const content = database.prepare(TWIN)
    statements = {
      run: (at, { tags, desired = {}, reported = {} }) => {
        identity.run(filledDevice(at), CREATED, CREATED)
        content.run(filledDevice(at), JSON.stringify(tags), JSON.stringify(desired), JSON.stringify(reported))
      },
    }
    prepared.set(database, statements)
  }
  statements.run(index, twin)
}

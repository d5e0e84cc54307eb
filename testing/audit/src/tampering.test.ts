/**
 * The store of a hub is altered under it, one thing at a time, as whoever has the disk could; then the hub runs on it, and
 * `holdfast audit verify` and the verifier in Python have to find what it was, and name the entry.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { freePort, HubApi, HubProcess } from '@holdfast/testing-hub'
import { holdfast, verifyLog } from './holdfast-cli.ts'
import { requirePython, verifyIndependently } from './independent-verifier.ts'

const skip = requirePython()
const folder = await mkdtemp(join(tmpdir(), 'tampering-'))
after(() => rm(folder, { recursive: true, force: true }))
const original = join(folder, 'original')

/** More than a tile, so that there is a full one below an upper one. */
const DEVICES = 300
const facts = { key: '', entries: 0 }

async function run<T>(data: string, work: (hub: HubProcess) => Promise<T>): Promise<T> {
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
  try {
    await hub.ready
    return await work(hub)
  } finally {
    await hub.end('SIGTERM')
  }
}

before(async () => {
  if (skip !== false) return
  await run(original, async () => {
    const api = new HubApi(original)
    for (let at = 0; at < DEVICES; at += 1) {
      const { status } = await api.call('POST', '/api/v1/devices', { deviceId: `pump-${at}`, auth: 'sas' })
      assert.equal(status, 201)
      // Checkpoints are signed once a second, and several are wanted.
      if (at % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 1_300))
    }
    const verdict = await verifyLog(original)
    assert.deepEqual(verdict.findings, [])
    facts.key = verdict.key
    const written = await holdfast(original, 'audit', 'export', '--to', join(folder, 'original.bundle'))
    assert.equal(written.exit, 0, written.err)
  })
  const database = new DatabaseSync(join(original, 'state.db'))
  facts.entries = Number(database.prepare('SELECT count(*) AS n FROM audit_entry').get()?.['n'])
  database.close()
})

/** A copy of the hub's folder, altered. */
async function altered(name: string, change: (database: DatabaseSync) => void): Promise<string> {
  const data = join(folder, name)
  await cp(original, data, { recursive: true })
  const database = new DatabaseSync(join(data, 'state.db'))
  change(database)
  database.close()
  return data
}

const CASES: readonly {
  readonly name: string
  readonly change: (database: DatabaseSync) => void
  readonly first: number
  readonly kinds: readonly string[]
}[] = [
  {
    name: 'a bit of a sealed body',
    change: (db) => flip(db, 'body', 31),
    first: 31,
    kinds: ['body'],
  },
  {
    name: 'a bit of a salt',
    change: (db) => flip(db, 'salt', 32),
    first: 32,
    kinds: ['body'],
  },
  {
    name: 'a bit of a commitment',
    change: (db) => flip(db, 'commitment', 33),
    first: 33,
    kinds: ['altered'],
  },
  {
    name: 'the type of an entry',
    change: (db) => db.exec("UPDATE audit_entry SET type = 'identity.deleted' WHERE n = 34"),
    first: 34,
    kinds: ['altered'],
  },
  {
    name: 'the time of an entry',
    change: (db) => db.exec('UPDATE audit_entry SET time = time + 1 WHERE n = 35'),
    first: 35,
    kinds: ['altered'],
  },
  {
    name: 'a bit of a hash in a tile',
    change: (db) => {
      const { hashes } = db.prepare('SELECT hashes FROM audit_tile WHERE level = 0 AND n = 0').get() ?? {}
      db.prepare('UPDATE audit_tile SET hashes = ? WHERE level = 0 AND n = 0').run(flipped(hashes, 36 * 32))
    },
    first: 36,
    kinds: ['tile'],
  },
  {
    name: 'an entry that is deleted',
    change: (db) => db.exec('DELETE FROM audit_entry WHERE n = 37'),
    first: 37,
    kinds: ['missing'],
  },
  {
    name: 'an entry that is deleted beyond the last full tile',
    change: (db) => db.exec('DELETE FROM audit_entry WHERE n = 270'),
    first: 270,
    kinds: ['missing'],
  },
  {
    name: 'two entries that are swapped',
    change: (db) => swap(db, 38, 61),
    first: 38,
    kinds: ['reordered'],
  },
  {
    name: 'two entries that are swapped beyond the last full tile',
    change: (db) => swap(db, 271, 275),
    first: 271,
    kinds: ['reordered'],
  },
  {
    name: 'the end is cut off, and the checkpoints are left',
    change: (db) => db.exec('DELETE FROM audit_entry WHERE n >= 290'),
    first: 290,
    kinds: ['truncated', 'missing'],
  },
]

for (const [at, { name, change, first, kinds }] of CASES.entries()) {
  test(`altered: ${name}`, { skip }, async () => {
    const data = await altered(`case-${at}`, change)
    await run(data, async () => {
      const verdict = await verifyLog(data, '--key', facts.key)
      const told = verdict.findings.map(({ text }) => text).join('\n')
      assert.equal(verdict.findings[0]?.first, first, told)
      assert.ok(kinds.includes(verdict.findings[0]?.kind ?? ''), told)
      // The same of the file that an auditor gets, for the verifier that shares nothing with us.
      const bundle = join(folder, `${at}.bundle`)
      await holdfast(data, 'audit', 'export', '--to', bundle)
      const theirs = await verifyIndependently('bundle', bundle, '--key', facts.key)
      assert.equal(theirs.findings?.[0]?.first, first, JSON.stringify(theirs.findings))
    })
    await rm(data, { recursive: true, force: true })
  })
}

test('a log that was cut short with its checkpoints shows beside a checkpoint that somebody kept, and only so', {
  skip,
}, async () => {
  const kept = join(folder, 'kept.txt')
  const data = await altered('cut', (db) => {
    const { note } = db.prepare('SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1').get() ?? {}
    facts.entries = Number(String(note).split('\n')[1])
    writeFileSync(kept, String(note))
    db.exec('DELETE FROM audit_entry WHERE n >= 256; DELETE FROM audit_checkpoint WHERE size > 256')
  })
  await run(data, async () => {
    const without = await verifyLog(data, '--key', facts.key)
    assert.deepEqual(without.findings, [])
    const { findings } = await verifyLog(data, '--key', facts.key, '--checkpoint', kept)
    assert.ok(['truncated', 'forked'].includes(findings[0]?.kind ?? ''), JSON.stringify(findings))
    assert.ok((findings[0]?.first ?? 0) <= 300)
  })
})

function flip(database: DatabaseSync, column: string, n: number): void {
  const row = database.prepare(`SELECT ${column} AS value FROM audit_entry WHERE n = ?`).get(n)
  database.prepare(`UPDATE audit_entry SET ${column} = ? WHERE n = ?`).run(flipped(row?.['value'], 5), n)
}

function flipped(value: unknown, at: number): Uint8Array {
  assert.ok(value instanceof Uint8Array)
  const copy = Uint8Array.from(value)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

function swap(database: DatabaseSync, a: number, b: number): void {
  database.exec(`UPDATE audit_entry SET n = -1 WHERE n = ${a}; UPDATE audit_entry SET n = ${a} WHERE n = ${b};
    UPDATE audit_entry SET n = ${b} WHERE n = -1`)
}

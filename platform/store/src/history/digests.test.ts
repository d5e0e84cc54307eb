import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { requireTool } from '@holdfast/testing-tidy'
import { TestSealer, testFolder, testKey } from '../testing/batches.ts'
import { openTelemetry, settle } from '../testing/fill.ts'
import type { Telling } from './digest-tables.ts'
import type { DigestFinding, DigestVerification } from './digest-verification.ts'
import type { History } from './history.ts'

const KEY = testKey(1)
const START = 1_700_000_000_000
const DAY = 86_400_000

/** Three segments in one partition, 1,000 messages each, all of them told; big enough for several pages. */
class World {
  readonly folder: string
  readonly sealer = new TestSealer(KEY, 1)
  readonly tellings: Telling[] = []
  #sent = 0

  constructor(context: TestContext) {
    this.folder = testFolder(context)
  }

  use<T>(work: (history: History, send: (count: number) => void) => T): T {
    const { log, history, close } = openTelemetry(this.folder, { key: KEY, partitions: 1 })
    const send = (count: number): void => {
      const messages = Array.from({ length: count }, (_, index) => ({
        deviceId: `d${index % 7}`,
        enqueued: START + (this.#sent + index) * 1_000,
        body: Buffer.from(crypto.getRandomValues(new Uint8Array(150))).toString('hex'),
      }))
      this.#sent += count
      log.append(this.sealer.seal(messages))
      history.regroupNow()
      settle(history, timestampOf(START))
    }
    try {
      const done = work(history, send)
      if (!(done instanceof Promise)) close()
      else void done.finally(close).catch(() => undefined)
      return done
    } catch (error) {
      close()
      throw error
    }
  }

  /** As the hub does: what is told is in the audit log, then confirmed. */
  take(history: History): void {
    const told = history.tellings(1_000)
    this.tellings.push(...told.map(({ what }) => what))
    const last = told.at(-1)
    if (last !== undefined) history.confirm(last.id)
  }

  fill(segments = 3): this {
    this.use((history, send) => {
      for (let count = 0; count < segments; count++) send(1_000)
      this.take(history)
    })
    return this
  }

  /** Changes the file behind the history's back. */
  tamper(sql: string): void {
    const database = new DatabaseSync(join(this.folder, 'history.db'))
    try {
      database.exec(sql)
    } finally {
      database.close()
    }
  }

  verify(
    options: { readonly droppedEpochs?: readonly number[]; readonly now?: number } = {},
  ): Promise<DigestVerification> {
    const { droppedEpochs = [], now = Date.now() + 2 * DAY } = options
    return this.use((history) => history.verifyDigests({ tellings: this.tellings, droppedEpochs }, timestampOf(now)))
  }

  async first(): Promise<DigestFinding | undefined> {
    return (await this.verify()).findings[0]
  }
}

test('what was written and told verifies, and a merge does not change that', async (t) => {
  const world = new World(t).fill()
  const { findings, segments, pages, pending } = await world.verify()
  assert.deepEqual(findings, [])
  assert.equal(segments, 3)
  assert.ok(pages >= 12, String(pages))
  assert.equal(pending, 0)
  world.use((history, send) => {
    for (let count = 0; count < 8; count++) send(100)
    world.take(history)
  })
  const merged = world.tellings.filter((telling) => telling.kind === 'paged' && telling.merged !== undefined)
  assert.equal(merged.length, 1)
  assert.deepEqual((await world.verify()).findings, [])
})

test('a flipped byte is found, and its page named', async (t) => {
  const world = new World(t).fill()
  world.tamper(`UPDATE page SET sealed = CAST(substr(sealed, 1, 500) || x'00' || substr(sealed, 502) AS BLOB)
    WHERE id = (SELECT min(id) + 1 FROM page WHERE segment = 2)`)
  const found = await world.first()
  assert.equal(found?.kind, 'altered')
  assert.equal(found.partition, 0)
  assert.ok(found.firstSequence >= 1_000 && found.lastSequence < 2_000, JSON.stringify(found))
})

test('a flipped byte with a new digest beside it contradicts the audit log', async (t) => {
  const world = new World(t).fill()
  world.tamper(`UPDATE page_digest SET sha256 = zeroblob(32) WHERE page = (SELECT min(id) FROM page WHERE segment = 3);
    UPDATE page SET sealed = x'00' WHERE id = (SELECT min(id) FROM page WHERE segment = 3)`)
  const kinds = (await world.verify()).findings.map(
    ({ kind, firstSequence }) => `${kind} ${Math.floor(firstSequence / 1_000)}`,
  )
  assert.ok(kinds.includes('contradicts 2'), kinds.join())
})

test('a page that was deleted, one that was added and two that changed places are named', async (t) => {
  const deleted = new World(t).fill()
  deleted.tamper('DELETE FROM page WHERE id = (SELECT min(id) FROM page WHERE segment = 1)')
  assert.equal((await deleted.first())?.kind, 'missing')

  const added = new World(t).fill()
  added.tamper(`INSERT INTO page (segment, epoch, first_device, last_device, first_sequence, last_sequence, earliest, latest,
      messages, plain_bytes, sealed_bytes, sealed)
    SELECT segment, epoch, 'zz', 'zz', first_sequence, last_sequence, earliest, latest, messages, plain_bytes, sealed_bytes,
      sealed FROM page WHERE segment = 2 LIMIT 1`)
  assert.equal((await added.first())?.kind, 'added')

  const swapped = new World(t).fill()
  swapped.tamper(`UPDATE page SET sealed = (SELECT p.sealed FROM page p WHERE p.id = CASE page.id WHEN 1 THEN 2 ELSE 1 END)
    WHERE id IN (1, 2)`)
  const both = (await swapped.verify()).findings.map(({ kind }) => kind)
  assert.ok(both.filter((kind) => kind === 'altered').length >= 1, both.join())
})

test('a deleted page whose digest is deleted with it contradicts the audit log', async (t) => {
  const world = new World(t).fill()
  world.tamper('DELETE FROM page WHERE id = 1; DELETE FROM page_digest WHERE page = 1')
  const found = await world.first()
  assert.equal(found?.kind, 'contradicts')
  assert.equal(found.firstSequence, 0)
})

test('an end that was cut, and a beginning that went without being retired, are named with their sequence numbers', async (t) => {
  const cut = new World(t).fill()
  // What an older copy of both files looks like: the log goes on where the history ends.
  cut.tamper(
    'DELETE FROM segment WHERE id = 3; UPDATE partition SET next_sequence = 2000, next_offset = (SELECT next_offset FROM segment WHERE id = 2)',
  )
  const log = new DatabaseSync(join(cut.folder, 'log.db'))
  log.exec('UPDATE partition SET floor_sequence = 2000, floor_offset = 0; DELETE FROM batch')
  log.close()
  const found = await cut.first()
  assert.deepEqual([found?.kind, found?.firstSequence, found?.lastSequence], ['cut', 2_000, 2_999])

  const headless = new World(t).fill()
  headless.tamper('UPDATE segment SET state = 2 WHERE id = 1; UPDATE partition SET first_sequence = 1000')
  const lost = await headless.first()
  assert.deepEqual([lost?.kind, lost?.firstSequence, lost?.lastSequence], ['missing', 0, 999])
})

test('what retention drops is told, and then not missed', async (t) => {
  const world = new World(t).fill()
  world.use((history) => {
    history.setRetention({ ageMs: 1_500_000 })
    settle(history, timestampOf(START + 3_000_000))
    world.take(history)
  })
  const retired = world.tellings.filter(({ kind }) => kind === 'retired')
  assert.deepEqual(retired, [
    { kind: 'retired', partition: 0, reason: 'age', messages: 1_000, firstSequence: 0, lastSequence: 999 },
  ])
  assert.deepEqual((await world.verify()).findings, [])
})

test('pages of an epoch whose key was destroyed may be gone, if the audit log says that it was', async (t) => {
  const world = new World(t).fill()
  world.use((history) => {
    history.dropEpoch(KEY.epoch)
    settle(history, timestampOf(START))
  })
  assert.deepEqual((await world.verify({ droppedEpochs: [KEY.epoch] })).findings, [])
  assert.equal((await world.first())?.kind, 'missing')
})

test('what is told is told again until it is confirmed, also by the next start', async (t) => {
  const world = new World(t)
  world.use((_history, send) => send(1_000))
  const again = world.use((history) => history.tellings(10))
  assert.equal(again.length, 1)
  world.use((history) => world.take(history))
  assert.deepEqual(
    world.use((history) => history.tellings(10)),
    [],
  )
})

test('what is put in by who can write the file does not become true by being told', async (t) => {
  const swapped = new World(t).fill()
  // Made to look as if it were older than digests, a segment without its last page would be taken in as it is.
  swapped.tamper(`DELETE FROM page WHERE id = (SELECT max(id) FROM page WHERE segment = 2);
    DELETE FROM page_digest WHERE segment = 2; DELETE FROM segment_digest WHERE segment = 2`)
  swapped.use((history) => {
    settle(history, timestampOf(START))
    swapped.take(history)
  })
  assert.equal(swapped.tellings.length, 4)
  const found = await swapped.first()
  assert.deepEqual([found?.kind, found?.firstSequence, found?.lastSequence], ['contradicts', 1_000, 1_999])

  const forged = new World(t).fill()
  forged.tamper(`DELETE FROM page WHERE id = (SELECT max(id) FROM page WHERE segment = 2);
    DELETE FROM page_digest WHERE page NOT IN (SELECT id FROM page)`)
  const digest = execFileSync('python3', ['-c', RECOMPUTE, join(forged.folder, 'history.db')], { encoding: 'utf8' })
  const [, sha256 = ''] = digest.trim().split('\n')
  const telling = {
    kind: 'paged',
    partition: 0,
    firstSequence: 1_000,
    lastSequence: 1_999,
    pages: 4,
    bytes: 1,
    sha256,
    merged: 8,
  }
  forged.tamper(`INSERT INTO telling (what) VALUES ('${JSON.stringify({ ...telling, messages: 900 })}')`)
  forged.use((history) => forged.take(history))
  assert.match((await forged.first())?.detail ?? '', /a merge lost 100 of 1000 messages/)
})

test('a segment that is in no entry is waited for one day, and then named', async (t) => {
  const world = new World(t)
  world.use((_history, send) => send(1_000))
  assert.equal((await world.verify({ now: Date.now() + DAY / 2 })).pending, 1)
  assert.deepEqual((await world.verify({ now: Date.now() + DAY / 2 })).findings, [])
  assert.equal((await world.first())?.kind, 'unlogged')
})

test('a history from before there were digests is taken in as it is, once', async (t) => {
  const world = new World(t).fill()
  world.tellings.length = 0
  world.tamper('DROP TABLE page_digest; DROP TABLE segment_digest; DROP TABLE telling')
  world.use((history) => {
    settle(history, timestampOf(START))
    world.take(history)
  })
  assert.equal(world.tellings.length, 3)
  assert.ok(world.tellings.every((telling) => telling.kind === 'paged' && telling.adopted === true))
  assert.deepEqual((await world.verify()).findings, [])
  world.tamper("UPDATE page SET sealed = x'00' WHERE id = 1")
  assert.equal((await world.first())?.kind, 'altered')
})

const RECOMPUTE = `
import sqlite3, hashlib, sys
db = sqlite3.connect(sys.argv[1])
for (segment,) in db.execute('SELECT id FROM segment WHERE state = 1 ORDER BY first_sequence').fetchall():
    pages = db.execute('SELECT sealed FROM page WHERE segment = ? ORDER BY id', (segment,)).fetchall()
    print(hashlib.sha256(b''.join(hashlib.sha256(sealed).digest() for (sealed,) in pages)).hexdigest())
`

test('Python makes the same digests from the file alone', { skip: requireTool('python3') }, (t) => {
  const world = new World(t).fill()
  const found = execFileSync('python3', ['-c', RECOMPUTE, join(world.folder, 'history.db')], { encoding: 'utf8' })
  const told = world.tellings.flatMap((telling) => (telling.kind === 'paged' ? [telling.sha256] : []))
  assert.deepEqual(found.trim().split('\n'), told)
})

import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { decodeLeaf, EVENT_TYPES, EVENTS, isCommitted, type RecordedEvent, type SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import {
  assembleProof,
  coverOf,
  decodeEntryBundle,
  foldCover,
  leafHash,
  planConsistency,
  planInclusion,
  type Subtree,
  verifyConsistency,
  verifyInclusion,
} from '@holdfast/tlog'
import { device } from '../contract.ts'
import { openStateStore, type StateStore } from '../state-store.ts'
import { random, testKeys, withFile } from '../testing.ts'

const HOUR = 3_600_000

export function event(at: number, change: Partial<SecurityEvent> = {}): SecurityEvent {
  return {
    type: 'session.opened',
    at: timestampOf(at),
    subject: `device/d${at % 7}`,
    actor: `device/d${at % 7}`,
    detail: { credential: 'sas' },
    source: 'mqtt/10.0.0.7',
    ...change,
  }
}

async function withLog(
  use: (store: StateStore, world: { readonly told: RecordedEvent[]; readonly file: string }) => Promise<void>,
): Promise<void> {
  await withFile(async (file) => {
    const told: RecordedEvent[] = []
    const store = await openStateStore({ file, keys: testKeys(1), random, told: (events) => told.push(...events) })
    await use(store, { told, file })
    await store.close()
  })
}

async function reopened<T>(file: string, use: (store: StateStore) => Promise<T>): Promise<T> {
  const store = await openStateStore({ file, keys: testKeys(1), random })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** Changes the file as somebody would who has it, while no hub runs. */
function alter(file: string, statement: string): void {
  const database = new DatabaseSync(file)
  database.exec(statement)
  database.close()
}

async function checked(store: StateStore): Promise<unknown> {
  for (let from: number | undefined = 0; from !== undefined; ) {
    const step: Awaited<ReturnType<typeof store.audit.checkAuditLog>> = await store.audit.checkAuditLog(from)
    if (step.contradiction !== undefined) return step.contradiction
    from = step.next
  }
  return undefined
}

async function signed(store: StateStore, time = 0): Promise<void> {
  const { size, root } = await store.audit.auditHead()
  await store.audit.writeAuditCheckpoint({ size, root, time: timestampOf(time), note: `note ${size}` })
}

test('what is recorded is told with its index once it is on disk, and read as it was', async () => {
  await withLog(async (store, { told }) => {
    const events = Array.from({ length: 10 }, (_, at) => event(at))
    await store.recordEvents(events)
    assert.deepEqual(
      told,
      events.map((it, index) => ({ ...it, index })),
    )
    assert.deepEqual(await store.audit.readRecentEvents(4), told.slice(-4))
  })
})

test('a change and its event are kept together, and a change that is refused tells nothing', async () => {
  await withLog(async (store, { told }) => {
    const because = event(1, {
      type: 'identity.created',
      subject: 'device/a',
      detail: { authentication: 'sas', status: 'enabled' },
    })
    await store.writeIdentity(device('a'), { kind: 'absent' }, because)
    await store.writeIdentity(device('a'), { kind: 'absent' }, because)
    assert.deepEqual(told, [{ ...because, index: 0 }])
    const { size } = await store.audit.auditHead()
    assert.equal(size, 1)
  })
})

test('an unknown type is not written, nor facts that no schema has: it is kept that somebody tried', async () => {
  await withLog(async (store, { told }) => {
    await store.recordEvents([
      { ...event(1), type: 'session.imagined' as 'session.opened' },
      { ...event(2), detail: {} },
    ])
    assert.deepEqual(
      told.map(({ type, detail }) => [type, detail['type']]),
      [
        ['audit.malformed', 'session.imagined'],
        ['audit.malformed', 'session.opened'],
      ],
    )
  })
})

test('every type of the catalogue can be written and read', async () => {
  const examples = { text: 'x', number: 1, flag: true }
  await withLog(async (store, { told }) => {
    const events = EVENT_TYPES.map((type, at) => {
      const detail = Object.entries(EVENTS[type].detail).map(([name, kind]) => {
        const plain = kind.replace('?', '')
        return [name, plain === 'text' ? examples.text : plain === 'number' ? examples.number : examples.flag] as const
      })
      return event(at, { type, detail: Object.fromEntries(detail) })
    })
    await store.recordEvents(events)
    assert.deepEqual(
      told.map(({ type }) => type),
      EVENT_TYPES,
    )
    assert.equal(await checked(store), undefined)
  })
})

test('entries of any number, in groups of any size, are proved by tiles, over restarts too', async () => {
  await withFile(async (file) => {
    const sizes: number[] = [0]
    const roots = new Map<number, Uint8Array>()
    let at = 0
    let seed = 7
    const next = (max: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % max
    }
    for (let start = 0; start < 4; start += 1) {
      await reopened(file, async (store) => {
        for (let group = 0; group < 5; group += 1) {
          const count = 1 + next(180)
          await Promise.all([
            store.recordEvents(Array.from({ length: count }, () => event(at++))),
            store.recordEvents([event(at++)]),
          ])
          const { size, root, contradiction } = await store.audit.auditHead()
          assert.equal(contradiction, undefined)
          assert.equal(size, at)
          sizes.push(size)
          roots.set(size, root)
        }
        await signed(store, start)
        assert.equal(await checked(store), undefined)
      })
    }
    await reopened(file, async (store) => {
      const { audit } = store
      const { size, root } = await audit.auditHead()
      const hashes = new Map<string, Uint8Array>()
      const name = ({ level, index }: Subtree): string => `${level}/${index}`
      const read = async (subtrees: readonly Subtree[]): Promise<(subtree: Subtree) => Uint8Array> => {
        const answers = await audit.readAuditHashes(subtrees)
        for (const [place, subtree] of subtrees.entries()) hashes.set(name(subtree), answers[place] ?? new Uint8Array())
        return (subtree) => hashes.get(name(subtree)) ?? new Uint8Array()
      }
      const leaves: Uint8Array[] = []
      for (let tile = 0; tile * 256 < size; tile += 1) {
        const width = Math.min(256, size - tile * 256)
        leaves.push(...decodeEntryBundle((await audit.readAuditLeaves({ index: tile, width })) ?? new Uint8Array()))
      }
      assert.equal(leaves.length, size)
      for (const index of [0, 1, 255, 256, size - 1, next(size), next(size)]) {
        const plan = planInclusion(index, size)
        const proof = assembleProof(plan, await read(plan.flat()))
        const leaf = leafHash(leaves[index] ?? new Uint8Array())
        assert.ok(verifyInclusion({ leaf, index, size, root, proof }), String(index))
        assert.equal(decodeLeaf(leaves[index] ?? new Uint8Array())?.index, index)
      }
      for (const oldSize of sizes.filter((it) => it > 0)) {
        const plan = planConsistency(oldSize, size)
        const proof = assembleProof(plan, await read(plan.flat()))
        const oldRoot = foldCover(coverOf(0, oldSize), await read(coverOf(0, oldSize)))
        assert.deepEqual(oldRoot, roots.get(oldSize))
        assert.ok(verifyConsistency({ oldSize, oldRoot, size, root, proof }), String(oldSize))
      }
      await assert.rejects(audit.readAuditHashes([{ level: 0, index: size }]), RangeError)
      assert.equal(await audit.readAuditLeaves({ index: Math.floor(size / 256), width: 256 }), undefined)
    })
  })
})

test('a body opens its leaf, and stands in the file for nobody to read', async () => {
  await withLog(async (store, { file }) => {
    await store.recordEvents([event(1, { subject: 'device/secret-pump', detail: { credential: 'the-credential' } })])
    const [entry] = await store.audit.readAuditEntries({ first: 0, count: 1, hasBodies: true })
    assert.ok(entry?.content.kind === 'body')
    const leaf = decodeLeaf(Buffer.from(entry.leaf))
    assert.ok(leaf !== undefined)
    assert.ok(isCommitted(leaf.commitment, Buffer.from(entry.content.body), entry.content.opening))
    await store.scrub()
    const { readFileSync } = await import('node:fs')
    const bytes = readFileSync(file)
    for (const text of ['secret-pump', 'the-credential', '10.0.0.7']) assert.ok(!bytes.includes(text), text)
  })
})

test('entries are found by subject, actor, type and time, in both orders, page by page', async () => {
  await withLog(async (store, { told }) => {
    const events = Array.from({ length: 1_300 }, (_, at) =>
      event(at * 1_000, {
        subject: at % 5 === 0 ? 'device/pump/module/m' : `device/d${at % 3}`,
        actor: at % 2 === 0 ? 'operator/ann' : 'hub',
        ...(at % 4 === 0 ? { type: 'session.taken-over' as const, detail: {} } : {}),
      }),
    )
    for (let from = 0; from < events.length; from += 300) await store.recordEvents(events.slice(from, from + 300))
    const queries: [Parameters<typeof store.audit.listAuditEntries>[0], (it: RecordedEvent) => boolean][] = [
      [{ order: 'oldest', limit: 37 }, () => true],
      [{ order: 'oldest', limit: 37, subject: 'device/d1' }, (it) => it.subject === 'device/d1'],
      [{ order: 'newest', limit: 10, subject: 'device/pump' }, (it) => it.subject === 'device/pump/module/m'],
      [{ order: 'oldest', limit: 500, subject: 'device/pump/module/other' }, () => false],
      [
        { order: 'newest', limit: 50, actor: 'operator/ann', type: 'session.taken-over' },
        (it) => it.actor === 'operator/ann' && it.type === 'session.taken-over',
      ],
      [
        { order: 'oldest', limit: 100, from: timestampOf(300_000), to: timestampOf(900_000) },
        (it) => it.at >= 300_000 && it.at < 900_000,
      ],
      [{ order: 'newest', limit: 100, from: timestampOf(1_250_000) }, (it) => it.at >= 1_250_000],
      [
        { order: 'newest', limit: 500, type: 'session.opened', to: timestampOf(10_000) },
        (it) => it.type === 'session.opened' && it.at < 10_000,
      ],
    ]
    for (const [query, matches] of queries) {
      const found: number[] = []
      for (let after: number | undefined, pages = 0; ; pages += 1) {
        const page: Awaited<ReturnType<typeof store.audit.listAuditEntries>> = await store.audit.listAuditEntries({
          ...query,
          ...(after === undefined ? {} : { after }),
        })
        assert.ok(page.entries.length <= query.limit)
        found.push(...page.entries.map(({ index }) => index))
        after = page.next
        if (after === undefined) break
        assert.ok(pages < 1_000)
      }
      const expected = told.filter(matches).map(({ index }) => index)
      if (query.order === 'newest') expected.reverse()
      assert.deepEqual(found, expected, JSON.stringify(query))
    }
  })
})

test('a destroyed body is gone and its leaf still proves; what says that it was destroyed stays', async () => {
  await withLog(async (store) => {
    await store.recordEvents(
      Array.from({ length: 1_200 }, (_, at) => event(at, { subject: at % 2 === 0 ? 'device/a' : 'device/b' })),
    )
    await store.recordEvents([
      // Under the hub's secret, and about it all the same.
      event(5, { type: 'session.refused', subject: 'device/a', detail: { code: 'c', detail: 'd', transport: 'mqtt' } }),
    ])
    const before = await store.audit.auditHead()
    const wish = { kind: 'subject', subject: 'device/a' } as const
    assert.equal(await store.audit.countAuditBodies(wish), 601)
    const because = event(6, {
      type: 'audit.shredded',
      subject: 'device/a',
      detail: { scope: 'subject', entries: 601 },
    })
    let entries = 0
    for (let isDone = false, first = true; !isDone; first = false) {
      const step = await store.audit.shredAuditBodies(wish, first ? because : undefined)
      entries += step.entries
      isDone = step.isDone
    }
    assert.equal(entries, 601)
    const found = await store.audit.listAuditEntries({ order: 'oldest', limit: 500, subject: 'device/a' })
    assert.deepEqual(
      found.entries.map(({ type }) => type),
      ['audit.shredded'],
    )
    const rows = await store.audit.readAuditEntries({ first: 0, count: 2, hasBodies: true })
    assert.deepEqual(
      rows.map(({ content }) => content.kind),
      ['shredded', 'body'],
    )
    const cover = coverOf(0, before.size)
    const hashes = await store.audit.readAuditHashes(cover)
    const root = foldCover(cover, (subtree) => hashes[cover.indexOf(subtree)] ?? new Uint8Array())
    assert.deepEqual(root, before.root)
    assert.equal(await checked(store), undefined)
    await store.audit.shredAuditBodies(
      { kind: 'entries', indices: [1] },
      event(7, {
        type: 'audit.shredded',
        subject: 'audit',
        detail: { scope: 'entries', entries: 1, first: 1, last: 1 },
      }),
    )
    const [second] = await store.audit.readAuditEntries({ first: 1, count: 1, hasBodies: true })
    assert.equal(second?.content.kind, 'shredded')
    // A successor of the name has a secret of its own.
    await store.recordEvents([event(8, { subject: 'device/a' })])
    const again = await store.audit.listAuditEntries({ order: 'newest', limit: 1, subject: 'device/a' })
    assert.equal(again.entries[0]?.content.kind, 'body')
  })
})

test("destroying what is said of the hub leaves what says that something was destroyed, and what strangers' names are in", async () => {
  await withLog(async (store) => {
    const destroyed = (at: number) =>
      event(at, { type: 'audit.shredded', subject: 'hub', detail: { scope: 'subject', entries: 1 } })
    await store.recordEvents([
      event(0, { type: 'hub.stopped', subject: 'hub', detail: {} }),
      destroyed(1),
      event(2, { type: 'session.refused', subject: 'device/a', detail: { code: 'c', detail: 'd', transport: 'mqtt' } }),
    ])
    const { entries } = await store.audit.shredAuditBodies({ kind: 'subject', subject: 'hub' }, destroyed(3))
    assert.equal(entries, 1)
    const rows = await store.audit.readAuditEntries({ first: 0, count: 4, hasBodies: true })
    assert.deepEqual(
      rows.map(({ content }) => content.kind),
      ['shredded', 'body', 'body', 'body'],
    )
    assert.equal(await checked(store), undefined)
  })
})

test('after a rotation of the state key the secrets are sealed under the new one, and every body opens', async () => {
  await withFile(async (file) => {
    const keys = testKeys(1)
    const store = await openStateStore({ file, keys, random })
    await store.recordEvents(Array.from({ length: 20 }, (_, at) => event(at)))
    await store.replaceKeys(testKeys(1, 2))
    while (!(await store.reseal()).isDone);
    assert.deepEqual(await store.sealEpochs(), [2])
    await store.close()
    const again = await openStateStore({ file, keys: testKeys(2), random })
    assert.equal((await again.audit.readRecentEvents(100)).length, 20)
    await again.recordEvents([event(21)])
    assert.equal(await checked(again), undefined)
    await again.close()
  })
})

const CONTRADICTIONS: readonly [name: string, statement: string, first: number | undefined, atStart: boolean][] = [
  ['a time was set back', 'UPDATE audit_entry SET time = time - 1 WHERE n = 300', 300, false],
  ['a type was changed', `UPDATE audit_entry SET type = 'session.closed' WHERE n = 10`, 10, false],
  ['a commitment was changed', 'UPDATE audit_entry SET commitment = zeroblob(32) WHERE n = 299', 299, false],
  ['a hash was changed', 'UPDATE audit_entry SET hash = zeroblob(32) WHERE n = 5', 5, false],
  ['a body was changed', `UPDATE audit_entry SET body = CAST(x'00' || body AS BLOB) WHERE n = 7`, 7, false],
  [
    'a body was moved',
    'UPDATE audit_entry SET body = (SELECT body FROM audit_entry WHERE n = 8), salt = (SELECT salt FROM audit_entry WHERE n = 8) WHERE n = 9',
    9,
    false,
  ],
  ['an entry was deleted', 'DELETE FROM audit_entry WHERE n = 100', 100, true],
  ['the first was deleted', 'DELETE FROM audit_entry WHERE n = 0', 0, true],
  ['the end was cut off', 'DELETE FROM audit_entry WHERE n >= 590', 590, true],
  [
    'two were swapped',
    'UPDATE audit_entry SET n = -1 WHERE n = 20; UPDATE audit_entry SET n = 20 WHERE n = 21; UPDATE audit_entry SET n = 21 WHERE n = -1',
    20,
    false,
  ],
  ['a tile was altered', 'UPDATE audit_tile SET hashes = zeroblob(8192) WHERE n = 1', undefined, true],
  ['a tile was deleted', 'DELETE FROM audit_tile WHERE n = 0', undefined, true],
  ['a number is none', 'UPDATE audit_entry SET time = 9223372036854775807 WHERE n = 400', undefined, false],
]

for (const [name, statement, first, atStart] of CONTRADICTIONS) {
  test(`found by the hub itself, and nothing more is signed: ${name}`, async () => {
    await withFile(async (file) => {
      await reopened(file, async (store) => {
        for (let at = 0; at < 600; at += 100)
          await store.recordEvents(Array.from({ length: 100 }, (_, i) => event(at + i)))
        await signed(store)
      })
      alter(file, statement)
      await reopened(file, async (store) => {
        const { contradiction } = await store.audit.auditHead()
        if (atStart) assert.ok(contradiction !== undefined)
        const found = (await checked(store)) as { readonly entry?: number } | undefined
        assert.ok(found !== undefined)
        if (first !== undefined) assert.equal(found.entry, first)
        // The hub goes on, and records.
        await store.recordEvents([event(1_000)])
        const { size, root } = await store.audit.auditHead()
        assert.equal(await store.audit.writeAuditCheckpoint({ size, root, time: timestampOf(1), note: 'n' }), false)
      })
    })
  })
}

test('after the end was cut off, no entry takes a place that was signed for, over restarts too', async () => {
  await withFile(async (file) => {
    await reopened(file, async (store) => {
      for (let at = 0; at < 600; at += 100)
        await store.recordEvents(Array.from({ length: 100 }, (_, i) => event(at + i)))
      await signed(store)
    })
    alter(file, 'DELETE FROM audit_entry WHERE n >= 250')
    for (let start = 0; start < 3; start += 1) {
      await reopened(file, async (store) => {
        await store.recordEvents([event(1_000 + start)])
        const { size, contradiction } = await store.audit.auditHead()
        assert.equal(size, 601 + start)
        assert.equal(contradiction?.entry, 250)
        const entries = await store.audit.readAuditEntries({ first: 240, count: 500, hasBodies: false })
        const indices = entries.map(({ index }) => index)
        assert.deepEqual(indices.slice(0, 11), [240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 600])
        assert.equal(indices.length, 11 + start)
      })
    }
    // A checkpoint beyond any sense, which is no reason to pass over as much.
    alter(file, 'UPDATE audit_checkpoint SET size = 9007199254740991')
    await reopened(file, async (store) => {
      await store.recordEvents([event(2_000)])
      const { size, contradiction } = await store.audit.auditHead()
      assert.equal(size, 604)
      assert.equal(contradiction?.entry, 250)
    })
  })
})

test('checkpoints of the last hour are all kept, of older ones the last of each hour and the last that was cosigned', async () => {
  await withLog(async (store) => {
    for (let minute = 0; minute < 5 * 60; minute += 10) {
      await store.recordEvents([event(minute)])
      await signed(store, minute * 60_000)
      if (minute % 60 === 20) await store.audit.cosignAuditCheckpoint(minute / 10 + 1, `cosigned ${minute}`)
    }
    const kept = await store.audit.listAuditCheckpoints({ first: 0, last: Number.POSITIVE_INFINITY })
    const ofHour = (hour: number): number => kept.filter(({ time }) => Math.floor(time / HOUR) === hour).length
    assert.deepEqual([0, 1, 2, 3, 4].map(ofHour), [2, 2, 2, 6, 6])
    assert.ok(kept.some(({ note }) => note === 'cosigned 80'))
    assert.equal((await store.audit.auditHead()).checkpoint?.size, kept.at(-1)?.size)
    assert.equal(await store.audit.cosignAuditCheckpoint(1, 'gone'), false)
  })
})

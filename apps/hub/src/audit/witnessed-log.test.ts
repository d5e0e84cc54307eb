import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { cosignText, formatNote, openCheckpoint, verifyConsistency } from '@holdfast/tlog'
import { MemoryLog, testKey } from '@holdfast/tlog/testing'
import { StoredLog } from './witnessed-log.ts'

function stage(): { log: MemoryLog; notes: Map<number, string>; stored: StoredLog } {
  const log = new MemoryLog('hub.example/audit').append(...Array.from({ length: 300 }, (_, at) => `entry ${at}`))
  const notes = new Map([[300, formatNote(log.checkpoint())]])
  const checkpointOf = (size: number) => {
    const note = notes.get(size)
    return note === undefined ? [] : [{ size, root: log.root(size), time: timestampOf(0), note }]
  }
  const stored = new StoredLog({
    auditHead: async () => ({
      size: 300,
      root: log.root(),
      checkpoint: checkpointOf(300)[0],
      contradiction: undefined,
    }),
    listAuditCheckpoints: async ({ first }) => checkpointOf(first),
    readAuditHashes: async (subtrees) => subtrees.map(log.read),
    cosignAuditCheckpoint: async (size, note) => {
      // As over a thread: others have their turn in between.
      await new Promise((resolve) => setImmediate(resolve))
      notes.set(size, note)
      return true
    },
  })
  return { log, notes, stored }
}

test('proofs are put together from what the store has', async () => {
  const { log, stored } = stage()
  for (const oldSize of [0, 1, 2, 255, 256, 299, 300]) {
    const proof = await stored.consistency(oldSize, 300)
    const claim = { oldSize, oldRoot: log.root(oldSize), size: 300, root: log.root(), proof }
    assert.ok(verifyConsistency(claim), String(oldSize))
  }
})

test('cosignatures that come at once are all kept, the newest of each witness', async () => {
  const { log, notes, stored } = stage()
  const witnesses = [2, 3, 4].map((seed) => testKey(`w${seed}.example`, 'cosignature', seed))
  for (const at of [1_000, 2_000]) {
    await Promise.all(
      witnesses.map(({ key, sign }) =>
        stored.keepCosignature(300, cosignText(log.checkpoint().text, key, { sign, at: timestampOf(at) })),
      ),
    )
  }
  const keys = witnesses.map(({ key }) => key)
  const { signatures } = openCheckpoint(Buffer.from(notes.get(300) ?? ''), { log: log.key, witnesses: keys })
  assert.deepEqual(
    signatures.map(({ at }) => at),
    [undefined, 2_000, 2_000, 2_000],
  )
  // What is brought to witnesses is the log's word alone.
  assert.equal((await stored.latest())?.note.signatures.length, 1)
})

test('a cosignature of a checkpoint that is not kept any more is let go', async () => {
  const { log, notes, stored } = stage()
  const { key, sign } = testKey('w.example', 'cosignature', 2)
  await stored.keepCosignature(5, cosignText(log.checkpoint(5).text, key, { sign, at: timestampOf(1_000) }))
  assert.deepEqual([...notes.keys()], [300])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { ManualClock } from '@holdfast/identity/testing'
import { KeyError, openKeys, removeFile, replaceFile } from '@holdfast/keys'
import { MemoryFolder, standingClock, testEnvironment } from '@holdfast/keys/testing'
import type { AuditCheckpoint, AuditHead, Contradiction } from '@holdfast/store'
import { formatNote, isSameHash, openCheckpoint } from '@holdfast/tlog'
import { MemoryLog, testKey } from '@holdfast/tlog/testing'
import { Checkpoints, CONTRADICTED } from './checkpoints.ts'
import { openLogKey } from './log-key.ts'

const KEY = testKey('hub.example/audit', 'note', 7)

function stage(
  options: { readonly contradiction?: Contradiction; readonly altered?: number; readonly fails?: boolean } = {},
) {
  const log = new MemoryLog('hub.example/audit', 7)
  const kept: AuditCheckpoint[] = []
  const events: SecurityEvent[] = []
  const conditions = new Map<string, string>()
  const faults: unknown[] = []
  const state = { fails: options.fails ?? false, contradiction: options.contradiction }
  const checkpoints = new Checkpoints({
    key: { verifier: KEY.key, sign: KEY.sign },
    clock: new ManualClock(),
    store: {
      async auditHead(): Promise<AuditHead> {
        if (state.fails) throw new Error('the disk is full')
        return { size: log.size, root: log.root(), checkpoint: kept.at(-1), contradiction: state.contradiction }
      },
      async writeAuditCheckpoint(checkpoint) {
        kept.push(checkpoint)
        return true
      },
      async checkAuditLog(from) {
        if (options.altered !== undefined && from >= 512) {
          return { contradiction: { what: 'an entry was altered', entry: options.altered } }
        }
        return from + 512 < 2_000 ? { next: from + 512 } : {}
      },
    },
    events: (event) => events.push(event),
    setCondition: (code, detail) => (detail === undefined ? conditions.delete(code) : conditions.set(code, detail)),
    fault: (error) => faults.push(error),
  })
  const grow = (count: number): void => {
    log.append(...Array.from({ length: count }, (_, at) => `entry ${log.size + at}`))
    checkpoints.grew()
  }
  return { checkpoints, log, kept, events, conditions, faults, state, grow }
}

test('what the log has grown by is signed for once, and at the end', async () => {
  const { checkpoints, log, kept, grow } = stage()
  grow(3)
  await checkpoints.end()
  assert.equal(kept.length, 1)
  await checkpoints.end()
  assert.equal(kept.length, 1, 'nothing new, nothing signed')
  grow(300)
  await checkpoints.end()
  const { size, root, origin } = openCheckpoint(Buffer.from(kept.at(-1)?.note ?? ''), { log: KEY.key })
  assert.deepEqual([size, origin], [303, 'hub.example/audit'])
  assert.ok(isSameHash(root, log.root()))
})

test('a log that contradicts itself is told of once, and not signed over', async () => {
  const { checkpoints, kept, events, conditions, grow } = stage({
    contradiction: { what: 'entries are missing', entry: 12 },
  })
  grow(20)
  await checkpoints.end()
  await checkpoints.end()
  assert.deepEqual(kept, [])
  assert.deepEqual(
    events.map(({ type, detail }) => [type, detail]),
    [['audit.contradicted', { what: 'entries are missing', entry: 12, size: 20 }]],
  )
  assert.match(conditions.get(CONTRADICTED) ?? '', /first at entry 12/)
})

test('a checkpoint of another key is not continued as if it were ours', async () => {
  const { checkpoints, kept, conditions, grow } = stage()
  grow(5)
  const foreign = new MemoryLog('hub.example/audit', 9).append('entry 0')
  kept.push({ size: 1, root: foreign.root(), time: new ManualClock().wall(), note: formatNote(foreign.checkpoint()) })
  await checkpoints.end()
  assert.equal(kept.length, 1)
  assert.match(conditions.get(CONTRADICTED) ?? '', /not signed with the key of this hub/)
})

test('after the start every entry is looked at, step by step, and the first that was altered is told', async () => {
  const { checkpoints, events, kept, grow } = stage({ altered: 700 })
  grow(1_900)
  checkpoints.tick()
  await settled(() => events.length > 0)
  assert.deepEqual(events[0]?.detail, { what: 'an entry was altered', entry: 700, size: 1_900 })
  const before = kept.length
  grow(1)
  await checkpoints.end()
  assert.equal(kept.length, before, 'nothing is signed over it')
})

test('what the disk refuses is signed for when it is back', async () => {
  const { checkpoints, kept, faults, state, grow } = stage({ fails: true })
  grow(2)
  checkpoints.tick()
  await settled(() => faults.length > 0)
  state.fails = false
  checkpoints.tick()
  await settled(() => kept.length > 0)
  await checkpoints.end()
})

test('the key is made once and stays, whatever the host is called; what was done to its file is refused', async () => {
  const { open, folder } = await keyStage()
  const textOf = async (): Promise<string> =>
    Buffer.from((await folder.read('log.json', 16_384))?.bytes ?? []).toString('utf8')
  const first = await open('hub.example', true)
  assert.equal(first.isNew, true)
  assert.match(first.verifier.name, /^hub\.example\/audit\/[0-9a-f]{12}$/)
  const again = await open('other.example', false)
  assert.equal(again.isNew, false)
  assert.equal(again.verifier.toString(), first.verifier.toString())
  const message = Buffer.from('said')
  assert.ok(first.verifier.verify(message, again.sign(message)))
  const text = await textOf()
  assert.doesNotMatch(text, /PRIVATE/)

  const other = testKey(first.verifier.name, 'note', 3).key.toString()
  const document = JSON.parse(text) as Readonly<Record<string, unknown>>
  for (const wrong of [
    '',
    '{}',
    text.replace(first.verifier.toString(), other),
    text.slice(0, -30),
    JSON.stringify({ ...document, key: 'nonsense' }),
    JSON.stringify({ ...document, sealed: 'nonsense' }),
    JSON.stringify({ ...document, sealed: `${String(document['sealed']).slice(0, -8)}AAAAAAA=` }),
  ]) {
    await replaceFile(folder, 'log.json', Buffer.from(wrong))
    await assert.rejects(open('hub.example', true), isDamage, wrong)
  }
  await removeFile(folder, 'log.json')
  await assert.rejects(open('hub.example', false), isDamage)
})

/** It names the file, and what to do. */
function isDamage(error: unknown): boolean {
  return (
    error instanceof KeyError && error.code === 'damaged' && /log\.json: .*; bring this file back/.test(error.message)
  )
}

async function keyStage() {
  const environment = testEnvironment(standingClock())
  const { ring } = await openKeys(new MemoryFolder(), environment)
  const folder = new MemoryFolder()
  const { random } = environment
  return {
    folder,
    open: (hostName: string, mayCreate: boolean) => openLogKey({ folder, ring, random, hostName, mayCreate }),
  }
}

async function settled(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 400 && !isSo(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(isSo())
}
